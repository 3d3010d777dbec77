"""django-filter filter sets of the list endpoints. Time windows are half-open: start included."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError

from bookings import walltime
from bookings.api.waitlist_serializers import OFF_LIST, ShownStatus
from bookings.models import TAKEN, Appointment, AppointmentStatus, Booking, Status, WaitlistEntry

ALL = "all"
ALL_BUT_CLOSED = [status.value for status in Status if status != Status.CLOSED]
# A + in a query means a space, and clients forget to write it as %2B.
_LOST_PLUS = re.compile(r"(:\d\d(?:\.\d+)?) (\d\d:?\d\d)\Z", re.ASCII)


class ParameterFilter(filters.Filter):
    """Base filter that gets its parameter as text, to parse it itself."""

    field_class = forms.CharField

    @property
    def parameter(self) -> str:
        """Return the name of the query parameter, for error messages."""
        names = (name for name, one in self.parent.filters.items() if one is self)
        return str(next(names))


class MomentFilter(ParameterFilter, filters.IsoDateTimeFilter):
    """Filter by an instant; without an offset it is wall time in the filter set's zone.

    Raises ValidationError, also for a wall time where the locations have several zones.
    """

    def filter(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if not value:
            return queryset
        at = instant(self.parameter, value, self.parent.zone)
        return queryset.filter(**{f"{self.field_name}__{self.lookup_expr}": at})


def instant(name: str, text: str, zone: ZoneInfo | None) -> datetime:
    """Parse a parameter's date and time; without an offset it is wall time in this zone.

    Raises ValidationError.
    """
    try:
        moment = walltime.parse(_LOST_PLUS.sub(r"\1+\2", text))
        if moment.tzinfo is None and zone is None:
            raise ValidationError(
                {name: "Write it with its UTC offset: the locations have several wall clocks."}
            )
        return walltime.to_instant(moment, zone or ZoneInfo("UTC"))
    except walltime.WallTimeError as error:
        raise ValidationError({name: str(error)}) from None


class StatusFilter(filters.MultipleChoiceFilter):
    """Filter by statuses, in a repeated parameter.

    Without it, and for `all`, the `usual` ones match; without it in a query of changes
    (`is_sync`), every status.
    """

    def __init__(
        self,
        statuses: type[Status | AppointmentStatus | ShownStatus],
        usual: list[str],
        **kwargs: Any,
    ):
        self.statuses = statuses
        self.usual = usual
        known = f"there are {', '.join(statuses.values)} and {ALL}."
        super().__init__(
            choices=[*statuses.choices, (ALL, "All usual ones")],
            error_messages={"invalid_choice": f"There is no status %(value)s; {known}"},
            **kwargs,
        )

    def filter(self, queryset: QuerySet[Any], value: list[str]) -> QuerySet[Any]:
        if not value and self.parent.is_sync:
            return queryset
        wanted = set(value or [ALL])
        if ALL in wanted:
            wanted |= set(self.usual)
        others = set(self.statuses.values) - wanted
        if len(others) == 1:
            # For an exclusion, PostgreSQL reads the rows in the list's order, without a sort.
            return queryset.exclude(**{self.field_name: others.pop()})
        return queryset.filter(**{f"{self.field_name}__in": sorted(wanted - {ALL})})


class StrictBooleanFilter(ParameterFilter, filters.BooleanFilter):
    """Filter by `true` or `false`. Raises ValidationError for anything else."""

    def __init__(self, **kwargs: Any) -> None:
        # The default widget treats any other word as no value.
        super().__init__(widget=forms.TextInput, **kwargs)

    def filter(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value not in {"", "true", "false"}:
            raise ValidationError({self.parameter: "Write true or false."})
        return queryset.filter(**{self.field_name: value == "true"}) if value else queryset


class SyncFilterSet(filters.FilterSet):
    """Filter set with parameters for changed rows.

    zone: for times without an offset; None where the locations have several.
    """

    sync_parameters: tuple[str, ...] = ("updated_since",)

    def __init__(self, *args: Any, zone: ZoneInfo | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone

    @property
    def is_sync(self) -> bool:
        """Whether changes are queried, which include deletions."""
        return any(self.data.get(name) for name in self.sync_parameters)


class BookingFilterSet(SyncFilterSet):
    """Query parameters of lists of bookings."""

    status = StatusFilter(
        Status,
        ALL_BUT_CLOSED,
        help_text="Bookings of this status; repeat it for several. Closed ones are shown only by "
        "`status=closed`, and where `updated_since` is sent without a status.",
    )
    start_after = MomentFilter(
        field_name="start_datetime",
        lookup_expr="gte",
        help_text="Bookings that start at this instant or later: start_after ≤ start_datetime.",
    )
    start_before = MomentFilter(
        field_name="start_datetime",
        lookup_expr="lt",
        help_text="Bookings that start before this instant: start_datetime < start_before. So "
        "windows that meet show every booking once.",
    )
    updated_since = MomentFilter(
        field_name="updated_at",
        lookup_expr="gte",
        help_text="Bookings that changed at this instant or later: updated_since ≤ updated_at. "
        "Where no status is asked for, closed ones too.",
    )
    doctor_id = filters.CharFilter(help_text="Bookings with this doctor.")
    location_id = filters.CharFilter(help_text="Bookings at this location.")
    recurring = StrictBooleanFilter(help_text="Bookings that are repeated every week, or not.")

    class Meta:
        model = Booking
        fields: list[str] = []


class AppointmentFilterSet(SyncFilterSet):
    """Query parameters of lists of appointments."""

    sync_parameters = ("since", "updated_since")

    status = StatusFilter(
        AppointmentStatus,
        [status.value for status in TAKEN],
        help_text="Appointments of this status; repeat it for several. Cancelled and expired ones "
        "are shown only where they are asked for, or `since` is sent without a status.",
    )
    since = MomentFilter(
        field_name="updated_at",
        lookup_expr="gte",
        help_text="Appointments that changed at this instant or later: since ≤ updated_at. Where "
        "no status is asked for, cancelled and expired ones too.",
    )
    updated_since = MomentFilter(
        field_name="updated_at", lookup_expr="gte", help_text="The same as `since`."
    )

    class Meta:
        model = Appointment
        fields: list[str] = []


class WaitlistFilterSet(SyncFilterSet):
    """Query parameters of lists of waiting list entries, which are annotated as `shown`."""

    sync_parameters = ()

    status = StatusFilter(
        ShownStatus,
        [status.value for status in ShownStatus if status not in OFF_LIST],
        field_name="shown",
        help_text="Entries of this status; repeat it for several. Those off the list (booked, "
        "left, ended) are shown only where they are asked for.",
    )

    class Meta:
        model = WaitlistEntry
        fields: list[str] = []
