"""Admin of practices, locations and doctors."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from practices.admin.named import NamedAdmin, state
from practices.ids import is_id
from practices.models import Doctor, Kind, Location, OwnSystem, Partner, Practice
from practices.states import code_of
from practices.timezones import TimeZoneField

KINDS = [
    (Kind.EXACT, "Exact times: a patient books 9:45 AM"),
    (Kind.RANGE, "Parts of the day: a patient asks for a morning, and the office sets the time"),
]
"""What a practice offers, in people's words."""


SYSTEM = "The software this practice works with"
NO_SYSTEM = "None that is connected"


class SystemField(forms.ModelChoiceField):
    """The partner that is a practice's own system, of those that are granted it."""

    def __init__(self, practice: Practice) -> None:
        granted = Q(all_practices=True) | Q(practices=practice)
        self.marked = OwnSystem.objects.filter(practice=practice).select_related("partner").first()
        super().__init__(
            Partner.objects.filter(
                Q(granted, active=True) | Q(systems__practice=practice)
            ).distinct(),
            required=False,
            initial=self.marked and self.marked.partner_id,
            label=SYSTEM,
            help_text="A partner that is granted this practice. It reads every visit here with the "
            "patient, whoever booked it, and says what it has entered. What it has not is listed "
            "at the desk.",
            empty_label=NO_SYSTEM,
        )

    def label_from_instance(self, partner: Any) -> str:
        is_marked = self.marked is not None and self.marked.partner_id == partner.pk
        return _name(self.marked) if is_marked else str(partner)


def _name(marked: OwnSystem | None) -> str:
    """Return the name of a practice's own system, and that it has no effect where it has none."""
    if marked is None:
        return NO_SYSTEM
    if OwnSystem.objects.in_effect().filter(pk=marked.pk).exists():
        return str(marked.partner)
    why = "not granted this practice" if marked.partner.active else "switched off"
    return f"{marked.partner} ({why}: no effect)"


class PracticeForm(forms.ModelForm):
    """A practice; one that is there also with its own system."""

    system = forms.Field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            del self.fields["system"]
        else:
            self.fields["system"] = SystemField(self.instance)


@admin.register(Practice)
class PracticeAdmin(NamedAdmin):
    """Practices are added by operators; staff can view their own."""

    practice_path = "pk"
    form = PracticeForm
    list_display = ["name", "offers", state]
    search_fields = ["name", "id"]
    list_filter = ["kind", "active"]
    labels = {"kind": "What patients book", "active": "In use"}
    help_texts = {
        "kind": "Chosen once, for all of its openings.",
        "active": "If off, partners cannot see this practice and patients cannot book.",
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make the kind read-only once there are openings."""
        shown = super().get_readonly_fields(request, obj)
        return ["offers", *shown] if _has_openings(obj) else shown

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["id", "kind"] if _has_openings(obj) else ["id"]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_choice_field(db_field, request, **{**kwargs, "choices": KINDS})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        return fields if obj else [each for each in fields if each != "system"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "system" not in form.changed_data:
            return
        partner = form.cleaned_data["system"]
        if partner is None:
            OwnSystem.objects.filter(practice=obj).delete()
            return
        OwnSystem.objects.update_or_create(practice=obj, defaults={"partner": partner})
        if not partner.special_authorization:
            may_only_read = f"{partner} may only read, so it cannot say what it has entered."
            self.message_user(request, may_only_read, messages.WARNING)

    @admin.display(description=SYSTEM)
    def system(self, practice: Practice) -> str:
        return _name(OwnSystem.objects.filter(practice=practice).select_related("partner").first())

    @admin.display(description="What patients book", ordering="kind")
    def offers(self, practice: Practice) -> str:
        return "Parts of the day" if practice.range_bookings else "Exact times"


def _has_openings(practice: Practice | None) -> bool:
    return practice is not None and practice.bookings.exists()


class LocationForm(forms.ModelForm):
    """A location, with its time zone as a choice; the state's code follows from its name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "timezone" in self.fields:
            self.fields["timezone"] = TimeZoneField(kept=self.instance.timezone)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        code = code_of(cleaned.get("state", ""))
        if code and "state_code" not in self.changed_data:
            cleaned["state_code"] = code
        return cleaned


@admin.register(Location)
class LocationAdmin(NamedAdmin):
    """Staff edit address and phone; an operator chooses the practice and the time zone."""

    practice_path = "practice"
    staff_may = frozenset({"view", "change"})
    form = LocationForm
    list_display = ["name", "practice", "city", "timezone", "office_phone"]
    list_select_related = ["practice"]
    search_fields = ["name", "city", "id"]
    list_filter = ["practice"]
    sections = [
        (None, {"fields": ["practice", "name", "timezone"]}),
        (
            "Phone and address",
            {"fields": ["office_phone", "street_address", "city", "state", "state_code", "zip"]},
        ),
        ("On the map", {"fields": ["latitude", "longitude"], "classes": ["collapse"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.sections, *([("For partners", {"fields": ["reference"]})] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make read-only what bookings depend on: the practice and, for staff, the time zone."""
        shown = super().get_readonly_fields(request, obj)
        if obj is None:
            return shown
        return [*shown, "practice", *([] if request.user.is_superuser else ["timezone"])]


class DoctorForm(forms.ModelForm):
    """Offers a doctor the locations of the practice, and refuses another's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        locations = self.fields.get("locations")
        if isinstance(locations, forms.ModelMultipleChoiceField) and self.instance.practice_id:
            locations.queryset = Location.objects.filter(practice=self.instance.practice_id)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        practice = cleaned.get("practice") or getattr(self.instance, "practice", None)
        elsewhere = [
            location
            for location in cleaned.get("locations") or []
            if practice is not None and location.practice_id != practice.pk
        ]
        if elsewhere:
            names = ", ".join(location.name for location in elsewhere)
            raise ValidationError(
                {"locations": f"Not locations of {practice}: {names}. Choose others."}
            )
        return cleaned


@admin.register(Doctor)
class DoctorAdmin(NamedAdmin):
    """Staff add doctors and choose the locations at which they work."""

    practice_path = "practice"
    staff_may = frozenset({"view", "add", "change"})
    form = DoctorForm
    list_display = ["name", "practice", "works_at"]
    list_select_related = ["practice"]
    search_fields = ["name", "id"]
    list_filter = ["practice", "locations"]
    labels = {"locations": "Works at"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Doctor]:
        rows: QuerySet[Doctor] = super().get_queryset(request)
        return rows.prefetch_related("locations")

    @admin.display(description="Works at")
    def works_at(self, doctor: Doctor) -> str:
        return ", ".join(each.name for each in doctor.locations.all()) or "No location yet"

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """Say that a doctor without a location is on no board."""
        super().save_related(request, form, formsets, change)
        if not form.instance.locations.exists():
            self.message_user(
                request,
                "This doctor has no location yet, so cannot be chosen anywhere. Choose a location.",
                messages.WARNING,
            )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make the practice, in which openings were made, read-only."""
        shown = super().get_readonly_fields(request, obj)
        return [] if obj is None else ["practice", *shown]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the locations of the practice that the address names, if it does, as boxes."""
        field: Any = super().formfield_for_manytomany(
            db_field, request, **{**kwargs, "widget": forms.CheckboxSelectMultiple}
        )
        practice_id = request.GET.get("practice")
        if is_id(practice_id):
            field.queryset = field.queryset.filter(practice=practice_id)
        return field
