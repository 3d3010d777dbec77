from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class OpenChairConfig(AppConfig):
    """The installation: joins practices and bookings."""

    name = "openchair"

    def ready(self) -> None:
        """Register the checks."""
        from openchair.operations import checks  # noqa: F401  # models are there only now


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin, with our site."""

    default_site = "openchair.staff.site.OpenChairSite"
