from django.apps import AppConfig


class BookingsConfig(AppConfig):
    """Openings and what happens to them."""

    name = "bookings"
