"""Rows that are written by one statement are those that Django would have written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.forms.models import model_to_dict

from detection.models import Alert, AlertGroup
from incident_center.kernel.database.rows import write_rows
from tests.factories import World, make_world

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
TEXT = 'quoted "text", a \\ backslash, %s, 🚨 and\na new line'


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def _alert(group: AlertGroup, **fields: Any) -> Alert:
    given = {"fingerprint": "a", "status": "firing", "severity": "high", "title": "Disk full", **fields}
    return Alert(group=group, **given)


def _group() -> AlertGroup:
    return AlertGroup.objects.create(source="generic", key="k", problem="k", last_received_at=AT)


def test_every_value_arrives_as_django_would_write_it(world: World):
    with world.scope():
        group = _group()
        values = {
            "title": TEXT,
            "labels": {"a": TEXT, "empty": ""},
            "details": {"nested": [1, 2.5, None, True, {"deep": "x"}], "large": 2**53 + 1},
            "links": [{"href": "https://example.org/?a=b&c", "text": TEXT}],
            "starts_at": AT,
            "first_received_at": AT,
            "last_received_at": AT,
            "received_count": 7,
        }
        written = _alert(group, **values)
        write_rows([written])
        saved = _alert(group, **values, fingerprint="b")
        saved.save(force_insert=True)
        found = [model_to_dict(Alert.objects.get(pk=row.pk), exclude=["id", "fingerprint"]) for row in (written, saved)]
        assert found[0] == found[1]
        assert Alert.objects.get(pk=written.pk).organization_id == world.organization.pk


def test_only_the_named_fields_of_a_row_that_is_there_change(world: World):
    with world.scope():
        row = _alert(_group())
        write_rows([row], replacing=("title",))
        row.title, row.severity = "Disk nearly full", "low"
        other = _alert(row.group, fingerprint="b")
        write_rows([row, other], replacing=("title",))
        found = Alert.objects.order_by("fingerprint").values_list("title", "severity")
        assert list(found) == [("Disk nearly full", "high"), ("Disk full", "high")]
