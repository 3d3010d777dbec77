"""What onboarding makes of valid forms, in one transaction, as Django's admin would log it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest

from openchair.staff.invitations import invite
from practices.admin.onboarding.forms import username_of
from practices.models import ApiKey, Doctor, Location, Membership, Partner, Practice


@dataclass
class Made:
    """What was made; the links and the key are in the answer, and are kept nowhere."""

    practice: Practice
    locations: list[Location] = field(default_factory=list)
    doctors: list[Doctor] = field(default_factory=list)
    invited: list[tuple[User, str]] = field(default_factory=list)
    partner: Partner | None = None
    key: str = ""


@transaction.atomic
def make(request: HttpRequest, forms: Any, practice_id: str) -> Made:
    """Make a practice with this id, and all that the forms say belongs to it.

    Raises IntegrityError, having made nothing, where the practice is there already.
    """
    practice = forms.practice.save(commit=False)
    practice.pk = practice_id
    practice.save(force_insert=True)
    made = Made(practice)
    rows = {}
    for row, form in enumerate(forms.locations.forms):
        if form.has_changed():
            rows[row] = _saved(form, practice=practice)
    made.locations = [*rows.values()]
    for form in forms.doctors.filled:
        doctor = _saved(form, practice=practice)
        doctor.locations.set([rows[row] for row in form.cleaned_data["works_at"]] or rows.values())
        made.doctors.append(doctor)
    _log(request, [practice, *made.locations, *made.doctors])
    made.invited = [(user, invite(request, user)) for user in _people(request, forms, practice)]
    _partner(request, forms.partner.cleaned_data, made)
    return made


def _saved(form: Any, **values: Any) -> Any:
    row = form.save(commit=False)
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row


def _people(request: HttpRequest, forms: Any, practice: Practice) -> list[User]:
    """Make the accounts of the staff; each person sets their own password (`invite`)."""
    people: list[User] = []
    taken = {name.casefold() for name in User.objects.values_list("username", flat=True)}
    taken |= {form.cleaned_data["username"].casefold() for form in forms.staff.filled}
    for form in forms.staff.filled:
        user = form.save(commit=False)
        name = form.cleaned_data["name"]
        user.first_name, _, user.last_name = name.partition(" ")
        user.username = user.username or username_of(name, taken)
        taken.add(user.username.casefold())
        user.is_staff = True
        user.save()
        people.append(user)
    memberships = [Membership.objects.create(user=user, practice=practice) for user in people]
    _log(request, [*people, *memberships])
    return people


def _partner(request: HttpRequest, chosen: dict[str, Any], made: Made) -> None:
    """Grant the practice to the partner, if there is one, and issue the key that was asked for."""
    partner, name = chosen["existing"], chosen["new_name"]
    if partner is None and not name:
        return
    if partner is None:
        partner = Partner.objects.create(name=name, special_authorization=True)
        _log(request, [partner])
    elif not partner.special_authorization:
        partner.special_authorization = True
        partner.save(update_fields=["special_authorization"])
        _log(request, [partner], "May list practices and fill those that it is granted.", CHANGE)
    partner.practices.add(made.practice)
    _log(request, [partner], f"Granted {made.practice}.", CHANGE)
    made.partner = partner
    if name or chosen["another_key"]:
        issued_by: Any = request.user
        key, made.key = ApiKey.objects.issue(partner, created_by=issued_by)
        _log(request, [partner], f"Issued key {key.prefix}…", CHANGE)


def _log(
    request: HttpRequest, rows: Iterable[Model], message: Any = "", flag: int = ADDITION
) -> None:
    assert request.user.pk is not None
    said = message or [{"added": {}}]
    LogEntry.objects.log_actions(request.user.pk, [*rows], flag, said)
