from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class OpenChairConfig(AppConfig):
    """The installation, which joins practices and bookings."""

    name = "openchair"

    def ready(self) -> None:
        from openchair.operations import checks  # noqa: F401  # needs the models, loaded by now


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin, with our site."""

    default_site = "openchair.staff.site.OpenChairSite"
