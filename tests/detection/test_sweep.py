"""The net: what no message announced is found anyway."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from detection.actions.evaluate_service import evaluate_service
from detection.actions.rules import rule_update
from detection.handlers import _levels
from detection.models import DetectionRule, Watch
from detection.selectors import services_to_evaluate
from detection.sweep import Sweeper
from detection.tasks import evaluate_service_task
from incident_center.kernel.scope import no_scope
from incidents.models import Incident
from ingestion.events import LogsStored, logs_stored
from ingestion.levels import Level
from tests.detection.factories import burst, store_logs
from tests.factories import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def worlds():
    return make_world("Acme", roles=()), make_world("Globex", roles=())


def test_it_finds_the_outages_of_every_organization(worlds):
    for world in worlds:
        with world.scope():
            store_logs(world.service("payments"), burst(6))
    with no_scope():
        assert Sweeper().run() == 2
    for world in worlds:
        with world.scope():
            assert Incident.objects.get().log_count == 6


def test_one_services_trouble_does_not_keep_it_from_the_others(worlds, monkeypatch):
    acme, globex = worlds
    services = []
    for world in worlds:
        with world.scope():
            services.append(world.service("payments"))
            store_logs(services[-1], burst(6))

    def evaluate(*, service_id: int) -> None:
        if service_id == services[0].pk:
            raise AssertionError("a fault of ours")
        evaluate_service(service_id=service_id)

    monkeypatch.setattr("detection.sweep.evaluate_service", evaluate)
    sweeper = Sweeper()
    with no_scope():
        sweeper.run()
    with globex.scope():
        assert Incident.objects.count() == 1
    monkeypatch.undo()
    with no_scope():
        sweeper.run()
    with acme.scope():
        assert Incident.objects.count() == 1


def test_it_asks_only_about_services_that_a_rule_may_care_for(worlds):
    acme, globex = worlds
    since = datetime.now(UTC) - timedelta(minutes=1)
    with acme.scope():
        store_logs(acme.service("quiet"), burst(50), level=Level.INFO)
        store_logs(acme.service("long ago"), burst(6), received_at=since - timedelta(minutes=5))
    with globex.scope():
        chatty = globex.service("chatty")
        store_logs(chatty, burst(50), level=Level.INFO)
        rule = DetectionRule.objects.get()
        rule_update(rule_id=rule.pk, actor=globex.actor, changes={"match": {"min_level": "INFO"}})
    with no_scope():
        found = services_to_evaluate(received_since=since)
    assert [entry.service_id for entry in found] == [chatty.pk]


def test_a_watch_that_is_due_is_looked_at_again(worlds):
    world, _ = worlds
    with world.scope():
        service = world.service("payments")
        store_logs(service, burst(6))
    sweeper = Sweeper()
    sweeper.run()
    with world.scope():
        earlier = datetime.now(UTC) - timedelta(seconds=90)  # Became visible late; no new log says so.
        store_logs(service, burst(4), received_at=earlier)
        Watch.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=1), recount_at=None)
    sweeper.run()
    with world.scope():
        assert Incident.objects.get().log_count == 10


def test_the_narrow_function_tells_ids_and_is_no_way_round_the_wall(worlds):
    with no_scope(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM detection_services_to_evaluate(now() - interval '1 hour')")
        assert [column.name for column in cursor.description] == ["organization_id", "service_id"]


@pytest.mark.parametrize(("level", "is_woken"), [(Level.WARN, False), (Level.ERROR, True), (Level.FATAL, True)])
def test_the_intake_wakes_detection_only_for_levels_that_a_rule_counts(worlds, monkeypatch, level, is_woken):
    world, _ = worlds
    published = []
    monkeypatch.setattr("detection.handlers.enqueue", lambda task, **keywords: published.append((task, keywords)))
    _levels.clear()
    with world.scope():
        logs_stored.emit(LogsStored(world.organization.pk, 7, level, 1))
    assert published == ([(evaluate_service_task, {"service_id": 7})] if is_woken else [])


def test_the_task_evaluates_in_the_organizations_scope(worlds):
    world, _ = worlds
    with world.scope():
        service = world.service("payments")
        store_logs(service, burst(6))
        evaluate_service_task.run(service_id=service.pk)
        assert Incident.objects.get().log_count == 6
