from notifications.models.channel import SEVERITY_CHOICES, Channel, default_topics
from notifications.models.contact import Contact, NotificationRules, NotificationStep
from notifications.models.inbox import Notification
from notifications.models.outbox import Delivery, DeliveryAttempt

__all__ = [
    "SEVERITY_CHOICES",
    "Channel",
    "Contact",
    "Delivery",
    "DeliveryAttempt",
    "Notification",
    "NotificationRules",
    "NotificationStep",
    "default_topics",
]
