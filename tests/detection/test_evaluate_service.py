"""From stored logs to one incident, and what becomes of it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection

from detection.actions.count_logs import SETTLING
from detection.actions.evaluate_service import evaluate_service
from detection.actions.rules import rule_create, rule_update
from detection.models import DetectionRule, Watch
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_merge import incident_merge
from incidents.actions.incident_withdraw import incident_withdraw
from incidents.lifecycle import Source, Status
from incidents.models import EventKind, Incident, IncidentLog, TimelineEvent
from ingestion.levels import Level
from tests.detection.factories import burst, store_logs
from tests.factories import make_world
from tests.incidents.factories import open_incident

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    world = make_world(roles=())
    with world.scope():
        yield world


@pytest.fixture
def service(world):
    return world.service("payments")


def evaluate(service):
    """As if counting had cost nothing, so that no later evaluation waits for its turn."""
    Watch.objects.update(recount_at=None)
    return [result.incident for result in evaluate_service(service_id=service.pk)]


def the_incident():
    return Incident.objects.get()


def kinds(incident):
    return list(TimelineEvent.objects.filter(incident=incident).order_by("sequence").values_list("kind", flat=True))


def test_a_new_organization_has_the_default_rule(world):
    rule = DetectionRule.objects.get()
    assert (rule.kind, rule.match, rule.parameters, rule.service) == (
        "threshold",
        {"min_level": "ERROR"},
        {"count": 5, "window_seconds": 60},
        None,
    )


def test_five_errors_open_nothing_and_the_sixth_does(service):
    store_logs(service, burst(5))
    assert evaluate(service) == [None]
    store_logs(service, burst(1))
    assert evaluate(service) == [the_incident()]
    incident = the_incident()
    assert (incident.source, incident.service, incident.status, incident.log_count) == (Source.RULE, service, "open", 6)
    assert incident.title == "payments (production): more than 5 errors in 60 s"
    assert "connection refused" in incident.description
    assert IncidentLog.objects.filter(incident=incident).count() == 6
    assert kinds(incident) == [EventKind.OPENED, EventKind.LOGS_LINKED]


def test_warnings_do_not_count_and_fatal_errors_do(service):
    store_logs(service, burst(20), level=Level.WARN)
    assert evaluate(service) == [None]
    store_logs(service, burst(6), level=Level.FATAL)
    assert evaluate(service) == [the_incident()]
    assert the_incident().log_count == 6


def test_later_logs_join_and_are_counted(service):
    store_logs(service, burst(6))
    evaluate(service)
    store_logs(service, burst(200))
    evaluate(service)
    incident = the_incident()
    assert incident.log_count == 206
    assert incident.occurrence_count == 1
    assert IncidentLog.objects.filter(incident=incident).count() == 50
    assert kinds(incident) == [EventKind.OPENED, EventKind.LOGS_LINKED, EventKind.LOGS_LINKED]


def test_the_sample_keeps_the_first_20_and_the_newest_30(service):
    times = sorted(burst(300, spread=40))
    for start in range(0, 300, 25):
        store_logs(service, times[start : start + 25])
        evaluate(service)
    kept = list(IncidentLog.objects.order_by("timestamp").values_list("timestamp", flat=True))
    assert kept == times[:20] + times[-30:]
    assert the_incident().log_count == 300


def test_evaluating_again_changes_nothing(service):
    store_logs(service, burst(30))
    evaluate(service)
    before = Incident.objects.values().get()
    evaluate(service)
    assert Incident.objects.values().get() == before


def test_a_replayed_spool_pages_nobody(service):
    store_logs(service, burst(500, ago=24 * 3600, spread=600))
    assert evaluate(service) == [None]


def test_logs_up_to_ten_minutes_late_still_count(service):
    store_logs(service, burst(6, ago=9 * 60, spread=50))
    assert evaluate(service) == [the_incident()]
    assert the_incident().log_count == 6


def test_a_sender_whose_clock_runs_ahead_is_heard(service):
    store_logs(service, burst(6, ago=-2 * 3600))
    assert evaluate(service) == [the_incident()]


def test_late_logs_before_the_first_known_one_move_the_beginning(service):
    store_logs(service, burst(6, ago=0, spread=2))
    evaluate(service)
    earlier = burst(10, ago=20, spread=30)
    store_logs(service, earlier)
    evaluate(service)
    incident = the_incident()
    assert incident.log_count == 16
    assert incident.first_occurrence_at == min(earlier)


def test_sporadic_errors_long_before_are_not_part_of_it(service):
    store_logs(service, burst(3, ago=300, spread=10))
    store_logs(service, burst(6))
    evaluate(service)
    assert the_incident().log_count == 6


# ---- Over, and over again ----------------------------------------------------------------------------------


def resolve(world, incident):
    return incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)


def test_what_was_before_the_resolution_reopens_nothing(world, service):
    store_logs(service, burst(20))
    evaluate(service)
    resolve(world, the_incident())
    assert evaluate(service) == [None]


def test_a_clock_that_runs_ahead_does_not_outlive_the_resolution(world, service):
    store_logs(service, burst(20, ago=-3600))
    evaluate(service)
    resolve(world, the_incident())
    assert evaluate(service) == [None]


def test_an_outage_after_the_resolution_is_a_new_incident(world, service):
    store_logs(service, burst(6))
    evaluate(service)
    first = resolve(world, the_incident())
    after = first.resolved_at + timedelta(milliseconds=1)
    times = [after + timedelta(milliseconds=position) for position in range(6)]
    store_logs(service, times[:5], received_at=after)
    assert evaluate(service) == [None], "the logs of before do not count towards the window"
    store_logs(service, times[5:], received_at=after)
    [second] = evaluate(service)
    assert second not in (None, first)
    second.refresh_from_db()
    assert (second.number, second.log_count) == (first.number + 1, 6)


def test_withdrawing_is_an_end_too(world, service):
    store_logs(service, burst(6))
    evaluate(service)
    incident_withdraw(incident_id=the_incident().pk, actor=world.actor, reason="a drill")
    assert evaluate(service) == [None]


def test_logs_before_the_resolution_that_were_not_counted_yet_are_counted_on_the_old_incident(world, service):
    store_logs(service, burst(6))
    evaluate(service)
    store_logs(service, burst(4))
    resolve(world, the_incident())
    assert evaluate(service) == [None]
    assert the_incident().log_count == 10


def test_a_reopened_incident_goes_on_counting(world, service):
    store_logs(service, burst(6))
    evaluate(service)
    incident = resolve(world, the_incident())
    store_logs(service, burst(3))
    evaluate(service)
    incident_change_status(
        incident_id=incident.pk, actor=world.actor, status=Status.INVESTIGATING, reason="still there"
    )
    assert evaluate(service) == [incident]
    assert the_incident().log_count == 9


def test_a_merged_incidents_problem_follows_its_target(world, service):
    target = open_incident(world, title="Everything is slow")
    store_logs(service, burst(6))
    [source] = evaluate(service)
    incident_merge(incident_id=source.pk, actor=world.actor, into_id=target.pk)
    store_logs(service, burst(40))
    assert evaluate(service) == [target]
    target.refresh_from_db()
    assert target.log_count == 46
    assert Incident.objects.count() == 2
    resolve(world, target)
    assert evaluate(service) == [None]


# ---- Told again --------------------------------------------------------------------------------------------


def pass_time(**delta):
    """Moves all that is remembered into the past, as if so much time had gone by."""
    seconds = timedelta(**delta).total_seconds()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE detection_watch SET last_breach_at = last_breach_at - make_interval(secs => %s)", [seconds]
        )
        cursor.execute("UPDATE incidents_incident SET touched_at = touched_at - make_interval(secs => %s)", [seconds])


def test_a_problem_that_returns_to_an_untouched_incident_is_told_again(service):
    store_logs(service, burst(6, ago=540))
    evaluate(service)
    pass_time(minutes=31)
    store_logs(service, burst(6))
    evaluate(service)
    incident = the_incident()
    assert incident.occurrence_count == 2
    assert kinds(incident)[-1] == EventKind.RECURRED
    store_logs(service, burst(6))
    evaluate(service)
    assert kinds(the_incident()).count(EventKind.RECURRED) == 1


def test_it_is_not_told_again_while_somebody_is_on_it(world, service):
    store_logs(service, burst(6, ago=540))
    evaluate(service)
    pass_time(minutes=31)
    incident_acknowledge(incident_id=the_incident().pk, actor=world.actor)
    store_logs(service, burst(6))
    evaluate(service)
    incident = the_incident()
    assert incident.occurrence_count == 2
    assert EventKind.RECURRED not in kinds(incident)


def test_a_return_that_nobody_looked_at_is_told_once_half_an_hour_has_passed(world, service):
    store_logs(service, burst(6, ago=540))
    evaluate(service)
    pass_time(minutes=5)
    store_logs(service, burst(6, ago=60))
    evaluate(service)
    assert EventKind.RECURRED not in kinds(the_incident())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE incidents_incident SET touched_at = touched_at - interval '30 minutes'")
    store_logs(service, burst(6))
    evaluate(service)
    assert kinds(the_incident())[-1] == EventKind.RECURRED


def test_a_problem_that_never_stopped_is_not_told_again(service):
    times = sorted(burst(200, spread=400))
    store_logs(service, times[:60])
    evaluate(service)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE incidents_incident SET touched_at = touched_at - interval '2 hours'")
    store_logs(service, times[60:])
    evaluate(service)
    incident = the_incident()
    assert (incident.occurrence_count, incident.log_count) == (1, 200)
    assert EventKind.RECURRED not in kinds(incident)


# ---- Rules -------------------------------------------------------------------------------------------------


def test_a_rule_for_one_environment_leaves_the_others_alone(world):
    DetectionRule.objects.update(environment="production")
    staging = world.service("payments", "staging")
    store_logs(staging, burst(6))
    assert evaluate(staging) == []


def test_text_and_metadata_narrow_a_rule(world, service):
    rule = DetectionRule.objects.get()
    rule_update(rule_id=rule.pk, actor=world.actor, changes={"match": {"min_level": "ERROR", "q": '"disk full" -test'}})
    store_logs(service, burst(6), message="connection refused")
    store_logs(service, burst(5), message="DISK FULL on node 3")
    store_logs(service, burst(6), message="disk full (test)")
    assert evaluate(service) == [None]
    store_logs(service, burst(1), message="disk full again")
    assert evaluate(service) == [the_incident()]
    assert the_incident().log_count == 6


def test_two_rules_open_two_incidents(world, service):
    rule_create(
        actor=world.actor,
        fields={"name": "Any fatal error", "match": {"min_level": "FATAL"}, "parameters": {"count": 0}},
    )
    store_logs(service, burst(6), level=Level.FATAL)
    assert len([incident for incident in evaluate(service) if incident]) == 2


def test_a_disabled_rule_sees_nothing(world, service):
    rule_update(rule_id=DetectionRule.objects.get().pk, actor=world.actor, changes={"enabled": False})
    store_logs(service, burst(50))
    assert evaluate(service) == []


def test_an_unknown_service_is_no_error(world):
    assert evaluate_service(service_id=uuid4().int % 10**9) == []


# ---- Floods ------------------------------------------------------------------------------------------------


def test_a_window_far_behind_a_trickle_is_found(service):
    """The burst lies behind more logs than one chunk holds, of which none makes a full window."""
    rule = DetectionRule.objects.get()
    DetectionRule.objects.filter(pk=rule.pk).update(parameters={"count": 100, "window_seconds": 1})
    now = datetime.now(UTC)
    trickle = [now - timedelta(seconds=position / 60) for position in range(3_000)]
    store_logs(service, trickle)
    assert evaluate(service) == [None]
    store_logs(service, [now - timedelta(seconds=300)] * 101)
    assert evaluate(service) == [the_incident()]


def test_counting_waits_for_its_turn_and_the_sweep_is_told(service):
    store_logs(service, burst(6))
    evaluate_service(service_id=service.pk)
    later = datetime.now(UTC) + timedelta(minutes=1)
    Watch.objects.update(recount_at=later, due_at=None)
    store_logs(service, burst(10))
    evaluate_service(service_id=service.pk)
    assert the_incident().log_count == 6
    assert Watch.objects.get().due_at == later
    evaluate(service)
    assert the_incident().log_count == 16


def test_when_all_has_settled_nothing_is_due_any_more(service):
    long_ago = datetime.now(UTC) - 3 * SETTLING
    store_logs(service, burst(8, ago=360), received_at=long_ago)
    evaluate(service)
    watch = Watch.objects.get()
    assert (watch.settled_count, watch.counted, watch.due_at) == (8, 8, None)
    store_logs(service, burst(4, ago=360))
    evaluate(service)
    watch.refresh_from_db()
    assert (watch.settled_count, watch.counted, watch.due_at is None) == (8, 12, False)
