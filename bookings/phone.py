"""Telephone numbers as people type them: whether one is possible, and its link for dialing."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

_HERE = "US"


def is_possible(typed: str) -> bool:
    """Whether it has a possible length; one of another country begins with + and its code."""
    number = _parsed(typed)
    return number is not None and phonenumbers.is_possible_number(number)


def link(typed: str) -> str:
    """Return the URL that dials a number; an empty string for one that is not possible."""
    number = _parsed(typed)
    if number is None or not phonenumbers.is_possible_number(number):
        return ""
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        # Without an area code, which is the caller's to know: dialed as it was written.
        return f"tel:{phonenumbers.national_significant_number(number)}"
    extension = f";ext={number.extension}" if number.extension else ""
    return f"tel:{phonenumbers.format_number(number, PhoneNumberFormat.E164)}{extension}"


def _parsed(typed: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(typed, _HERE)
    except NumberParseException:
        return None
