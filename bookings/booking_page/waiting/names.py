"""Form for the names of people whom nobody has named when the family joined."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from bookings.booking_page.forms import PatientForm
from bookings.booking_page.who import missing_name, name_field
from bookings.models import Appointment


class NamesForm(PatientForm):
    """First and last name of each person whose place has no name yet."""

    def __init__(
        self, places: Sequence[Appointment], data: QueryDict | None = None, **values: Any
    ) -> None:
        super().__init__(data, **values)
        self._known = [each.unread_person for each in places]
        self._asked = [
            nth for nth, each in enumerate(self._known, 1) if not each.first_name + each.last_name
        ]
        for nth in self._asked:
            self.fields[f"first_name_{nth}"] = name_field(True, nth)
            self.fields[f"last_name_{nth}"] = name_field(False, nth)

    def clean(self) -> dict[str, Any]:
        for name in self.fields:
            if not self.cleaned_data.get(name) and name not in self.errors:
                self.add_error(name, missing_name(name, len(self._known)))
        return self.cleaned_data

    def rows(self) -> list[tuple[int, forms.BoundField, forms.BoundField]]:
        """Return the number of each person with the two fields."""
        return [(nth, self[f"first_name_{nth}"], self[f"last_name_{nth}"]) for nth in self._asked]

    def names(self) -> list[tuple[str, str]]:
        """Return the names of all people in the order of the places; none where all were known."""
        if not self._asked:
            return []
        said = self.cleaned_data
        return [
            (
                said.get(f"first_name_{nth}", known.first_name),
                said.get(f"last_name_{nth}", known.last_name),
            )
            for nth, known in enumerate(self._known, 1)
        ]
