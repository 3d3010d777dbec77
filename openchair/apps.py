from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.contrib.staticfiles import apps as staticfiles_apps


class OpenChairConfig(AppConfig):
    """The installation, which joins practices and bookings."""

    name = "openchair"

    def ready(self) -> None:
        from openchair.operations import checks  # noqa: F401  # needs the models, loaded by now


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin, with our site."""

    default_site = "openchair.staff.site.OpenChairSite"


class StaticFilesConfig(staticfiles_apps.StaticFilesConfig):
    """Django's static files, without what packages bring and no page loads."""

    ignore_patterns = [
        *staticfiles_apps.StaticFilesConfig.ignore_patterns,
        "redoc",
        "rest_framework",
        "swagger-ui-*.js.map",
        "swagger-ui-standalone-preset.js",
        # Django's admin loads these with DEBUG alone, and then they are not collected.
        "jquery.js",
        "select2.full.js",
        "xregexp.js",
    ]
