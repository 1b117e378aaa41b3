from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """The inbox, the outgoing channels and the transactional outbox."""

    name = "notifications"
