"""Logging in: the password, and then, from who has a second factor, a code.

Between the two nobody is logged in. The session has the account and, as in a login's session, a
digest of its password, for a few minutes.
"""

import time
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from openchair import rate_limits
from openchair.staff import second_factor, sessions, tries
from openchair.staff.models import SecondFactor

PENDING = "password_was_right"
PENDING_FOR = 300
"""Seconds that somebody has for the code, after the password."""


class ThrottledLoginForm(AdminAuthenticationForm):
    """Django's login form for staff, which checks no password after too many wrong ones."""

    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": "Wrong username or password. Check capital letters, too.",
    }
    TOO_MANY = (
        "Too many attempts for this account from here. Wait {wait}, or ask an operator for a link "
        "to set a new password."
    )

    def clean(self) -> dict[str, Any]:
        assert self.request is not None
        subject = tries.of_password(self.request, self.cleaned_data.get("username") or "")
        tries.count(tries.LOGIN, subject, settings.LOGIN_LIMIT, advice=self.TOO_MANY)
        cleaned: dict[str, Any] = super().clean()
        rate_limits.forget(tries.LOGIN, subject)
        return cleaned


class CodeForm(forms.Form):
    """A code of the app, or a recovery code; it is used up when the form is valid."""

    TOO_MANY = {
        "code": "Too many wrong codes for this account. Wait {wait}, or use a recovery code.",
        "recovery_code": "Too many wrong recovery codes from here. Wait {wait}.",
    }

    code = forms.CharField(
        label="Code from your app",
        required=False,
        max_length=40,
        widget=forms.TextInput(
            {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )
    recovery_code = forms.CharField(
        required=False,
        max_length=40,
        help_text="One of the ten that you saved, in four groups of four. Each works once.",
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    remember = forms.BooleanField(required=False)

    def __init__(self, request: HttpRequest, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user = user
        if self.is_bound:
            del self.fields["code"].widget.attrs["autofocus"]  # the list of errors has it
        days = settings.SECOND_FACTOR_REMEMBER_DAYS
        self.fields[
            "remember"
        ].label = f"Do not ask again in this browser for {days} day{'s' if days > 1 else ''}"
        if not days:
            del self.fields["remember"]

    def get_user(self) -> User:
        return self.user

    def clean(self) -> dict[str, Any]:
        factor = second_factor.factor_of(self.user)
        if factor is None or self.errors:
            raise ValidationError([])
        code = "".join(self.cleaned_data["code"].split())
        # A wrong code may still stand in the first field, when somebody turns to the second.
        if self.cleaned_data["recovery_code"]:
            self._check_recovery_code(factor, self.cleaned_data["recovery_code"])
        else:
            self._check_code(factor, code)
        return self.cleaned_data

    def _check_code(self, factor: SecondFactor, code: str) -> None:
        if not (code.isascii() and code.isdigit() and len(code) == 6):
            raise ValidationError({"code": "Enter the six digits that your app shows."})
        subject, rate = tries.of_code(self.request, self.user), settings.CODE_LIMIT
        used = self._count("code", tries.CODE, subject, rate)
        if not second_factor.accept_code(factor, code):
            if used == rate[0]:
                second_factor.record(
                    self.user, f"{used} wrong codes after the right password: change the password"
                )
            raise ValidationError(
                {"code": "This code is wrong or already used. Wait for the next one and enter it."}
            )
        # Not the others': a stranger's wrong codes still count when the owner logs in every day.
        rate_limits.give_back(tries.CODE, subject)

    def _check_recovery_code(self, factor: SecondFactor, code: str) -> None:
        # Counted for each address, since nobody guesses 80 bits: a stranger who has the password
        # and uses up the tries of codes leaves the owner this way in.
        subject = tries.of_password(self.request, self.user.get_username())
        rate = settings.RECOVERY_CODE_LIMIT
        self._count("recovery_code", tries.RECOVERY_CODE, subject, rate)
        if not second_factor.accept_recovery_code(factor, code):
            raise ValidationError({"recovery_code": "This code is wrong or already used."})
        rate_limits.forget(tries.RECOVERY_CODE, subject)

    def _count(self, field: str, policy: str, subject: str, rate: tuple[int, int]) -> int:
        try:
            return tries.count(policy, subject, rate, advice=self.TOO_MANY[field])
        except ValidationError as error:
            raise ValidationError({field: error}) from None


class _Step(LoginView):
    """A page of the login."""

    next_page = "admin:index"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**admin.site.each_context(self.request), **kwargs)

    def enter(self, form: Any) -> HttpResponse:
        """Log the form's user in."""
        response = super().form_valid(form)
        sessions.begin(self.request)
        tries.remember_browser(self.request, response)
        return response


class PasswordPage(_Step):
    """Asks for account and password."""

    authentication_form = ThrottledLoginForm
    template_name = "admin/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if not second_factor.is_asked(self.request, user):
            return self.enter(form)
        logout(self.request)  # whoever was
        self.request.session[PENDING] = {
            "user": user.pk,
            "password": user.get_session_auth_hash(),
            "at": int(time.time()),
        }
        return _to("admin:second_factor_code", then=self.get_success_url())


class CodePage(_Step):
    """Asks for a code, after the right password."""

    form_class: Any = CodeForm
    template_name = "admin/second_factor_code.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.user = _pending(request)
        if self.user is None:
            messages.info(request, "Log in with your password first. The code comes after that.")
            return redirect(
                f"{reverse('admin:login')}?{urlencode({'next': self.get_success_url()})}"
            )
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "user": self.user}

    def form_valid(self, form: Any) -> HttpResponse:
        del self.request.session[PENDING]
        response = self.enter(form)
        if form.cleaned_data.get("remember"):
            second_factor.remember(self.request, response, form.user)
        return response


def _to(name: str, *, then: str) -> HttpResponse:
    return redirect(f"{reverse(name)}?{urlencode({'next': then})}")


def _pending(request: HttpRequest) -> User | None:
    """Return whose password was right in this session, while that is of any use."""
    kept = request.session.get(PENDING)
    if kept is None or not 0 <= time.time() - kept["at"] < PENDING_FOR:
        return None
    user = User.objects.select_related("second_factor").filter(pk=kept["user"]).first()
    may = user is not None and user.is_active and user.is_staff and second_factor.mark(user)
    same = user and constant_time_compare(user.get_session_auth_hash(), kept["password"])
    return user if may and same else None
