"""How far the seals were published, for each place where they are."""

from __future__ import annotations

from django.db import models


class AuditPublication(models.Model):
    """The last seal that stands in a place outside the database. The installation's, like the places."""

    destination = models.CharField(max_length=20, primary_key=True)
    seal_id = models.BigIntegerField(default=0)
    published_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "audit_publication"

    def __str__(self) -> str:
        return f"{self.destination} up to {self.seal_id}"
