from django.apps import AppConfig


class PracticesConfig(AppConfig):
    """Practices, their staff, and partners with API keys."""

    name = "practices"
