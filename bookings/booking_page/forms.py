"""Shared parts of the booking page's forms: fields, and the list of mistakes above a form."""

from typing import Any

from django import forms


class PatientForm(forms.Form):
    """A form of the booking page: no checks by the browser, which would speak its own language."""

    use_required_attribute = False

    def mistakes(self) -> list[tuple[str, str]]:
        """Return the id of each field with a mistake, in order, with the words at the field."""
        general = [("", str(words)) for words in self.non_field_errors()]
        return general + [
            (_first_id(field), str(words)) for field in self for words in field.errors
        ]


def text(**values: Any) -> forms.CharField:
    """Return a field for a text. attrs: of its HTML element."""
    attrs = {"class": "input", "spellcheck": "false", **values.pop("attrs", {})}
    return forms.CharField(widget=forms.TextInput(attrs=attrs), **values)


def _first_id(field: forms.BoundField) -> str:
    """Return the id of a field, or of the first of its radio buttons."""
    return field.id_for_label or f"{field.auto_id}_0"
