"""The clocks of incidents: what starts, stops, pauses and moves them, and who notices that time is up."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_merge import incident_merge
from incidents.actions.incident_unmerge import incident_unmerge
from incidents.actions.incident_update import incident_update
from incidents.actions.sla_assign import milestone_record, regulatory_start, sla_assign
from incidents.actions.sla_clocks import clock_fall_due
from incidents.actions.sla_policies import service_sla_set, sla_policy_create, sla_policy_remove, sla_policy_update
from incidents.lifecycle import Priority, Severity, Status
from incidents.models import BusinessCalendar, EventKind, SlaClock, SlaPolicy
from incidents.sla.selectors import clocks_of, violations
from tests.factories import make_world
from tests.incidents.factories import open_incident
from tests.incidents.sla.factories import enter_due

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(db):
    world = make_world()
    with world.scope():
        yield world


def clock_of(incident, kind):
    return SlaClock.objects.get(incident=incident, kind=kind)


def events(incident, *kinds):
    return list(incident.timeline.filter(kind__in=kinds).order_by("sequence"))


def move(world, incident, status, reason="because"):
    return incident_change_status(incident_id=incident.pk, actor=world.actor, status=status, reason=reason)


def back_date(incident, by):
    """The clocks as they would be had the incident been opened so much earlier."""
    for clock in clocks_of(incident):
        clock.started_at -= by
        clock.runs = [[(run.start - by).isoformat(), None] for run in clock.clock.runs]
        clock.hold(clock.clock, warn_percent=clock.policy.warn_percent)
        clock.save()


def test_an_incident_begins_under_the_default_policy(world):
    incident = open_incident(world, severity=Severity.CRITICAL)
    response, resolution = clocks_of(incident)
    assert response.due_at == incident.opened_at + 15 * MINUTE
    assert resolution.due_at == incident.opened_at + 240 * MINUTE
    assert events(incident, EventKind.SLA_STARTED) == []


def test_a_service_has_its_own_policy(world):
    service = world.service()
    targets = {"P2": {"response_minutes": 5, "resolution_minutes": None}}
    strict = sla_policy_create(actor=world.actor, fields={"name": "Strict", "targets": targets})
    service_sla_set(service=service, policy_id=strict.pk, actor=world.actor)
    incident = open_incident(world, service=service)
    (clock,) = clocks_of(incident)
    assert (clock.kind, clock.due_at) == ("response", incident.opened_at + 5 * MINUTE)
    sla_policy_remove(policy_id=strict.pk, actor=world.actor)
    assert clocks_of(open_incident(world, service=service, title="Later"))[0].policy.is_default


def test_acknowledging_answers_and_resolving_ends(world):
    incident = open_incident(world)
    incident_acknowledge(incident_id=incident.pk, actor=world.actor)
    response = clock_of(incident, "response")
    assert (response.state, response.outcome, response.next_check_at) == ("stopped", "met", None)
    move(world, incident, Status.RESOLVED)
    assert clock_of(incident, "resolution").outcome == "met"


def test_the_resolution_clock_stands_still_while_mitigated(world):
    incident = open_incident(world)
    move(world, incident, Status.MITIGATED)
    clock = clock_of(incident, "resolution")
    assert (clock.state, clock.due_at, clock.next_check_at) == ("paused", None, None)
    move(world, incident, Status.INVESTIGATING)
    clock = clock_of(incident, "resolution")
    pause = clock.clock.runs[1].start - clock.clock.runs[0].end
    assert clock.due_at == incident.opened_at + clock.target + pause


def test_reopening_resumes_the_resolution_and_keeps_the_response(world):
    incident = open_incident(world)
    move(world, incident, Status.RESOLVED)
    move(world, incident, Status.INVESTIGATING)
    assert clock_of(incident, "response").outcome == "met"
    resolution = clock_of(incident, "resolution")
    assert (resolution.state, resolution.outcome) == ("running", "")


def test_merging_cancels_what_was_promised_for_the_source(world):
    incident, target = open_incident(world), open_incident(world, title="Other")
    incident_merge(incident_id=incident.pk, actor=world.actor, into_id=target.pk)
    assert {clock.outcome for clock in clocks_of(incident)} == {"cancelled"}
    assert {clock.outcome for clock in clocks_of(target)} == {""}


def test_another_priority_counts_from_the_beginning_and_says_why(world):
    incident = open_incident(world, severity=Severity.LOW)
    back_date(incident, 30 * MINUTE)
    incident_update(incident_id=incident.pk, actor=world.actor, changes={"priority": Priority.P1})
    response = clock_of(incident, "response")
    assert response.due_at == incident.opened_at - 15 * MINUTE
    assert response.breached_at == response.due_at
    (recomputed,) = events(incident, EventKind.SLA_RECOMPUTED)
    assert recomputed.data["reason"] == "the priority changed from P4 to P1"
    assert len(events(incident, EventKind.SLA_BREACHED)) == 1
    incident_update(incident_id=incident.pk, actor=world.actor, changes={"priority": Priority.P4})
    assert clock_of(incident, "response").breached_at is None


def test_a_changed_policy_moves_the_clocks_that_run_under_it(world):
    incident = open_incident(world)
    policy = SlaPolicy.objects.get(is_default=True)
    targets = {**policy.targets, "P2": {"response_minutes": 7, "resolution_minutes": 480}}
    sla_policy_update(policy_id=policy.pk, actor=world.actor, changes={"targets": targets})
    assert clock_of(incident, "response").due_at == incident.opened_at + 7 * MINUTE
    (recomputed,) = events(incident, EventKind.SLA_RECOMPUTED)
    assert recomputed.data["reason"] == "the policy “Standard” was changed"


def test_taking_the_policy_away_cancels_and_giving_it_back_is_refused_when_resolved(world):
    incident = open_incident(world)
    sla_assign(incident_id=incident.pk, actor=world.actor, policy_id=None)
    assert {clock.outcome for clock in clocks_of(incident)} == {"cancelled"}
    move(world, incident, Status.RESOLVED)
    with pytest.raises(Conflict):
        sla_assign(incident_id=incident.pk, actor=world.actor, policy_id=None)


def test_a_policy_that_was_taken_away_comes_back_only_when_it_is_given(world):
    incident = open_incident(world)
    sla_assign(incident_id=incident.pk, actor=world.actor, policy_id=None)
    incident_acknowledge(incident_id=incident.pk, actor=world.actor)
    move(world, incident, Status.MITIGATED)
    move(world, incident, Status.INVESTIGATING)
    assert {clock.outcome for clock in clocks_of(incident)} == {"cancelled"}
    standard = SlaPolicy.objects.get(is_default=True)
    sla_assign(incident_id=incident.pk, actor=world.actor, policy_id=standard.pk)
    assert (clock_of(incident, "response").outcome, clock_of(incident, "resolution").state) == ("met", "running")


def test_a_promise_begins_with_the_priority_that_has_one(world):
    targets = {"P1": {"response_minutes": 15, "resolution_minutes": 240}}
    fields = {"name": "P1 only", "targets": targets, "is_default": True}
    sla_policy_create(actor=world.actor, fields=fields)
    incident = open_incident(world, severity=Severity.LOW)
    assert clocks_of(incident) == []
    incident_update(incident_id=incident.pk, actor=world.actor, changes={"priority": Priority.P1})
    assert clock_of(incident, "response").due_at == incident.opened_at + 15 * MINUTE


def test_a_merge_that_is_taken_back_cancels_nothing_for_good(world):
    source, target = open_incident(world), open_incident(world, title="Another")
    policy = sla_policy_create(actor=world.actor, fields={"template": "gdpr"})
    regulatory_start(incident_id=source.pk, actor=world.actor, policy_id=policy.pk)
    sla_assign(incident_id=target.pk, actor=world.actor, policy_id=None)
    due_at = clock_of(source, "milestone").due_at
    incident_merge(incident_id=source.pk, actor=world.actor, into_id=target.pk)
    assert {clock.outcome for clock in clocks_of(source)} == {"cancelled"}
    incident_unmerge(incident_id=source.pk, actor=world.actor)
    assert {clock.state for clock in clocks_of(source)} == {"running"}
    assert clock_of(source, "milestone").due_at == due_at, "a law's deadline does not move"
    assert {clock.outcome for clock in clocks_of(target)} == {"cancelled"}


def test_an_incident_opens_also_by_a_calendar_that_never_does(world):
    calendar = BusinessCalendar.objects.create(name="Closed", timezone="UTC", week=[[]] * 7)
    policy = SlaPolicy.objects.get(is_default=True)
    sla_policy_update(policy_id=policy.pk, actor=world.actor, changes={"calendar": calendar.pk})
    assert {clock.due_at for clock in clocks_of(open_incident(world))} == {None}


def test_the_warning_comes_first_and_the_breach_at_its_own_time(world):
    incident = open_incident(world, severity=Severity.CRITICAL)
    resolution_due = clock_of(incident, "resolution").due_at
    warned_at = incident.opened_at + timedelta(minutes=11, seconds=15)
    assert enter_due(warned_at - timedelta(seconds=1)) == 0
    assert enter_due(warned_at) == 1
    assert enter_due(warned_at) == 0
    late = incident.opened_at + 15 * MINUTE + timedelta(seconds=1)
    assert enter_due(late) == 1
    assert enter_due(late) == 0
    assert clock_of(incident, "response").breached_at == incident.opened_at + 15 * MINUTE
    kinds = [event.kind for event in events(incident, EventKind.SLA_WARNING, EventKind.SLA_BREACHED)]
    assert kinds == [EventKind.SLA_WARNING, EventKind.SLA_BREACHED]
    assert clock_of(incident, "resolution").due_at == resolution_due
    assert [clock.label for clock in violations()] == ["Response"]


def test_a_breach_that_nobody_swept_is_entered_by_the_step_that_comes_too_late(world):
    incident = open_incident(world)
    back_date(incident, timedelta(hours=2))
    incident_acknowledge(incident_id=incident.pk, actor=world.actor)
    response = clock_of(incident, "response")
    assert (response.outcome, response.breached_at) == ("missed", response.due_at)
    assert len(events(incident, EventKind.SLA_BREACHED)) == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "A", "targets": {}}, "targets"),
        ({"name": "A", "targets": {"P9": {}}}, "targets"),
        ({"name": "A", "targets": {"P1": {"response_minutes": 0}}}, "targets.P1.response_minutes"),
        ({"name": "A", "targets": {"P1": {}}, "pause_while": ["open"]}, "pause_while"),
        ({"name": "A", "targets": {"P1": {}}, "warn_percent": 100}, "warn_percent"),
        ({"name": " ", "targets": {"P1": {}}}, "name"),
        ({"template": "sox"}, "template"),
        ({"kind": "regulatory", "name": "A", "milestones": []}, "milestones"),
        (
            {"kind": "regulatory", "name": "A", "milestones": [{"name": "x", "amount": 1, "after": "y"}]},
            "milestones[0].after",
        ),
    ],
)
def test_a_policy_that_cannot_be_is_refused_by_field(world, fields, field):
    with pytest.raises(InvalidInput) as refused:
        sla_policy_create(actor=world.actor, fields=fields)
    assert refused.value.members["errors"][0]["field"] == field


def test_the_default_stays_until_another_takes_its_place(world):
    standard = SlaPolicy.objects.get(is_default=True)
    with pytest.raises(Conflict):
        sla_policy_remove(policy_id=standard.pk, actor=world.actor)
    fields = {"name": "New", "targets": {"P1": {"response_minutes": 1}}, "is_default": True}
    new = sla_policy_create(actor=world.actor, fields=fields)
    assert SlaPolicy.objects.get(is_default=True) == new
    sla_policy_remove(policy_id=standard.pk, actor=world.actor)


class TestReportingDuties:
    def start(self, world, incident, template="nis2", **times):
        policy = sla_policy_create(actor=world.actor, fields={"template": template})
        regulatory_start(incident_id=incident.pk, actor=world.actor, policy_id=policy.pk, **times)
        return policy

    def test_each_report_has_a_clock_from_awareness(self, world):
        incident = open_incident(world)
        aware = incident.opened_at - timedelta(hours=3)
        policy = self.start(world, incident, aware_at=aware)
        warning, notification, final = SlaClock.objects.filter(policy=policy).order_by("due_at")
        assert (warning.due_at, notification.due_at) == (aware + timedelta(hours=24), aware + timedelta(hours=72))
        assert final.citation == "Article 23(4)(d)"
        with pytest.raises(Conflict):
            regulatory_start(incident_id=incident.pk, actor=world.actor, policy_id=policy.pk)

    def test_what_is_counted_from_a_report_moves_when_it_is_recorded(self, world):
        incident = open_incident(world)
        policy = self.start(world, incident)
        clocks = {clock.name: clock for clock in SlaClock.objects.filter(policy=policy)}
        recorded = milestone_record(
            incident_id=incident.pk,
            clock_id=clocks["Incident notification"].pk,
            actor=world.actor,
            evidence="Sent to the CSIRT, reference 4711.",
        )
        assert (recorded.outcome, recorded.recorded_by_id) == ("met", world.owner.user_id)
        final = SlaClock.objects.get(pk=clocks["Final report"].pk)
        assert final.due_at < clocks["Final report"].due_at
        (event,) = events(incident, EventKind.MILESTONE_RECORDED)
        assert event.data["evidence"] == "Sent to the CSIRT, reference 4711."

    def test_a_report_made_in_time_but_entered_late_is_no_breach(self, world):
        incident = open_incident(world)
        aware = timezone.now() - timedelta(hours=80)
        policy = self.start(world, incident, "gdpr", aware_at=aware)
        enter_due(timezone.now())
        clock = SlaClock.objects.get(policy=policy)
        assert clock.breached_at == aware + timedelta(hours=72)
        at = aware + timedelta(hours=70)
        milestone_record(incident_id=incident.pk, clock_id=clock.pk, actor=world.actor, evidence="By phone", at=at)
        clock.refresh_from_db()
        assert (clock.breached_at, clock.outcome) == (None, "met")

    def test_dora_counts_from_classification_but_not_beyond_a_day_of_awareness(self, world):
        incident = open_incident(world)
        now = timezone.now()
        aware = now - timedelta(hours=22)
        policy = self.start(world, incident, "dora", aware_at=aware, classified_at=now)
        first = SlaClock.objects.filter(policy=policy).order_by("due_at")[0]
        assert first.due_at == aware + timedelta(hours=24)

    def test_resolving_the_incident_does_not_fulfil_a_duty(self, world):
        incident = open_incident(world)
        policy = self.start(world, incident)
        move(world, incident, Status.RESOLVED)
        assert {clock.state for clock in SlaClock.objects.filter(policy=policy)} == {"running"}

    def test_a_time_that_cannot_be_is_refused(self, world):
        incident = open_incident(world)
        policy = sla_policy_create(actor=world.actor, fields={"template": "gdpr"})
        with pytest.raises(InvalidInput):
            regulatory_start(
                incident_id=incident.pk,
                actor=world.actor,
                policy_id=policy.pk,
                aware_at=timezone.now() + timedelta(days=1),
            )


def test_eight_workers_enter_a_breach_once(committed_database):
    world = make_world()
    with world.scope():
        incident = open_incident(world, severity=Severity.CRITICAL)
        clock_id = clock_of(incident, "response").pk
    late = incident.opened_at + 16 * MINUTE
    together = threading.Barrier(8)
    entered = []

    def work() -> None:
        try:
            together.wait()
            with world.scope():
                entered.append(clock_fall_due(clock_id=clock_id, now=late))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(entered) == [False] * 7 + [True]
    with world.scope():
        assert len(events(incident, EventKind.SLA_BREACHED)) == 1
