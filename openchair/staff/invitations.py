"""Invitations: links on which people set their own password, so that no operator knows it."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from openchair import rate_limits

POLICY = "invitation"


def invite(request: HttpRequest, user: User) -> str:
    """Return the link on which a person sets a password: good once, for PASSWORD_RESET_TIMEOUT.

    The present password ends, and with it the person's sessions and every earlier link.
    """
    user.set_unusable_password()  # random, and each link is signed over it
    user.save(update_fields=["password"])
    path = reverse(
        "admin:invitation",
        args=[
            urlsafe_base64_encode(force_bytes(user.pk)),
            default_token_generator.make_token(user),
        ],
    )
    return request.build_absolute_uri(path)


class FirstPasswordForm(SetPasswordForm):
    """Django's form and its checks, in fewer words."""

    new_password1, new_password2 = SetPasswordForm.create_password_fields(
        label1="Password", label2="The same password again"
    )
    new_password1.help_text = (
        "At least 8 characters, not digits only, no common password and not like your name."
    )
    new_password2.help_text = ""


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class InvitationView(View):
    """The page of an invitation: whose account it is, and a password of one's own, twice."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: str) -> Any:
        budget = rate_limits.spend_of_any(
            POLICY, request.META["REMOTE_ADDR"], settings.INVITATION_LIMIT
        )
        if budget.is_overdrawn:
            response: Any = self._refused(request, HTTPStatus.TOO_MANY_REQUESTS)
            response["Retry-After"] = str(budget.reset)
        else:
            response = super().dispatch(request, *args, **kwargs)
        # Without the path, which is the secret. With `no-referrer` browsers send `Origin: null`,
        # which the CSRF check refuses.
        response["Referrer-Policy"] = "strict-origin"
        return response

    def get(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        user = self._invited(uidb64, token)
        if user is None:
            return self._refused(request, HTTPStatus.NOT_FOUND)
        return self._page(request, FirstPasswordForm(user))

    def post(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        with transaction.atomic():
            user = self._invited(uidb64, token)
            if user is None:
                return self._refused(request, HTTPStatus.NOT_FOUND)
            form = FirstPasswordForm(user, request.POST)
            if not form.is_valid():
                return self._page(request, form)
            form.save()
        messages.success(request, "Your password is set. Log in with it now.")
        return redirect("admin:login")

    def _invited(self, uidb64: str, token: str) -> User | None:
        """Return whose link it is; None if it is wrong, old or used.

        The row is locked: of two that send the form of one link at once, one sets the password.
        """
        try:
            pk = int(urlsafe_base64_decode(uidb64))
            with transaction.atomic():
                found = User.objects.select_for_update().filter(is_active=True, pk=pk).first()
        except (ValueError, OverflowError):
            return None
        return found if found and default_token_generator.check_token(found, token) else None

    def _page(self, request: HttpRequest, form: Any) -> HttpResponse:
        context = {**admin.site.each_context(request), "form": form, "invited": form.user}
        return render(request, "admin/invitation.html", context)

    def _refused(self, request: HttpRequest, status: HTTPStatus) -> HttpResponse:
        context = {**admin.site.each_context(request), "too_many": status != HTTPStatus.NOT_FOUND}
        return render(request, "admin/invitation_refused.html", context, status=status)
