"""The address by which staff look at a booking page, also at one that is off."""

from django.core import signing

_SALT = "openchair.booking_page.preview"
LASTS = 86_400
"""Seconds for which the address can be opened; what is opened lasts as long as any state."""


def token(practice_id: str) -> str:
    """Return the value of the address's parameter `preview`."""
    return signing.dumps(practice_id, salt=_SALT)


def is_valid(sent: str, practice_id: str) -> bool:
    """Whether `sent`, which may be any text, is a token of this practice."""
    try:
        practice: str = signing.loads(sent, salt=_SALT, max_age=LASTS)
    except (signing.BadSignature, ValueError):
        return False
    return practice == practice_id
