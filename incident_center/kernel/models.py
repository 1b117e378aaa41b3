"""What every tenant-owned row has in common."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import uuid_utils.compat
from django.db import models
from django.db.models import BaseConstraint

from incident_center.kernel.constraints import READ_WRITE, RowLevelSecurity
from incident_center.kernel.scope import require_organization_id


def uuid7() -> UUID:
    """A version 7 UUID (RFC 9562): time-ordered, made in Python because PostgreSQL 16 cannot."""
    return uuid_utils.compat.uuid7()


class OrganizationOwned(models.Model):
    """A row that belongs to one organization; the organization is the scope's unless given.

    Subclasses list ``*owned("table_name")`` in ``Meta.constraints``: a test refuses a model that forgets.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        "organizations.Organization",
        on_delete=models.CASCADE,
        default=require_organization_id,
        editable=False,
        related_name="+",
        db_index=False,  # The unique (organization, id) serves.
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.pk}"


def owned(table: str, *, privileges: str = READ_WRITE, key: str = "id") -> list[BaseConstraint]:
    """The constraints of every tenant-owned table: the wall, and the key that composite references point at."""
    return [
        RowLevelSecurity(name=f"{table}_wall", privileges=privileges),
        models.UniqueConstraint(fields=["organization", key], name=f"{table}_organization_key"),
    ]


def reference(to: str, **options: Any) -> Any:
    """A foreign key to a row of the same organization; pair it with ``SameOrganization`` in the constraints."""
    options.setdefault("on_delete", models.PROTECT)
    options.setdefault("related_name", "+")
    return models.ForeignKey(to, db_constraint=False, **options)


class IdempotentRequest(OrganizationOwned):
    """The answer given to a request that carried an ``Idempotency-Key``; kept for 24 hours."""

    principal = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    request_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *owned("idempotent_request"),
            models.UniqueConstraint(fields=["organization", "principal", "key"], name="idempotent_request_once"),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotent_request_age")]
