from django.apps import AppConfig

from openchair.serving import metrics


class BookingsConfig(AppConfig):
    name = "bookings"

    def ready(self) -> None:
        from bookings.metrics import (  # models are loaded only now
            LiveHolds,
            Tasks,
            WebhookDeliveries,
        )

        metrics.COUNTED_IN_DATABASE.register(LiveHolds())
        metrics.COUNTED_IN_DATABASE.register(Tasks())
        metrics.COUNTED_IN_DATABASE.register(WebhookDeliveries())
