"""The triggers through which PostgreSQL itself writes the record, whatever code or SQL made the change.

They are declared in ``Meta.triggers`` and installed by migrations (django-pgtrigger), but their bodies are shared
functions that a kernel migration creates. pgtrigger's own bodies can be switched off by anyone with SQL
(``SET pgtrigger.ignore``); these cannot.
"""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.db import models


class AuditTrail(pgtrigger.Trigger):
    """Writes an audit entry for each INSERT, UPDATE and DELETE of a row.

    Args:
        key: the field that names the row to people and API, recorded as the entry's object.
        organization: the field that holds the organization; None where the row is a person, who is looked up.
        exclude: fields never recorded, and whose change alone makes no entry (noise: ``last_used_at``).
        redact: fields of which only the fact of a change is recorded (secrets, hashes).
    """

    name = "audit"
    when = pgtrigger.After
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete
    func = "RETURN NULL;"  # Never called: render_execute names the shared function.

    def __init__(
        self,
        *,
        key: str = "id",
        organization: str | None = "organization",
        exclude: tuple[str, ...] = (),
        redact: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        self.key = key
        self.organization_field = organization
        self.exclude = exclude
        self.redact = redact
        super().__init__(**options)

    def render_execute(self, model: type[models.Model]) -> str:  # type: ignore[override]
        def column(field: str) -> str:
            return str(model._meta.get_field(field).column)  # type: ignore[union-attr]

        arguments = [
            model._meta.db_table,
            column(self.organization_field) if self.organization_field else "",
            column(self.key),
            ",".join(column(field) for field in self.exclude),
            ",".join(column(field) for field in self.redact),
        ]
        return "audit_capture(" + ", ".join(f"'{argument}'" for argument in arguments) + ")"


class _Refusal(pgtrigger.Trigger):
    func = "RETURN NULL;"  # Never called: render_execute names the shared function.

    def render_execute(self, model: type[models.Model]) -> str:  # type: ignore[override]
        return f"refuse_change('{model._meta.db_table}')"


def append_only() -> list[pgtrigger.Trigger]:
    """Refuses UPDATE, DELETE and TRUNCATE on the table, for every role, its owner included."""
    return [
        _Refusal(name="append_only", when=pgtrigger.Before, operation=pgtrigger.Update | pgtrigger.Delete),
        _Refusal(
            name="append_only_truncate",
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            level=pgtrigger.Statement,
        ),
    ]
