"""Mutation test: takes safeguards out of a copy of the code, and sees which test fails.

`script/mutants` runs it beside a PostgreSQL; `script/mutants WORD ...` takes only those mutants
whose names have one of the words. When code moves, its text moves in MUTANTS: a mutant whose text
is not found, or found twice, is an error, and so is one that survives.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIGRATION = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("bookings", "{before}")]
    operations = [migrations.RemoveConstraint("booking", "%s")]
"""


@dataclass(frozen=True)
class Mutant:
    """A safeguard to take out, and the tests that have to notice."""

    name: str
    file: str
    old: str
    """Text that is there once; "" stands for a file that is not there yet."""
    new: str
    tests: tuple[str, ...]


MUTANTS = [
    Mutant(
        "no lock of a booking",
        "bookings/scheduling/moves.py",
        'Booking.objects.select_for_update(of=("self",))\n',
        "Booking.objects\n",
        ("tests/test_races.py::test_of_64_who_take_a_place_exactly_as_many_get_one_as_there_are",),
    ),
    Mutant(
        "no lock of a partner whose holds are counted",
        "bookings/scheduling/holds.py",
        "WHERE id = %s FOR NO KEY UPDATE",
        "WHERE id = %s",
        ("tests/test_races.py::test_a_partner_never_holds_more_than_its_limit_however_many_ask",),
    ),
    Mutant(
        "a hold ends a moment late",
        "bookings/scheduling/locked_booking.py",
        "is not None and instant <= self.now:",
        "is not None and instant < self.now:",
        ("tests/bookings/test_holds.py",),
    ),
    Mutant(
        "a change does not see that a hold has ended",
        "bookings/scheduling/moves.py",
        "    locked.expire_holds()\n    return locked\n",
        "    return locked\n",
        ("tests/bookings/test_holds.py",),
    ),
    Mutant(
        "no lock of a waiting list",
        "bookings/scheduling/waitlist/rows.py",
        "Waitlist.objects.select_for_update().filter(",
        "Waitlist.objects.filter(",
        ("tests/waitlist/test_races.py",),
    ),
    Mutant(
        "an offer is made whoever's turn it is by now",
        "bookings/scheduling/waitlist/offers.py",
        "    if waitlist.version != version:\n",
        "    if waitlist.version < version:\n",
        ("tests/waitlist/test_races.py",),
    ),
    Mutant(
        "a claim does not ask the waiting list",
        "bookings/scheduling/waitlist/turn.py",
        "    return not openings.has(booking.pk)\n",
        "    return False\n",
        ("tests/waitlist/test_offers.py",),
    ),
    Mutant(
        "who declined is not asked again of what is free",
        "bookings/scheduling/waitlist/rows.py",
        "waitlist.is_due = waitlist.is_due or is_due",
        "waitlist.is_due = waitlist.is_due",
        ("tests/waitlist/test_state_machine.py",),
    ),
    Mutant(
        "who wants an earlier time is offered what was free",
        "bookings/scheduling/waitlist/matching.py",
        "free.freed_at is None or free.freed_at <= who.entry.created_at",
        "free.freed_at is None",
        ("tests/waitlist/test_offers.py",),
    ),
    Mutant(
        "a family's bookings are locked in the order it asks for them",
        "bookings/scheduling/families.py",
        "locked = moves.lock_all({*was.values(), *of}, by=by, now=now)",
        "locked = {pk: moves.lock(pk, by=by, now=now) for pk in [*was.values(), *of]}",
        (
            "tests/test_races.py::test_of_64_families_one_gets_the_last_two_places_side_by_side_and_nobody_gets_one_alone",
        ),
    ),
    Mutant(
        "several bookings are locked in any order",
        "bookings/scheduling/moves.py",
        "for each in sorted(booking_ids)}",
        "for each in booking_ids}",
        ("tests/bookings/test_lock_order.py",),
    ),
    Mutant(
        "staff see every practice",
        "practices/scoping.py",
        'return rows.filter(**{f"{self.practice_path}__in": ids})',
        "return rows if ids else rows.none()",
        (
            "tests/desk/test_isolation_of_writes.py::test_an_export_of_anothers_rows_has_none_of_them",
            "tests/desk/test_isolation_of_writes.py::test_an_opening_of_ones_own_is_not_moved_into_another_practice",
        ),
    ),
    Mutant(
        "a partner without a grant is let in",
        "practices/api/permissions.py",
        "    if not caller.is_granted(practice_id):\n",
        "    if not practice_id:\n",
        ("tests/bookings/test_who_may.py",),
    ),
    # Last: what follows would find their database.
    Mutant(
        "no constraint that a status agrees with the places",
        "bookings/migrations/9999_mutant.py",
        "",
        MIGRATION % "booking_status_agrees_with_places",
        ("tests/bookings/test_constraints.py",),
    ),
]


def copy_of_the_tree(to: Path) -> None:
    """Copy every file that is in git or would be added."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def mutated(text: str | None, mutant: Mutant, migrations: Path) -> str:
    """Return the text of a file with the safeguard taken out. Raises ValueError."""
    if mutant.old == "" and text is None:
        before = max(migrations.glob("[0-9]*.py")).stem
        return mutant.new.replace("{before}", before)
    if text is None or text.count(mutant.old) != 1 or not mutant.old:
        raise ValueError(f"{mutant.file} does not have this once:\n{mutant.old}")
    return text.replace(mutant.old, mutant.new)


def failing(tree: Path, tests: tuple[str, ...], *options: str) -> tuple[str, str]:
    """Run tests in a tree; return the first that fails, or "", and pytest's output.

    Raises ValueError where something else went wrong than a test.
    """
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *options]
    ran = subprocess.run(
        [*command, *tests], cwd=tree, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = ran.stdout.decode(errors="replace")
    if ran.returncode == 0:
        return "", said
    found = re.search(r"^FAILED (.+?)(?: - .*)?$", said, re.MULTILINE)
    if ran.returncode != 1 or found is None:
        raise ValueError(f"the tests could not be run:\n{said[-3000:]}")
    return found[1], said


def try_out(tree: Path, mutant: Mutant) -> bool:
    """Mutate, test, print, and restore; return whether a test noticed."""
    file = tree / mutant.file
    was = file.read_text() if file.exists() else None
    try:
        file.write_text(mutated(was, mutant, file.parent))
        caught, _ = failing(tree, mutant.tests, "--reuse-db" if was else "--create-db")
    except ValueError as wrong:
        print(f"BROKEN    {mutant.name}: {wrong}", flush=True)
        return False
    finally:
        if was is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(was)
    said = f"caught    {mutant.name}: {caught}" if caught else f"SURVIVED  {mutant.name}"
    print(said, flush=True)
    return bool(caught)


def main(words: list[str]) -> int:
    """Try all mutants; exit with 1 if one survives, or if the tests fail without any."""
    chosen = [m for m in MUTANTS if not words or any(word in m.name for word in words)]
    tests = tuple(sorted({test for mutant in chosen for test in mutant.tests}))
    with tempfile.TemporaryDirectory(prefix="openchair-mutants-") as folder:
        tree = Path(folder)
        copy_of_the_tree(tree)
        fails, said = failing(tree, tests, "--create-db", "--reuse-db") if tests else ("", "")
        if fails or not tests:
            print(said[-3000:] if fails else f"No mutant has a name with {' or '.join(words)}.")
            return 1
        survived = [mutant.name for mutant in chosen if not try_out(tree, mutant)]
    print(f"{len(chosen) - len(survived)} of {len(chosen)} caught.")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
