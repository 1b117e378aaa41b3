from notifications.models.channel import SEVERITY_CHOICES, Channel, default_topics
from notifications.models.inbox import Notification
from notifications.models.outbox import Delivery, DeliveryAttempt

__all__ = ["SEVERITY_CHOICES", "Channel", "Delivery", "DeliveryAttempt", "Notification", "default_topics"]
