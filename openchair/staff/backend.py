"""Django's password login, which reads an account together with its second factor."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User


class StaffBackend(ModelBackend):
    """Saves each page a query: its session is compared with the account's factor."""

    def get_user(self, user_id: Any) -> User | None:
        users = User.objects.select_related("second_factor").defer("second_factor__secret")
        user = users.filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
