"""Encryption of patients' data, and search by digests of e-mail address and phone number.

Each appointment has all of it in one encrypted text; none of it is in the database in clear.
"""

import json
import re
from typing import NamedTuple

from openchair import encryption


class Patient(NamedTuple):
    """A patient's data; a field that is not known is empty."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    guardian_name: str = ""
    zip_code: str = ""
    message: str = ""
    note: str = ""
    cancel_reason: str = ""
    words: str = ""


PATIENT_FIELDS = Patient._fields
OFFICE_FIELDS = ("note", "cancel_reason", "words")
"""What the office writes; partners neither read nor write it. words: to the family, in a mail."""
PARTNER_FIELDS = tuple(name for name in PATIENT_FIELDS if name not in OFFICE_FIELDS)
NOBODY = Patient()
FEWEST_DIGITS = 7


def kept(patient: Patient) -> dict[str, str | None]:
    """Return the values of an appointment's columns of patient data, by their names."""
    if patient == NOBODY:
        return dict.fromkeys(("patient", "patient_key", "email_digest", "phone_digest"))
    told = {name: value for name, value in patient._asdict().items() if value}
    return {
        "patient": encryption.seal(json.dumps(told, ensure_ascii=False)),
        "patient_key": encryption.key_names()[0],
        "email_digest": next(iter(by_email(patient.email)), None),
        "phone_digest": next(iter(by_phone(patient.phone)), None),
    }


def read(sealed: str | None) -> Patient:
    """Decrypt a patient. Raises encryption.UnreadableError.

    What a newer release knows of one is left out, so that both can serve during an upgrade.
    """
    if sealed is None:
        return NOBODY
    told = json.loads(encryption.unseal(sealed))
    return Patient(**{name: told[name] for name in PATIENT_FIELDS if name in told})


def kept_names(names: list[tuple[str, str]]) -> str:
    """Seal first and last names of people; empty where there are none."""
    return encryption.seal(json.dumps(names, ensure_ascii=False)) if names else ""


def read_names(sealed: str | None) -> list[tuple[str, str]]:
    """Decrypt names of people. Raises encryption.UnreadableError."""
    told = [] if sealed is None else json.loads(encryption.unseal(sealed))
    return [(first, last) for first, last in told]


def by_email(text: str) -> list[str]:
    """Return digests to search an e-mail address by, one for each key; none if it has no @."""
    address = text.strip().casefold()
    return encryption.digests("email", address) if "@" in address else []


def by_phone(text: str) -> list[str]:
    """Return digests to search a phone number by, one for each key; none under 7 digits."""
    number = digits(text)
    return encryption.digests("phone", number) if len(number) >= FEWEST_DIGITS else []


def digits(phone: str) -> str:
    """Return a phone number's digits, without the country code: +1 555 555 0100 is 5555550100."""
    found = re.sub(r"\D", "", phone)
    return re.sub(r"\A1(?=\d{10}\Z)", "", re.sub(r"\A00", "", found))
