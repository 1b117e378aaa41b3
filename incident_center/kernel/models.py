"""What every tenant-owned row has in common."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import uuid_utils.compat
from django.db import models
from django.db.models import BaseConstraint

from incident_center.kernel.constraints import READ_WRITE, RowLevelSecurity
from incident_center.kernel.scope import require_organization_id
from incident_center.kernel.secrets import EncryptedTextField


def uuid7() -> UUID:
    """A version 7 UUID (RFC 9562): time-ordered, made in Python because PostgreSQL 16 cannot."""
    return uuid_utils.compat.uuid7()


class OrganizationKey(models.ForeignKey):  # type: ignore[type-arg]
    """The foreign key to the row's organization, filled from the scope when the row is written without one."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        if getattr(model_instance, self.attname) is None:
            setattr(model_instance, self.attname, require_organization_id())
        return super().pre_save(model_instance, add)


class OrganizationScoped(models.Model):
    """A row that belongs to one organization; the organization is the scope's unless given.

    Subclasses list ``*owned("table_name")`` in ``Meta.constraints``: a system check refuses a model that forgets.
    """

    organization = OrganizationKey(
        "organizations.Organization",
        on_delete=models.CASCADE,
        editable=False,
        related_name="+",
        db_index=False,  # The unique (organization, id) serves.
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.pk}"


class OrganizationOwned(OrganizationScoped):
    """A tenant-owned row with the usual key."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        abstract = True


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
    # Encrypted: an answer may hold a key that is shown this once.
    body = EncryptedTextField(default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *owned("idempotent_request"),
            models.UniqueConstraint(fields=["organization", "principal", "key"], name="idempotent_request_once"),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotent_request_age")]
