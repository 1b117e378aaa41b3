"""Repetitions are counted in one statement; whatever is news is not taken for one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection.actions.receive_alerts import receive_batches
from detection.alerts.messages import Message, problem_key
from detection.alerts.records import locked_groups
from detection.alerts.repetitions import count_repetitions
from detection.models import Alert
from incidents.models import Incident
from ingestion.parsers.alerts.signal import Signal, Step
from tests.factories import World, make_world

NOW = timezone.now()
START = NOW - timedelta(minutes=10)


def signal(fingerprint: str = "a", step: Step = Step.TRIGGER, **fields: object) -> Signal:
    given = {"title": "Disk full", "starts_at": START, **fields}
    return Signal("alertmanager", "group", fingerprint, step, **given)  # type: ignore[arg-type]


@pytest.fixture
def world(db: None) -> World:
    world = make_world()
    with world.scope():
        receive_batches(actor=world.actor, batches=[[signal("a"), signal("b")]])
    return world


def counted(*signals: Signal) -> bool:
    """Whether the signals are counted as repetitions, and nothing else is to be done."""
    messages = [Message(each, problem_key(each, None)) for each in signals]
    return bool(count_repetitions(locked_groups(messages, NOW), messages, NOW))


def test_a_repetition_costs_two_statements(world: World):
    with (
        world.scope(),
        CaptureQueriesContext(
            connection,
        ) as queries,
    ):
        receive_batches(actor=world.actor, batches=[[signal("a")], [signal("b"), signal("a")]])
        statements = [query["sql"].split()[0] for query in queries if "SAVEPOINT" not in query["sql"]]
        assert statements == ["INSERT", "SELECT"], "the group is locked, the repetitions are counted"
        assert dict(Alert.objects.values_list("fingerprint", "received_count")) == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    "news",
    [
        signal("c"),
        signal("a", starts_at=START + timedelta(minutes=1)),
        signal("a", starts_at=None),
        signal("a", Step.RESOLVE),
        signal("a", Step.ACKNOWLEDGE),
    ],
    ids=["another alert", "a newer beginning", "no times", "an end", "an acknowledgement"],
)
def test_news_in_a_group_is_heard_with_all_its_messages(world: World, news: Signal):
    with world.scope():
        assert counted(signal("a"), signal("b"))
        before = Alert.objects.get(fingerprint="b").received_count
        assert not counted(signal("b"), news)
        assert Alert.objects.get(fingerprint="b").received_count == before


def _resolve() -> None:
    Alert.objects.filter(fingerprint="a").update(status="resolved", resolved_at=NOW)


def _leave() -> None:
    Incident.objects.update(touched_at=NOW - timedelta(hours=1))


def _withdraw() -> None:
    Incident.objects.update(withdrawn_at=NOW)


@pytest.mark.parametrize("change", [_resolve, _leave, _withdraw])
def test_what_is_to_be_decided_is_no_repetition(world: World, change: Callable[[], None]):
    with world.scope():
        change()
        assert not counted(signal("a"))


def test_somebody_who_has_the_incident_is_not_told_again(world: World):
    with world.scope():
        Incident.objects.update(touched_at=NOW - timedelta(hours=1), acknowledged_at=NOW)
        assert counted(signal("a"))


def test_what_a_new_problem_costs(db: None):
    world = make_world()
    service = world.service("storage")
    with world.scope(), CaptureQueriesContext(connection) as queries:
        receive_batches(actor=world.actor, batches=[[signal()]], service_id=service.pk)
    statements = [query["sql"] for query in queries]
    assert not [sql for sql in statements if sql.startswith('UPDATE "incidents_incident"')], "it is written once"
    assert len(statements) <= 36, statements
