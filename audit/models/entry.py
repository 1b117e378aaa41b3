"""The record of every change, written by PostgreSQL itself (incident_center.kernel.audit_trail)."""

from __future__ import annotations

from django.db import models

from incident_center.kernel.audit_trail import append_only
from incident_center.kernel.constraints import READ_ONLY, RowLevelSecurity


class AuditEntry(models.Model):
    """One change of one row. Only the audit trigger's function writes these, and nobody changes them.

    ``before`` and ``after`` hold the changed columns; on insert and delete, all of them. ``organization`` is empty
    for what belongs to the installation itself.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    # The order of writing; PostgreSQL counts. Entries of one millisecond have no order in their ids.
    position = models.BigIntegerField(editable=False)
    organization = models.ForeignKey(
        "organizations.Organization",
        on_delete=models.DO_NOTHING,
        db_constraint=False,  # Entries outlive what they speak of.
        db_index=False,
        null=True,
        related_name="+",
    )
    at = models.DateTimeField()
    transaction_id = models.BigIntegerField()
    # Transaction ids begin anew in another database cluster: after a restore there, entries are of a new epoch.
    epoch = models.IntegerField(editable=False)
    # "user:<uuid>", "key:<uuid>", "system:<name>", or "database:<role>" for SQL that no scope stood behind.
    actor = models.CharField(max_length=200)
    table_name = models.CharField(max_length=100)
    operation = models.CharField(max_length=6)
    object_id = models.CharField(max_length=100)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        db_table = "audit_entry"
        constraints = [RowLevelSecurity(name="audit_entry_wall", privileges=READ_ONLY)]
        indexes = [
            # Lists are in the order of time, so that a long gone day is found as fast as today; the position decides
            # between entries of one microsecond.
            models.Index(fields=["organization", "-at"], name="audit_entry_newest"),
            models.Index(fields=["organization", "table_name", "-at"], name="audit_entry_table"),
            models.Index(fields=["organization", "table_name", "object_id", "-at"], name="audit_entry_object"),
            models.Index(fields=["organization", "actor", "-at"], name="audit_entry_actor"),
            # The order in which entries are sealed.
            models.Index(fields=["organization", "epoch", "transaction_id", "position"], name="audit_entry_sealing"),
        ]
        triggers = [*append_only()]

    def __str__(self) -> str:
        return f"{self.actor} {self.operation} {self.table_name} {self.object_id}"
