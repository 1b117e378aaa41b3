"""The installation's key for what it hands out."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from incident_center.kernel.constraints import READ_ONLY
from incident_center.kernel.models import uuid7
from incident_center.kernel.secrets import EncryptedTextField


class SigningKey(models.Model):
    """An Ed25519 key pair, made when the installation is. The newest signs; the public halves of all stay."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    made_at = models.DateTimeField(auto_now_add=True)
    # PEM (PKCS 8 and SubjectPublicKeyInfo, RFC 8410); the private half opens with SECRET_KEY alone.
    private = EncryptedTextField()
    public = models.TextField()

    # Whoever holds the application's password could else hand out a key of their own as the installation's.
    runtime_privileges: ClassVar[str] = READ_ONLY

    class Meta:
        db_table = "audit_signing_key"

    def __str__(self) -> str:
        return f"signing key of {self.made_at:%Y-%m-%d}"
