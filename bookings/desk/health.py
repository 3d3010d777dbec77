"""The health of practices: what each has, and what is missing or in trouble.

Whatever the number of practices, it takes the same number of statements.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery, Sum

from bookings import walltime
from bookings.desk import answer_clock, calls, entering, labels
from bookings.desk.waitlist import fitting
from bookings.models import (
    TAKEN,
    AppointmentStatus,
    Booking,
    Delivery,
    Event,
    OffReason,
    Outcome,
    Status,
    Task,
    WaitlistEntry,
)
from practices.models import Doctor, Location, Membership, Partner, Practice

AHEAD = timedelta(days=14)
"""Fewer open days ahead than these are trouble."""
UNUSED = timedelta(days=7)
"""After these a key that nobody used is worth a word, and so is an account."""
EXPIRES = timedelta(days=14)
LATE = timedelta(minutes=15)
"""Mail that is due for longer than this waits for something."""


@dataclass(frozen=True)
class Trouble:
    """Something to do, in a sentence; `page` is the name of the URL where it can be done.

    row: of what else than the practice the page is. is_note: it can wait.
    """

    says: str
    page: str = ""
    row: Any = None
    is_note: bool = False


@dataclass
class Health:
    """What a practice has, as the hub shows it, and its troubles, the worst first."""

    practice: Practice
    next_open: datetime | None
    last_open: datetime | None
    locations: list[Location] = field(default_factory=list)
    doctors: list[Doctor] = field(default_factory=list)
    staff: list[User] = field(default_factory=list)
    partners: list[Partner] = field(default_factory=list)
    waiting: int = 0
    waiting_since: datetime | None = None
    overdue: int = 0
    calls_left: int = 0
    on_waitlist: int = 0
    offers_to_call: int = 0
    mail_refused: int = 0
    mail_late: int = 0
    system: Partner | None = None
    not_entered: int = 0
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def is_online(self) -> bool:
        page = getattr(self.practice, "booking_page", None)
        return bool(self.practice.active and page and page.active)

    @property
    def day_open(self) -> date | None:
        """The last day with an open opening, at the first location."""
        if self.last_open is None or not self.locations:
            return None
        return walltime.wall_clock(self.last_open, self.locations[0].zone).date()

    @property
    def serious(self) -> list[Trouble]:
        return [each for each in self.troubles if not each.is_note]

    @property
    def notes(self) -> list[Trouble]:
        return [each for each in self.troubles if each.is_note]


def of(practices: Iterable[Practice], *, now: datetime, with_keys: bool) -> list[Health]:
    """Return the health of practices, in their order.

    with_keys: also of their partners' keys and webhooks.
    """
    given = [practice.pk for practice in practices]
    found = {practice.pk: _begun(practice) for practice in _with_openings(given, now)}
    here = Q(practice__in=given)
    for location in Location.objects.filter(here):
        found[location.practice_id].locations.append(location)
    for doctor in Doctor.objects.filter(here).prefetch_related("locations"):
        found[doctor.practice_id].doctors.append(doctor)
    working = Membership.objects.filter(here, user__is_active=True)
    for each in working.select_related("user").order_by("user__username"):
        found[each.practice_id].staff.append(each.user)
    _count_waiting(found, now)
    for key, count in _counted(calls.left(now=now).filter(here), "practice").items():
        found[key].calls_left = count
    _count_waitlist(found, now)
    _count_mail(found, now)
    _count_not_entered(found, now)
    _add_partners(found, with_keys=with_keys)
    for health in found.values():
        troubles = [*_troubles(health, now)]
        if with_keys:
            for partner in health.partners:
                troubles += [*_keys(partner, now), *_webhooks(partner, now)]
        health.troubles = sorted(troubles, key=lambda each: each.is_note)
    return [found[pk] for pk in given if pk in found]


def _begun(practice: Any) -> Health:
    return Health(practice, practice.next_open, practice.last_open)


def _with_openings(ids: list[str], now: datetime) -> QuerySet[Practice]:
    """Find the first and the last opening ahead: each a step in an index, not a count."""
    ahead = Booking.objects.filter(
        practice=OuterRef("pk"), status=Status.OPEN, start_datetime__gt=now
    ).values("start_datetime")
    return (
        Practice.objects.filter(pk__in=ids)
        .select_related("booking_page")
        .annotate(
            next_open=Subquery(ahead.order_by("start_datetime", "id")[:1]),
            last_open=Subquery(ahead.order_by("-start_datetime", "-id")[:1]),
        )
    )


def _counted(rows: QuerySet[Any], path: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(path).annotate(Count("pk")))


def _count_waiting(found: dict[str, Health], now: datetime) -> None:
    """Count patients who need a time, in practices with parts of the day, since when, overdue."""
    of_ranges = [
        location
        for health in found.values()
        if health.practice.range_bookings
        for location in health.locations
    ]
    # With the statuses that it can have, for the index of a location's openings.
    reserved = Booking.objects.filter(
        location__in=of_ranges,
        status__in=(Status.OPEN, Status.PENDING, Status.RESERVED),
        places_reserved__gt=0,
    )
    for key, places in reserved.values_list("practice").annotate(Sum("places_reserved")):
        found[key].waiting = places
    asked = Event.objects.filter(
        booking__location__in=of_ranges,
        booking__status__in=(Status.OPEN, Status.PENDING, Status.RESERVED),
        booking__places_reserved__gt=0,
        appointment__status=AppointmentStatus.RESERVED,
        to_status=AppointmentStatus.RESERVED,
    )
    for key, since in asked.order_by().values_list("booking__practice").annotate(Min("at")):
        found[key].waiting_since = since
    for key, count in answer_clock.overdue(of_ranges, now).items():
        found[key].overdue = count


def _count_waitlist(found: dict[str, Health], now: datetime) -> None:
    """Count families on the waiting lists, and the offers of which no e-mail tells them."""
    waiting = WaitlistEntry.objects.on_list(now).filter(practice__in=[*found])
    for key, count in _counted(waiting, "practice").items():
        found[key].on_waitlist = count
    untold = fitting.open_offers([*found]).filter(fitting.untold(), until__gt=now)
    for key, count in _counted(untold, "entry__practice").items():
        found[key].offers_to_call = count


def _count_mail(found: dict[str, Health], now: datetime) -> None:
    """Count mail that did not reach a family whose visit is to come, and mail that waits."""
    path = "appointment__booking__practice"
    undelivered = Delivery.objects.filter(
        **{f"{path}__in": [*found]},
        outcome__in=(Outcome.REFUSED, Outcome.FAILED),
        appointment__status__in=TAKEN,
        appointment__booking__start_datetime__gt=now,
    )
    visits = undelivered.order_by().values_list(path).annotate(Count("appointment", distinct=True))
    for key, count in visits:
        found[key].mail_refused = count
    # Of all practices: begun with these few tasks, and not with each visit of a practice.
    late = Task.objects.filter(
        finished_at__isnull=True, run_after__lt=now - LATE, appointment__isnull=False
    )
    for key, count in _counted(late, path).items():
        if key in found:
            found[key].mail_late = count


def _count_not_entered(found: dict[str, Health], now: datetime) -> None:
    """Count what the practices' own systems have not entered, where they have one."""
    systems = entering.systems(found)
    for key, partner in systems.items():
        found[key].system = partner
    if systems:
        left = entering.left([*systems], now=now)
        for key, count in _counted(left, "booking__practice").items():
            found[key].not_entered = count


def _add_partners(found: dict[str, Health], *, with_keys: bool) -> None:
    granted = Partner.objects.filter(Q(all_practices=True) | Q(practices__in=[*found])).distinct()
    granted = granted.prefetch_related("practices", *(["keys", "webhooks"] if with_keys else []))
    for partner in granted:
        everywhere = found.keys() if partner.all_practices else ()
        for key in {*everywhere, *(each.pk for each in partner.practices.all())}:
            if key in found:
                found[key].partners.append(partner)


def _troubles(health: Health, now: datetime) -> Iterable[Trouble]:
    if not health.practice.active:
        yield Trouble("It is switched off: partners and patients cannot see it.", is_note=True)
    yield from _missing(health)
    yield from _without_each_other(health)
    if health.locations and health.doctors:
        yield from _openings(health, now)
    yield from _work(health, now)
    yield from _unused_accounts(health, now)


def _missing(health: Health) -> Iterable[Trouble]:
    if not health.locations:
        yield Trouble("There is no location.", "practices_location_add")
    if not health.doctors:
        yield Trouble("There is no doctor.", "practices_doctor_add")
    if not health.staff:
        yield Trouble("No staff account works for it.", "auth_user_add")


def _without_each_other(health: Health) -> Iterable[Trouble]:
    worked_at = set()
    for doctor in health.doctors:
        at = [location.pk for location in doctor.locations.all()]
        worked_at.update(at)
        if not at and health.locations:
            says = f"{doctor} works at no location."
            yield Trouble(says, "practices_doctor_change", doctor)
    for location in health.locations:
        if location.pk not in worked_at and health.doctors:
            yield Trouble(f"No doctor works at {location}.", "practices_location_change", location)


def _openings(health: Health, now: datetime) -> Iterable[Trouble]:
    if health.last_open is None:
        yield Trouble("There are no free openings ahead.", "desk_publish")
    elif health.last_open < now + AHEAD and health.day_open:
        until = labels.long_day(health.day_open)
        yield Trouble(f"There are no free openings after {until}.", "desk_publish")


def _work(health: Health, now: datetime) -> Iterable[Trouble]:
    if health.waiting:
        since = health.waiting_since
        are = "is" if health.waiting == 1 else "are"
        says = f"{labels.counted(health.waiting, 'patient')} {are} waiting for a time"
        says += f", the longest for {labels.lasted(now - since)}." if since else "."
        if health.overdue:
            says += f" Overdue: {health.overdue}."
        yield Trouble(says, "desk_ranges")
    if health.calls_left:
        says = f"{labels.counted(health.calls_left, 'patient')} left to call."
        yield Trouble(says, "desk_calls")
    if health.offers_to_call:
        count = labels.counted(health.offers_to_call, "place")
        yield Trouble(f"{count} offered from the waiting list: call.", "desk_waitlist")
    if health.not_entered:
        are = "is" if health.not_entered == 1 else "are"
        says = f"{labels.counted(health.not_entered, 'visit')} {are} not yet in {health.system}."
        yield Trouble(says, "desk_not_entered")
    if health.mail_refused:
        count = labels.counted(health.mail_refused, "upcoming visit")
        yield Trouble(f"E-mail about {count} bounced. Call the families.", "desk_mail")
    if health.mail_late:
        count = labels.counted(health.mail_late, "e-mail")
        yield Trouble(f"{count} waiting to go out for over 15 minutes.", "desk_mail")


def _unused_accounts(health: Health, now: datetime) -> Iterable[Trouble]:
    for user in health.staff:
        if user.last_login is None:
            name = user.get_full_name() or user.get_username()
            yield Trouble(
                f"{name} has not logged in yet; the account was created {_ago(user, now)}.",
                "auth_user_change",
                user,
                is_note=now - user.date_joined < UNUSED,
            )


def _keys(partner: Partner, now: datetime) -> Iterable[Trouble]:
    working = [key for key in partner.keys.all() if partner.active and not key.has_ended(now)]
    if not working:
        yield Trouble(f"No key of {partner} works.", "partner_keys", partner, is_note=True)
    elif not partner.special_authorization:
        says = f"{partner} is granted this practice, but may only read."
        yield Trouble(says, "practices_partner_change", partner, is_note=True)
    for key in working:
        name = f"The key {key.prefix}… of {partner}"
        if key.expires_at is not None and key.expires_at < now + EXPIRES:
            left = labels.lasted(key.expires_at - now)
            yield Trouble(f"{name} expires in {left}.", "partner_keys", partner)
        used = key.last_used_at or key.created_at
        if now - used >= UNUSED:
            never = "has not been used for" if key.last_used_at else "was never used in"
            says = f"{name} {never} {labels.counted((now - used).days, 'day')}."
            yield Trouble(says, "partner_keys", partner, is_note=True)


def _webhooks(partner: Partner, now: datetime) -> Iterable[Trouble]:
    for webhook in partner.webhooks.all():
        name, page = f"The webhook {webhook.url} of {partner}", "partner_webhooks"
        if not webhook.active and webhook.off_reason != OffReason.PARTNER:
            yield Trouble(f"{name} is off: {webhook.get_off_reason_display()}.", page, partner)
        elif webhook.failing_since is not None and webhook.failing_since < now - LATE:
            lasted = labels.lasted(now - webhook.failing_since)
            yield Trouble(f"{name} has failed for {lasted}.", page, partner)


def _ago(user: User, now: datetime) -> str:
    days = (now - user.date_joined).days
    return f"{labels.counted(days, 'day')} ago" if days else "today"
