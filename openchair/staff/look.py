"""The admin's theme: django-unfold, imported here and nowhere else, so that it can be removed.

Without it, these names are django.contrib.admin's and django.contrib.auth.forms' own.
"""

from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import (
    AdminPasswordChangeForm,
    AuthenticationForm,
    UserChangeForm,
    UserCreationForm,
)
from unfold.sites import UnfoldAdminSite as AdminSite
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxSelectMultiple

__all__ = [
    "AdminPasswordChangeForm",
    "AdminSite",
    "AuthenticationForm",
    "CheckboxSelectMultiple",
    "ModelAdmin",
    "TabularInline",
    "UserChangeForm",
    "UserCreationForm",
]
