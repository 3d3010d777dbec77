"""Search terms of a visit: the beginnings of its names and the end of its phone, as keyed digests.

Patients' data is encrypted, so search.py beside this finds a visit by its rows of SearchTerm,
which are written together with it. A digest is of one practice: those of two have none in common.
"""

import json
import re
import unicodedata
from collections.abc import Sequence

from django.db import connection

from bookings.models import Appointment
from bookings.patients import record
from bookings.patients.record import Patient
from openchair import encryption
from openchair.database.writes import Statement

FEWEST_LETTERS = 3
MOST_LETTERS = 8
LAST_DIGITS = 4
LETTERS = r"[^\W\d_]+"
_NAME, _DIGITS = "name", "last digits"
_TYPED_AS = str.maketrans({
    # without a decomposition in Unicode: ø, ł, đ, ð, dotless i, æ, œ, þ
    "\u00f8": "o", "\u0142": "l", "\u0111": "d", "\u00f0": "d", "\u0131": "i",
    "\u00e6": "ae", "\u0153": "oe", "\u00fe": "th",
    # what is written for an apostrophe
    "\u2018": "'", "\u2019": "'", "\u02bb": "'", "\u02bc": "'", "\u2032": "'", "`": "'",
})  # fmt: skip
_INSERT = "INSERT INTO bookings_searchterm (appointment_id, digest) SELECT"
_INSERTS = {
    "postgresql": f"{_INSERT} %s::text, unnest(%s::bigint[])",
    "sqlite": f"{_INSERT} %s, value FROM json_each(%s)",
}
_DELETE = "DELETE FROM bookings_searchterm WHERE appointment_id = %s"


def plain(text: str) -> str:
    """Return a text in small letters without accents: "O’Brien-Núñez" is "o'brien-nunez"."""
    if text.isascii():
        return text.casefold().translate(_TYPED_AS)
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    unmarked = (each for each in decomposed if not unicodedata.category(each).startswith("M"))
    return "".join(unmarked).casefold().translate(_TYPED_AS)


def words(patient: Patient) -> set[str]:
    """Return the words of the patient's and the guardian's names, plain.

    O'Brien is obrien, o and brien; a first or last name of several words is one word, too.
    """
    found = set()
    for name in (patient.first_name, patient.last_name):
        found.add("".join(re.findall(LETTERS, plain(name))))
    for part in plain(" ".join((*patient[:2], patient.guardian_name))).split():
        pieces = re.findall(LETTERS, part)
        found |= {*pieces, "".join(pieces)}
    return found - {""}


def typed_words(text: str) -> list[str]:
    """Return the words of a search, plain: "O'Brien, Anne-Marie" is obrien, anne, marie."""
    found = re.findall(r"(?:[^\W\d_]|')+", plain(text))
    return [word for each in found if (word := each.replace("'", ""))]


def number(phone: str) -> str:
    """Return a phone's digits without the country code, and without an extension ("x12")."""
    return record.digits(re.sub(r"(?i)(?<=\d)\W*(?:x|ext)\W*\d+\W*\Z", "", phone))


def by_word(practice_id: str, word: str) -> list[int]:
    """Return digests to search a word's beginning by, one for each key."""
    return [one for (one,) in encryption.numbers(_NAME, practice_id, word[:MOST_LETTERS])]


def by_last_digits(practice_id: str, digits: str) -> list[int]:
    """Return digests to search the end of a phone number by, one for each key."""
    return [one for (one,) in encryption.numbers(_DIGITS, practice_id, digits[-LAST_DIGITS:])]


def of(patient: Patient, practice_id: str) -> set[int]:
    """Return the digests that a patient is found by, under the encrypting key."""
    if patient == record.NOBODY:
        return set()
    beginnings = {
        word[:letters]
        for word in words(patient)
        for letters in range(min(len(word), FEWEST_LETTERS), min(len(word), MOST_LETTERS) + 1)
    }
    found = encryption.numbers(_NAME, practice_id, *beginnings)[0]
    if len(digits := number(patient.phone)) >= LAST_DIGITS:
        found.append(by_last_digits(practice_id, digits)[0])
    # What nothing is searched by tells `reencrypt` that this one has been done.
    return set(found) or {*encryption.numbers("nothing", practice_id, "")[0]}


def saving(made: Sequence[Appointment], changed: Sequence[Appointment]) -> dict[str, Statement]:
    """Return statements for writes.run that save the terms of new and of changed appointments."""
    statements, vendor = {}, connection.vendor
    for nth, each in enumerate(changed):
        statements[f"old_terms_{nth}"] = Statement(_DELETE, [each.pk])
    for nth, each in enumerate((*changed, *made)):
        if found := [*of(each.unread_person, each.booking.practice_id)]:
            digests = found if vendor == "postgresql" else json.dumps(found)
            statements[f"terms_{nth}"] = Statement(_INSERTS[vendor], [each.pk, digests])
    return statements
