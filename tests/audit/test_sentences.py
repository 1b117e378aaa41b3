"""Every audited table × operation reads as a sentence: generated from the models, so that no new table escapes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models

from audit import messages
from audit.messages import Names
from audit.models import AuditEntry
from incident_center.kernel.audit_trail import AuditTrail
from incident_center.kernel.constraints import RowLevelSecurity

SOME_ID = "01a1fbf9-ec9c-7160-9213-59b512d27e98"
OTHER_ID = "01a1fbf9-ec9c-7160-9213-59b512d27e99"


def trail_of(model: type[models.Model]) -> AuditTrail | None:
    return next((each for each in getattr(model._meta, "triggers", ()) if isinstance(each, AuditTrail)), None)


AUDITED = [model for model in apps.get_models() if trail_of(model)]


def a_value(field: Any, *, other: bool = False) -> Any:
    """A value as PostgreSQL writes it into the record."""
    if getattr(field, "choices", None):
        choices = [value for value, _ in field.flatchoices]
        return choices[-1] if other else choices[0]
    if isinstance(field, models.ForeignKey):
        return a_value(field.target_field, other=other)
    if isinstance(field, ArrayField):
        return [a_value(field.base_field, other=other)]
    if isinstance(field, models.JSONField):
        default = field.get_default()
        return default if default is not None else {}
    kinds: list[tuple[Any, Any, Any]] = [
        (models.UUIDField, SOME_ID, OTHER_ID),
        (models.BooleanField, False, True),
        (models.DateTimeField, "2026-11-21T07:00:00+00:00", "2026-11-22T07:00:00+00:00"),
        (models.DateField, "2026-11-21", "2026-11-22"),
        (models.TimeField, "07:00:00", "08:00:00"),
        ((models.IntegerField, models.FloatField, models.DecimalField), 1, 2),
        (models.BinaryField, "\\x00", "\\x01"),
    ]
    for kind, one, another in kinds:
        if isinstance(field, kind):
            return another if other else one
    return "others" if other else "some"


# What stands in JSON documents whose shape the models do not say.
DOCUMENTS: dict[str, dict[str, Any]] = {
    "detection_detectionrule": {"parameters": {"count": 5, "window_seconds": 60}, "match": {"min_level": "ERROR"}},
}


def privileges_on(model: type[models.Model]) -> str:
    """What the runtime role may do with the table; anything with one that stands outside the wall."""
    walls = [each for each in model._meta.constraints if isinstance(each, RowLevelSecurity)]
    return walls[0].privileges if walls else "INSERT, UPDATE, DELETE"


def row_of(model: type[models.Model], *, other: bool = False) -> dict[str, Any]:
    trail = trail_of(model)
    assert trail is not None
    fields = [field for field in model._meta.concrete_fields if field.name not in trail.exclude]
    row = {
        field.column: "[redacted]" if field.name in trail.redact else a_value(field, other=other) for field in fields
    }
    return {**row, **DOCUMENTS.get(model._meta.db_table, {})}


def entry_of(model: type[models.Model], operation: str, before: Any, after: Any) -> AuditEntry:
    trail = trail_of(model)
    assert trail is not None
    key = model._meta.get_field(trail.key)
    return AuditEntry(
        id=UUID(SOME_ID),
        at=datetime(2026, 11, 21, tzinfo=UTC),
        actor=f"user:{SOME_ID}",
        table_name=model._meta.db_table,
        operation=operation,
        object_id=str(a_value(key)),
        before=before,
        after=after,
    )


NAMES = Names(people={UUID(SOME_ID): "Ada"}, keys={}, memberships={})


@pytest.mark.parametrize("model", AUDITED, ids=lambda model: model._meta.db_table)
@pytest.mark.django_db
def test_every_operation_has_a_sentence_of_its_own(model):
    row, changed = row_of(model), row_of(model, other=True)
    table = model._meta.db_table
    may = privileges_on(model)
    made = messages.own_predicate(entry_of(model, "insert", None, row), NAMES)
    assert made
    if "DELETE" in may:
        deleted = messages.own_predicate(entry_of(model, "delete", row, None), NAMES)
        assert deleted and deleted != made
    own = 0
    columns = [column for column in row if column not in ("id", "organization_id") and row[column] != changed[column]]
    for column in columns if "UPDATE" in may else ():
        entry = entry_of(model, "update", {column: row[column]}, {column: changed[column]})
        sentence = messages.message(entry, NAMES)
        assert sentence and "None" not in sentence, f"a change of {table}.{column}: {sentence}"
        own += messages.general(entry) not in sentence
    assert own or "UPDATE" not in may or not columns, f"no change of {table} has a sentence of its own"


@pytest.mark.parametrize("model", AUDITED, ids=lambda model: model._meta.db_table)
@pytest.mark.django_db
def test_no_sentence_gives_a_secret_away(model):
    assert "[redacted]" not in messages.message(entry_of(model, "insert", None, row_of(model)), NAMES)
