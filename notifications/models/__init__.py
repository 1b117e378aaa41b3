from notifications.models.channel import Channel
from notifications.models.contact import Contact, NotificationRules, NotificationStep
from notifications.models.drill import Drill
from notifications.models.inbox import Notification
from notifications.models.lane import Lane
from notifications.models.outbox import Delivery, DeliveryAttempt
from notifications.models.push_key import PushKey
from notifications.models.route import SEVERITY_CHOICES, Route, default_topics

__all__ = [
    "SEVERITY_CHOICES",
    "Channel",
    "Contact",
    "Delivery",
    "DeliveryAttempt",
    "Drill",
    "Lane",
    "Notification",
    "NotificationRules",
    "NotificationStep",
    "PushKey",
    "Route",
    "default_topics",
]
