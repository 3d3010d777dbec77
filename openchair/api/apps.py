from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The API's base, shared by every endpoint."""

    name = "openchair.api"
    label = "api"
