from django.apps import AppConfig

from openchair.serving import metrics


class BookingsConfig(AppConfig):
    """Openings and what happens to them."""

    name = "bookings"

    def ready(self) -> None:
        from bookings.metrics import LiveHolds  # models are there only now

        metrics.COUNTED_IN_DATABASE.register(LiveHolds())
