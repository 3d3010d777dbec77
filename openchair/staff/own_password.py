"""Forms that ask for one's own password once more, of which nobody can try many.

Whoever finds a browser that is logged in must not guess in it what opens everything else.
"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.core.exceptions import ValidationError

from openchair import rate_limits
from openchair.staff import tries


def _counted(user: Any, check: Callable[[], str]) -> str:
    """Return the password if the check does not refuse it; all forms count together."""
    subject, advice = str(user.pk), "Too many wrong passwords. Wait {wait}."
    tries.count(tries.PASSWORD_AGAIN, subject, settings.LOGIN_LIMIT, advice=advice)
    password = check()
    rate_limits.forget(tries.PASSWORD_AGAIN, subject)
    return password


class PasswordForm(forms.Form):
    """One's password, once more."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        return _counted(self.user, self._check)

    def _check(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise ValidationError("This is not your password.")
        return password


class OwnPasswordChangeForm(AdminPasswordChangeForm):
    """Django's form with which staff change their password."""

    def clean_old_password(self) -> str:
        return _counted(self.user, super().clean_old_password)
