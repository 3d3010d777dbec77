import hashlib

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission

from .models import ApiKey


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request):
        key = request.headers.get("Authorization")
        if not key:
            return None
        try:
            found = ApiKey.objects.get(
                key_hash=hashlib.sha256(key.encode()).hexdigest(), is_active=True
            )
        except ApiKey.DoesNotExist:
            raise AuthenticationFailed("Unknown API key.") from None
        return found, found

    def authenticate_header(self, request):
        return "ApiKey"


class KeyPermission(BasePermission):
    def has_permission(self, request, view):
        return bool(request.auth) and (request.method in SAFE_METHODS or request.auth.can_write)
