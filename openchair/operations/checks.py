"""What has to be right before the server starts: `manage.py check` says what is not."""

from typing import Any

from django.contrib import admin
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from bookings.patients import keys_in_use
from openchair.operations import clashes
from practices.models import Practice
from practices.scoping import ScopedAdmin


@checks.register
def registered_models_are_scoped(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Refuse a model in the admin of which every person would see every practice's rows."""
    errors: list[checks.CheckMessage] = []
    for model, model_admin in admin.site._registry.items():
        if not isinstance(model_admin, ScopedAdmin):
            hint = "Make its admin a practices.scoping.ScopedAdmin, and say its practice_path."
            errors.append(
                checks.Error(
                    f"{model._meta.label} is in the admin and not scoped.",
                    hint,
                    id="openchair.E001",
                )
            )
        elif not _leads_to_practice(model, model_admin.practice_path):
            errors.append(
                checks.Error(
                    f"The practice_path {model_admin.practice_path!r} of {model._meta.label} "
                    "does not lead to its practice.",
                    'Write "practice" or "booking__practice"; None is for operators only.',
                    id="openchair.E002",
                )
            )
    return errors


@checks.register(deploy=True)
def settings_go_together(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Tell what `manage.py doctor` tells of the settings, before the server starts."""
    return list(clashes.findings())


def _leads_to_practice(model: Any, path: str | None) -> bool:
    if path is None or (path == "pk" and model is Practice):
        return True
    for name in path.split("__"):
        fields = {field.name: field for field in model._meta.get_fields()}
        if name not in fields or not fields[name].is_relation:
            return False
        model = fields[name].related_model
    return bool(model is Practice)


@checks.register(checks.Tags.database)
def keys_are_there(databases: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Refuse keys that do not read what is in the database; asked by `check --database default`."""
    try:
        keys_in_use.refuse_if_missing()
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="openchair.E003")]
    except DatabaseError:
        return []  # nothing is there yet
    return []
