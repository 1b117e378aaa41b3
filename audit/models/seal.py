"""Seals over the record: what was sealed cannot be changed unnoticed."""

from __future__ import annotations

from django.db import models

from audit.seal_document import SealDocument
from incident_center.kernel.audit_trail import append_only
from incident_center.kernel.constraints import READ_ONLY, RowLevelSecurity


class AuditSeal(models.Model):
    """One seal of an organization's record, or of the installation's where ``organization`` is empty.

    It covers the entries of ``epoch`` whose transaction is from ``from_transaction`` on and before
    ``until_transaction``. Written by the function ``audit_seal`` alone, and never changed.
    """

    organization = models.ForeignKey(
        "organizations.Organization",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    number = models.BigIntegerField()
    epoch = models.IntegerField()
    from_transaction = models.BigIntegerField()
    until_transaction = models.BigIntegerField()
    # How many entries this seal covers, and all seals up to it.
    entries = models.BigIntegerField()
    total = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    # The root of the tree of all earlier seals' hashes, and the hash of the one before: the chain.
    history = models.BinaryField(max_length=32)
    previous = models.BinaryField(max_length=32)
    # Which triggers and functions wrote the record then: docs/audit.md, The guard.
    guard = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField()
    hash = models.BinaryField(max_length=32)
    # The complete subtrees of the tree of seals, this one included: what the next seal's history is folded from.
    frontier = models.BinaryField()
    # For each entry its id and the first half of its leaf: 32 bytes. Names the entry that the root only shows to be
    # another.
    contents = models.BinaryField()

    class Meta:
        db_table = "audit_seal"
        constraints = [
            RowLevelSecurity(name="audit_seal_wall", privileges=READ_ONLY),
            models.UniqueConstraint(
                fields=["organization", "number"], nulls_distinct=False, name="audit_seal_number_once"
            ),
        ]
        # Which seal covers a transaction.
        indexes = [models.Index(fields=["organization", "epoch", "until_transaction"], name="audit_seal_covering")]
        triggers = [*append_only()]

    def __str__(self) -> str:
        return f"seal {self.number}"

    @property
    def document(self) -> SealDocument:
        """What the hash is taken of."""
        return SealDocument(
            organization_id=self.organization_id,
            number=self.number,
            epoch=self.epoch,
            from_transaction=self.from_transaction,
            until_transaction=self.until_transaction,
            entries=self.entries,
            total=self.total,
            root=bytes(self.root),
            history=bytes(self.history),
            previous=bytes(self.previous),
            guard=bytes(self.guard),
            sealed_at=self.sealed_at,
        )
