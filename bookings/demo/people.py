"""Invented patients of the demo. 555-01xx numbers are reserved for fiction."""

from collections.abc import Iterator
from itertools import count

from bookings.patients.record import Patient
from practices.models import Kind


def _child(first: str, last: str, phone: str, guardian: str, **more: str) -> Patient:
    return Patient(first_name=first, last_name=last, phone=phone, guardian_name=guardian, **more)


def _adult(first: str, last: str, phone: str, **more: str) -> Patient:
    return Patient(first_name=first, last_name=last, phone=phone, **more)


_MARCHETTI = {"zip_code": "10016", "email": "marchetti@example.com"}
TOMORROW = (
    # By location, in the order of the day; brothers and sisters next to each other.
    (
        _adult("Maya", "Fontaine", "212 555 0101", message="Hopes to start before June."),
        _child("María José", "Núñez", "917 555 0114", "Inés Núñez", email="nunez@example.com"),
        _adult("Conor", "O'Brien", "646 555 0119", note="Uses a wheelchair: give him room 1."),
        _child("Priscilla", "Aldana", "773 555 0124", "Rosa Aldana", email="aldana@example.com"),
        _child("Theo", "Marchetti", "212 555 0107", "Lucia Marchetti", **_MARCHETTI),
        _child("Bianca", "Marchetti", "212 555 0107", "Lucia Marchetti", **_MARCHETTI),
    ),
    (
        _adult("Ines", "Okonkwo", "917 555 0112", message="Second opinion on clear aligners."),
        _child("Lena", "Haddad", "312 555 0145", "Rima Haddad", note="Call her mother before 9."),
        _child("Zoë", "D'Angelo", "718 555 0153", "Paul D'Angelo", email="dangelo@example.com"),
        _adult("Jonah", "Whitlock", "646 555 0172", message="Any time after noon."),
        _child("Kofi", "Bergstrom", "312 555 0131", "Anna Bergstrom", message="Twins."),
        _child("Ada", "Bergstrom", "312 555 0131", "Anna Bergstrom", message="Twins."),
    ),
)
MAIL = {
    "nunez@example.com": (("", "sent", ""), ("reminder_3_days", "sent", "")),
    "aldana@example.com": (("", "sent", ""), ("reminder_3_days", "dropped", "unsubscribed")),
    "dangelo@example.com": (("", "refused", ""),),
}
"""What became of the mail of those who have an address: kind, outcome, reason. The first one said
that the visit is booked, or reserved."""
_FIRST = (
    *("Amara", "Liam", "Sofía", "Noah", "Chloé", "Ethan", "Priya", "Mateo", "Hannah", "Kenji"),
    *("Olivia", "José", "Fatima", "Lucas", "Siobhán", "Omar", "Grace", "André", "Leila", "Ben"),
    *("Zofia", "Elijah", "Renée", "Tomás", "Naomi", "Björn", "Mei", "Samuel", "Ximena", "Henry"),
    *("Aaliyah", "Jonah", "Beatriz", "Caleb", "Ingrid", "Rafael", "Nora", "Dev", "Thuy", "Max"),
)
_LAST = (
    *("Kowalski", "Nguyen", "García", "Thompson", "O'Connor", "Haddad", "Muñoz", "Silva", "Park"),
    *("Johansson", "Washington", "Peña", "Rossi", "Okafor", "Lefèvre", "Cohen", "Gutiérrez"),
    *("Schäfer", "Patel", "D'Souza", "Brooks", "Ibáñez", "Novak", "Tanaka", "McAllister", "Ortiz"),
    *("Fischer", "Ramírez", "Adler", "Delacroix", "Singh", "Yilmaz", "Castellano", "Whitlock"),
    *("Bianchi", "Ferreira", "Lindgren", "St. James", "Abara", "Dubois", "Vargas"),
)
_AREAS = {Kind.EXACT: ("212", "332", "646", "917", "929"), Kind.RANGE: ("312", "773", "872", "331")}


def patients(kind: Kind) -> Iterator[Patient]:
    """Yield different people, without an end; of those with a guardian, some are siblings."""
    areas, nth = _AREAS[kind], count()
    while True:
        n = next(nth)
        first, last = _FIRST[n % len(_FIRST)], _LAST[n * 7 % len(_LAST)]
        phone = f"{areas[n // 100 % len(areas)]} 555 01{n % 100:02}"
        if n % 3 == 0:
            yield _adult(first, last, phone)
            continue
        guardian = f"{_FIRST[(n + 19) % len(_FIRST)]} {last}"
        yield _child(first, last, phone, guardian)
