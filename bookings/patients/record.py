"""What is known of a patient: how it is kept, encrypted, and by what it is found again.

One sealed text for each appointment holds it all; in clear it is nowhere in the database.
"""

import json
import re
from typing import NamedTuple

from openchair import encryption


class Patient(NamedTuple):
    """What a partner or the office was told of a patient; empty where nothing was."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    guardian_name: str = ""
    zip_code: str = ""
    message: str = ""


PATIENT_FIELDS = Patient._fields
NOBODY = Patient()
_FEWEST_DIGITS = 7


def kept(patient: Patient) -> dict[str, str | None]:
    """Give the columns of an appointment in which a patient is kept."""
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
    """Read a patient. Raises encryption.UnreadableError."""
    return NOBODY if sealed is None else Patient(**json.loads(encryption.unseal(sealed)))


def by_email(text: str) -> list[str]:
    """Give the digests by which an e-mail address is found; none where it is none."""
    address = text.strip().casefold()
    return encryption.digests("email", address) if "@" in address else []


def by_phone(text: str) -> list[str]:
    """Give the digests by which a phone number is found, however it is written."""
    digits = re.sub(r"\D", "", text)
    # The country may be said or not: +1 555 555 0100 is 555 555 0100.
    digits = re.sub(r"\A1(?=\d{10}\Z)", "", re.sub(r"\A00", "", digits))
    return encryption.digests("phone", digits) if len(digits) >= _FEWEST_DIGITS else []
