from django.apps import AppConfig


class ApiConfig(AppConfig):
    """What every endpoint shares."""

    name = "openchair.api"
    label = "api"
