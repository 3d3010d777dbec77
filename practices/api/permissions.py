"""Permissions of partners: special authorization and grants (contract, section 2, the locks)."""

from collections.abc import Collection
from typing import cast

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from practices.api.authentication import Caller
from practices.models import Practice


class SpecialAuthorization(BasePermission):
    """For partners with special authorization, which an operator assigns."""

    message = "This needs special authorization, which an operator gives a partner."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return cast("Caller", request.auth).special_authorization


class SpecialAuthorizationToWrite(SpecialAuthorization):
    """Special authorization for writing; reading needs none."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method in SAFE_METHODS or super().has_permission(request, view)


def require_grants(caller: Caller, practice_ids: Collection[str]) -> None:
    """Raise PermissionDenied if a partner is not granted one of several practices."""
    if caller.all_practices:
        return
    granted = Practice.objects.filter(pk__in=practice_ids, partners=caller.partner_id)
    missing = {*practice_ids} - {*granted.values_list("pk", flat=True)}
    if missing:
        raise _not_granted(min(missing))


def require_grant(caller: Caller, practice_id: str) -> None:
    """Raise PermissionDenied if a partner is not granted a practice."""
    if not caller.is_granted(practice_id):
        raise _not_granted(practice_id)


def _not_granted(practice_id: str) -> PermissionDenied:
    return PermissionDenied(f"You are not granted practice {practice_id}: ask the operator for it.")
