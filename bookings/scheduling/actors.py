"""Actor of a change, for audit events and ownership: partner, staff, patient or clock."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractBaseUser

from bookings.models import ActorKind
from practices.models import ApiKey

if TYPE_CHECKING:
    from practices.api.authentication import Caller


@dataclass(frozen=True)
class Actor:
    """A partner's API key, a staff user, a patient, or the clock; the ids are of the first two."""

    kind: ActorKind
    partner_id: str | None = None
    api_key_id: int | None = None
    user_id: int | None = None

    @classmethod
    def of_key(cls, key: ApiKey) -> "Actor":
        return cls(ActorKind.PARTNER, partner_id=key.partner_id, api_key_id=key.pk)

    @classmethod
    def of_caller(cls, caller: "Caller") -> "Actor":
        return cls(ActorKind.PARTNER, partner_id=caller.partner_id, api_key_id=caller.key_id)

    @classmethod
    def of_staff(cls, user: AbstractBaseUser) -> "Actor":
        return cls(ActorKind.STAFF, user_id=user.pk)


CLOCK = Actor(ActorKind.CLOCK)
PATIENT = Actor(ActorKind.PATIENT)
