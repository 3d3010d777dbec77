from django.apps import AppConfig


class StaffConfig(AppConfig):
    """Who logs in, and how: password, second factor, invitation."""

    name = "openchair.staff"
    label = "staff"
