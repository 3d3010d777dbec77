from django.apps import AppConfig


class PracticesConfig(AppConfig):
    """Who there is and who may do what."""

    name = "practices"
