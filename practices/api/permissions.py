"""Permissions of partners: special authorization and grants (contract, section 2, the locks)."""

from typing import cast

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from practices.api.authentication import Caller


class SpecialAuthorization(BasePermission):
    """For partners with special authorization, which an operator assigns."""

    message = "This needs special authorization, which an operator gives a partner."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return cast("Caller", request.auth).special_authorization


class SpecialAuthorizationToWrite(SpecialAuthorization):
    """Special authorization for writing; reading needs none."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method in SAFE_METHODS or super().has_permission(request, view)


def require_grant(caller: Caller, practice_id: str) -> None:
    """Raise PermissionDenied if a partner is not granted a practice."""
    if not caller.is_granted(practice_id):
        raise PermissionDenied(
            f"You are not granted practice {practice_id}: ask the operator for it."
        )
