from django.apps import AppConfig

from openchair.serving import metrics


class BookingsConfig(AppConfig):
    name = "bookings"

    def ready(self) -> None:
        from bookings.metrics import LiveHolds, Tasks, WebhookDeliveries  # models are loaded only now

        metrics.COUNTED_IN_DATABASE.register(LiveHolds())
        metrics.COUNTED_IN_DATABASE.register(Tasks())
        metrics.COUNTED_IN_DATABASE.register(WebhookDeliveries())
