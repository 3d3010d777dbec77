"""The page of one's own second factor: set it up, new recovery codes, remove it.

Each of the three asks for the password again. From there to the app's first code the new secret
travels in the form, encrypted, so that only a factor whose code was typed is stored.
"""

import json
import time
from typing import Any

import segno
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from openchair import encryption
from openchair.staff import second_factor, sessions, totp, tries
from openchair.staff.own_password import PasswordForm

SET_UP_FOR = 900
"""Seconds from the password to the app's first code."""
ISSUER = "OpenChair"


class FirstCodeForm(forms.Form):
    """The first code of an app that has just read the secret."""

    sealed = forms.CharField(widget=forms.HiddenInput, max_length=2000)
    code = forms.CharField(
        label="Code that the app shows",
        max_length=40,
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, secret: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.secret = secret

    def clean_code(self) -> int:
        """Return the step of the code."""
        code = "".join(self.cleaned_data["code"].split())
        is_code = code.isascii() and code.isdigit()
        step = totp.step_of(self.secret, code, time.time()) if is_code else None
        if step is None:
            raise ValidationError(
                "The app shows another code. Check that the phone sets its clock automatically."
            )
        return step


@method_decorator(sensitive_post_parameters(), name="dispatch")
class SecondFactorPage(View):
    """Shows what there is; a POST says in `do` what to do."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not second_factor.is_offered():
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        do = request.POST.get("do")
        if do == "confirm":
            return self._confirm(request)
        acts = {"set up": self._set_up, "codes": self._codes, "remove": self._remove}
        if do not in acts:
            return self._show(request, status=400)
        form = PasswordForm(request.user, request.POST)
        return acts[do](request) if form.is_valid() else self._show(request, failed=form, do=do)

    def _show(
        self, request: HttpRequest, *, status: int = 200, failed: Any = None, do: Any = None
    ) -> HttpResponse:
        factor = second_factor.factor_of(request.user)
        form = failed or PasswordForm(request.user)
        context = {
            **admin.site.each_context(request),
            "title": "Second factor",
            "factor": factor,
            "codes_left": factor.recovery_codes.count() if factor else 0,
            "demanded": second_factor.is_demanded(request.user),
            "form": form,
            "failed": do,
        }
        return render(request, "admin/second_factor/page.html", context, status=status)

    def _set_up(self, request: HttpRequest) -> HttpResponse:
        if second_factor.factor_of(request.user):
            return self._there_is_one(request)
        secret = totp.new_secret()
        sealed = _seal(request.user, secret)
        return self._ask_for_code(request, FirstCodeForm(secret, initial={"sealed": sealed}))

    def _ask_for_code(self, request: HttpRequest, form: FirstCodeForm) -> HttpResponse:
        uri = totp.uri(form.secret, account=request.user.get_username(), issuer=ISSUER)
        context = {
            **admin.site.each_context(request),
            "title": "Set up your app",
            "form": form,
            # Black on white, which every camera reads.
            "qr_code": segno.make_qr(uri).svg_data_uri(border=4, scale=5, light="#fff"),
            "secret": " ".join(form.secret[at : at + 4] for at in range(0, len(form.secret), 4)),
        }
        return render(request, "admin/second_factor/set_up.html", context)

    def _confirm(self, request: HttpRequest) -> HttpResponse:
        secret = _unseal(request.user, request.POST.get("sealed", ""))
        if secret is None:
            messages.info(request, "That took more than 15 minutes. Start again.")
            return redirect("admin:second_factor")
        form = FirstCodeForm(secret, request.POST)
        if not form.is_valid():
            return self._ask_for_code(request, form)
        codes = second_factor.set_up(request.user, secret, step=form.cleaned_data["code"])  # type: ignore[arg-type]  # admin_view has checked it
        if codes is None:
            return self._there_is_one(request)
        return self._show_codes(request, codes, is_new=True)

    def _there_is_one(self, request: HttpRequest) -> HttpResponse:
        messages.info(request, "Your second factor is already set up. Nothing was changed.")
        return redirect("admin:second_factor")

    def _codes(self, request: HttpRequest) -> HttpResponse:
        codes = second_factor.renew_codes(request.user)
        if codes is None:
            return redirect("admin:second_factor")
        return self._show_codes(request, codes)

    def _show_codes(
        self, request: HttpRequest, codes: list[str], *, is_new: bool = False
    ) -> HttpResponse:
        context = {
            **admin.site.each_context(request),
            "title": "Your recovery codes",
            "codes": codes,
            "is_new": is_new,
        }
        response = render(request, "admin/second_factor/codes.html", context)
        if is_new:
            _go_on(request, response)
        return response

    def _remove(self, request: HttpRequest) -> HttpResponse:
        demanded = second_factor.is_demanded(request.user)
        if second_factor.remove(request.user, by=request.user):  # type: ignore[arg-type]  # admin_view has checked it
            then = "Set up the new one." if demanded else "Your password is enough."
            messages.success(request, f"Your second factor is removed. {then}")
        response = redirect("admin:second_factor")
        _go_on(request, response)
        return response


def _go_on(request: HttpRequest, response: HttpResponse) -> None:
    """Let this session, under another key, outlive the change; all others of the account end."""
    user: Any = request.user
    user.refresh_from_db()  # a new factor, or none
    sessions.bind(request)
    request.session.cycle_key()
    tries.remember_browser(request, response)


def _seal(user: Any, secret: str) -> str:
    kept = [user.pk, user.get_session_auth_hash(), int(time.time()), secret]
    return encryption.seal(json.dumps(kept))


def _unseal(user: Any, sealed: str) -> str | None:
    """Return the secret, if it was sealed for this person and password just now."""
    try:
        pk, password, at, secret = json.loads(encryption.unseal(sealed))
    except (encryption.UnreadableError, ValueError):
        return None
    is_theirs = pk == user.pk and constant_time_compare(password, user.get_session_auth_hash())
    return str(secret) if is_theirs and 0 <= time.time() - at < SET_UP_FOR else None
