"""The installation's key for Web Push."""

from __future__ import annotations

from django.db import models

from incident_center.kernel.models import uuid7
from incident_center.kernel.secrets import EncryptedTextField


class PushKey(models.Model):
    """A P-256 key (VAPID, RFC 8292), made when the installation is. Browsers subscribe to it, so it never changes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    made_at = models.DateTimeField(auto_now_add=True)
    # PEM, PKCS 8; it opens with SECRET_KEY alone.
    private = EncryptedTextField()

    class Meta:
        db_table = "notifications_push_key"

    def __str__(self) -> str:
        return f"push key of {self.made_at:%Y-%m-%d}"
