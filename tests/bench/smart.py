"""Benchmark of the public list: a practice's files made anew, kept, and known to the client.

    python -m tests.bench.smart [PRACTICES BOOKINGS MIDDLE LARGE]

loads what the speed benchmark does (1.5 million openings unless said), opts every practice in, and
asks in process, also for one practice with an opening every half an hour for twelve weeks.
"""

import gzip
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import django
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.server import ROOT

SIZES = ("250", "2000", "6000", "5000")
ROUNDS = 30
MANY = 4000


def main(sizes: tuple[str, ...]) -> None:
    """Fill the empty database that DATABASE_URL names, and print the figures."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "openchair.settings"
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True)
    load = [sys.executable, "-m", "tests.bench.data", *sizes]
    subprocess.run(load, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    django.setup()
    measure()


def measure() -> None:
    from bookings.models import Booking  # Django has to be set up first
    from practices.models import BookingPage, Location, Practice

    Location.objects.update(
        office_phone="212 555 0148", street_address="1 Main", city="X", state_code="NY", zip="1"
    )
    practices = list(Practice.objects.order_by("pk"))
    BookingPage.objects.bulk_create(
        BookingPage(practice=each, active=True, public_feed=True) for each in practices
    )
    few, many = practices[0], practices[1]
    sample = Booking.objects.filter(practice=many, status="open").first()
    assert sample is not None
    sys.stdout.write(f"{Booking.objects.count()} openings, {len(practices)} practices\n")
    begins = datetime.now(UTC) + timedelta(hours=4)
    rows = []
    for nth in range(MANY):
        values = {field.attname: getattr(sample, field.attname) for field in Booking._meta.fields}
        start = begins + timedelta(minutes=30 * nth)
        rows.append(Booking(**{**values, "id": f"many{nth}", "start_datetime": start}))
    Booking.objects.bulk_create(rows)
    _told("manifest", "/scheduling/smart/$bulk-publish")
    _told("few", f"/scheduling/smart/{few.pk}/Slot.ndjson")
    _told("many", f"/scheduling/smart/{many.pk}/Slot.ndjson")


def _told(name: str, path: str) -> None:
    from bookings.smart import files

    client = Client(HTTP_HOST="localhost")
    client.defaults["HTTP_ACCEPT_ENCODING"] = "gzip"

    def cold() -> None:
        files._kept.clear()
        client.get(path)

    answer = client.get(path)
    tag = answer.headers["ETag"]
    with CaptureQueriesContext(connection) as asked:
        client.get(path)
    text = gzip.decompress(answer.content)
    ways: dict[str, Callable[[], object]] = {
        "made anew": cold,
        "kept": lambda: client.get(path),
        "304": lambda: client.get(path, headers={"If-None-Match": tag}),
    }
    lines = text.count(b"\n")
    sys.stdout.write(f"{name}: {lines} lines, {len(text)} bytes, {len(answer.content)} gzip; ")
    sys.stdout.write(f"{len(asked)} statements kept; ms of CPU p50, p95:")
    for way, act in ways.items():
        took = sorted(_milliseconds(act) for _ in range(ROUNDS))
        sys.stdout.write(f" {way} {statistics.median(took):.1f}, {took[-2]:.1f};")
    sys.stdout.write("\n")


def _milliseconds(act: Callable[[], object]) -> float:
    """Return the processor time that it takes here, without PostgreSQL's."""
    began = time.process_time()
    act()
    return (time.process_time() - began) * 1000


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or SIZES)
