"""What runs for an incident: who is told when, what stops it, what brings it back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from incidents.actions.escalation_policies import escalation_policy_delete, escalation_policy_update
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_escalate import incident_escalate
from incidents.actions.incident_merge import incident_merge
from incidents.actions.incident_note import incident_note
from incidents.actions.incident_record_occurrence import incident_tell_again
from incidents.actions.incident_withdraw import incident_withdraw
from incidents.actions.timeline import append_event
from incidents.escalation import on_call
from incidents.events import Urgency
from incidents.lifecycle import Severity, Status
from incidents.models import Decision, EscalationStepRun, EventKind, Incident, Responder, TimelineEvent
from incidents.schedules.selectors import RESPONDER_ROLES
from organizations.access import Role
from organizations.actions.members import member_change
from organizations.actions.teams import team_create, team_delete
from tests.factories import World
from tests.incidents.escalation.factories import (
    Unreachable,
    actor,
    escalation_of,
    make_policy,
    pages,
    reachable_as,
    sweep_at,
    user_id,
)
from tests.incidents.factories import open_incident
from tests.incidents.sla.factories import enter_due

MINUTE = timedelta(minutes=1)


@pytest.fixture
def first(world: World) -> UUID:
    return user_id(world, Role.ENGINEER)


@pytest.fixture
def second(world: World) -> UUID:
    return user_id(world, Role.TEAM_LEAD)


def kinds(incident: Incident) -> list[str]:
    return list(TimelineEvent.objects.filter(incident=incident).order_by("sequence").values_list("kind", flat=True))


def told(seen: list[Any]) -> list[tuple[UUID, ...]]:
    return [page.user_ids for page in seen]


def at(incident: Incident, minutes: float) -> datetime:
    return incident.opened_at + minutes * MINUTE


def test_steps_come_at_their_times_and_an_acknowledgement_ends_them(world: World, first, second):
    make_policy(world, [(0, [first]), (5, [second]), (5, [first])])
    with world.scope(), pages() as seen:
        incident = open_incident(world)
        assert told(seen) == [(first,)]  # In the transaction of the opening.
        sweep_at(at(incident, 4.9))
        assert len(seen) == 1
        sweep_at(at(incident, 5))
        assert told(seen) == [(first,), (second,)]
        incident_acknowledge(incident_id=incident.pk, actor=actor(world, Role.TEAM_LEAD))
        sweep_at(at(incident, 60))
        assert len(seen) == 2
        escalation = escalation_of(incident)
        assert (escalation.state, escalation.stopped_by, escalation.next_due_at) == ("stopped", "acknowledged", None)
        assert kinds(incident) == [
            "opened",
            "escalation_started",
            "escalated",
            "escalated",
            "acknowledged",
            "escalation_stopped",
        ]
        assert set(Responder.objects.values_list("user_id", flat=True)) == {first, second}


def test_without_a_policy_nothing_runs_and_the_ledger_says_so(world: World):
    with world.scope(), pages() as seen:
        incident = open_incident(world)
        sweep_at(at(incident, 600))
        assert not seen and kinds(incident) == ["opened"]
        assert Decision.objects.get(incident=incident, stage="escalation").outcome == "no_policy"


def test_a_policy_is_frozen_when_it_starts(world: World, first, second):
    policy = make_policy(world, [(0, [first]), (5, [second])])
    with world.scope(), pages() as seen:
        incident = open_incident(world)
        changed = [{"delay_minutes": 0, "targets": [{"type": "user", "id": str(first)}]}]
        escalation_policy_update(policy_id=policy.pk, actor=world.actor, changes={"steps": changed})
        escalation_policy_delete(policy_id=policy.pk, actor=world.actor)
        sweep_at(at(incident, 5))
        assert told(seen) == [(first,), (second,)]


def test_nobody_at_a_step_means_the_next_one_at_once_and_loudly(world: World, first, second):
    make_policy(world, [(0, [first]), (30, [second])])
    with world.scope(), reachable_as(Unreachable(first)), pages() as seen:
        incident = open_incident(world)
        assert told(seen) == [(second,)]
        assert kinds(incident) == ["opened", "escalation_started", "nobody_reachable", "escalated"]
        decisions = Decision.objects.filter(incident=incident, stage="escalation").order_by("id")
        assert [each.outcome for each in decisions] == ["not_told", "nobody_reachable", "told"]
        assert "has no verified contact method" in decisions[0].reason


def test_nobody_at_any_step_tells_the_owners_at_once(world: World, first):
    make_policy(world, [(0, [first]), (10, [first])], repeat_count=1, repeat_delay_minutes=20)
    owner_and_lead = {user_id(world, Role.OWNER), user_id(world, Role.TEAM_LEAD)}
    with world.scope(), reachable_as(Unreachable(first)), pages() as seen:
        incident = open_incident(world)
        assert [set(page.user_ids) for page in seen] == [owner_and_lead]
        assert seen[0].urgency is Urgency.HIGH
        sweep_at(at(incident, 20))  # The next round: nobody again.
        assert [set(page.user_ids) for page in seen] == [owner_and_lead] * 2
        sweep_at(at(incident, 40))
        assert escalation_of(incident).state == "exhausted"


def test_where_nobody_at_all_can_be_reached_everyone_who_works_is_told_all_the_same(world: World, first):
    make_policy(world, [(0, [first])])
    everyone = {member.user_id for role, member in world.members.items() if role in RESPONDER_ROLES}
    with world.scope(), reachable_as(Unreachable(*everyone)), pages() as seen:
        open_incident(world)
        assert [set(page.user_ids) for page in seen] == [everyone]


def test_an_exhausted_policy_tells_the_last_resort_and_says_so(world: World, first):
    make_policy(world, [(0, [first])], repeat_count=1, repeat_delay_minutes=10)
    with world.scope(), pages() as seen:
        incident = open_incident(world)
        for minute in (10, 19, 20, 60):
            sweep_at(at(incident, minute))
        assert told(seen)[:2] == [(first,), (first,)]
        assert set(seen[2].user_ids) == {user_id(world, Role.OWNER), user_id(world, Role.TEAM_LEAD)}
        assert len(seen) == 3
        assert kinds(incident)[-1] == "escalation_exhausted"
        incident_tell_again(incident_id=incident.pk, actor=world.actor)  # It does not stay silent for ever.
        assert told(seen)[3:] == [(first,)]


def test_a_deactivated_person_an_emptied_team_and_a_gap_are_passed_over(world: World, first, second):
    """All of it happens after the escalation began."""
    schedule_id = UUID(int=7)

    class Gap:
        def on_call(self, schedule_id: UUID, at: datetime) -> list[UUID]:
            return []

        def schedule_names(self) -> dict[UUID, str]:
            return {schedule_id: "Primary"}

    before = on_call.schedules()
    on_call.register(Gap())
    try:
        with world.scope():
            team = team_create(actor=world.actor, name="Cards", members=[world.members[Role.ENGINEER].pk])
        steps = [
            (5, [{"type": kind, "id": str(identifier)}])
            for kind, identifier in (("user", first), ("team", team.pk), ("schedule", schedule_id), ("user", second))
        ]
        make_policy(world, steps)
        with world.scope(), pages() as seen:
            incident = open_incident(world)
            member_change(membership_id=world.members[Role.ENGINEER].pk, actor=world.actor, is_active=False)
            team_delete(team_id=team.pk, actor=world.actor)
            sweep_at(at(incident, 5))
            assert told(seen) == [(second,)]
            reasons = list(Decision.objects.filter(outcome="not_told").order_by("id").values_list("reason", flat=True))
            assert "is not active any more" in reasons[0]
            assert "is not there any more" in reasons[1]
            assert "Primary has nobody on call" in reasons[2]
    finally:
        on_call.register(before)


def test_a_schedule_that_fails_keeps_no_incident_from_opening(world: World, first):
    class Broken:
        def on_call(self, schedule_id: UUID, at: datetime) -> list[UUID]:
            raise RuntimeError

        def schedule_names(self) -> dict[UUID, str]:
            return {UUID(int=7): "Primary"}

    before = on_call.schedules()
    on_call.register(Broken())
    try:
        schedule = {"type": "schedule", "id": str(UUID(int=7))}
        make_policy(world, [(0, [schedule]), (0, [first])])
        with world.scope(), pages() as seen:
            open_incident(world)
            assert told(seen) == [(first,)]
    finally:
        on_call.register(before)


@pytest.mark.parametrize("reads", ["late", "early"])
def test_an_acknowledgement_that_nobody_follows_up_lapses(world: World, first, second, reads: str):
    make_policy(world, [(0, [first]), (5, [second])], acknowledgement_timeout_minutes=30)
    with world.scope(), pages() as seen:
        incident = incident_acknowledge(incident_id=open_incident(world).pk, actor=actor(world, Role.ENGINEER))
        acknowledged_at = incident.acknowledged_at
        assert acknowledged_at is not None
        if reads == "early":  # A note within the time keeps it alive: the half hour begins anew.
            event = incident_note(incident_id=incident.pk, actor=actor(world, Role.ENGINEER), body="Looking.")
            sweep_at(acknowledged_at + 30 * MINUTE)
            incident.refresh_from_db()
            assert incident.acknowledged_at == acknowledged_at and len(seen) == 1
            acknowledged_at = event.at
        sweep_at(acknowledged_at + 30 * MINUTE)
        incident.refresh_from_db()
        assert (incident.acknowledged_at, incident.acknowledged_by, incident.status) == (None, None, "investigating")
        assert told(seen) == [(first,), (first,)]
        assert "acknowledgement_timed_out" in kinds(incident)
        sweep_at(acknowledged_at + 35 * MINUTE)
        assert told(seen)[2:] == [(second,)]
        assert escalation_of(incident).cause == "acknowledgement_timed_out"


def test_a_mitigated_incident_does_not_lapse(world: World, first):
    make_policy(world, [(0, [first])], acknowledgement_timeout_minutes=30)
    with world.scope(), pages() as seen:
        incident = open_incident(world)
        incident_acknowledge(incident_id=incident.pk, actor=actor(world, Role.ENGINEER))
        incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.MITIGATED)
        sweep_at(at(incident, 600))
        assert len(seen) == 1


def test_reopening_tells_people_again_by_the_policy_of_now(world: World, first, second):
    policy = make_policy(world, [(0, [first])])
    with world.scope(), pages() as seen:
        incident = open_incident(world)
        incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)
        sweep_at(at(incident, 600))
        assert len(seen) == 1
        steps = [{"delay_minutes": 0, "targets": [{"type": "user", "id": str(second)}]}]
        escalation_policy_update(policy_id=policy.pk, actor=world.actor, changes={"steps": steps})
        incident_change_status(
            incident_id=incident.pk, actor=world.actor, status=Status.INVESTIGATING, reason="It is back."
        )
        assert told(seen)[1:] == [(second,)]


@pytest.mark.parametrize("end", ["resolved", "withdrawn", "merged"])
def test_the_end_of_an_incident_ends_its_escalation(world: World, first, second, end: str):
    make_policy(world, [(0, [first]), (5, [second])])
    with world.scope(), pages() as seen:
        incident = open_incident(world)
        if end == "resolved":
            incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)
        elif end == "withdrawn":
            incident_withdraw(incident_id=incident.pk, actor=world.actor, reason="A drill.")
        else:
            into = open_incident(world, title="The other")
            seen.clear()
            incident_acknowledge(incident_id=into.pk, actor=world.actor)
            incident_merge(incident_id=incident.pk, actor=world.actor, into_id=into.pk)
        seen.clear()
        sweep_at(at(incident, 600))
        assert not seen and escalation_of(incident).stopped_by == end


def test_urgency_goes_by_the_severity_of_the_moment(world: World, first):
    urgency = {"always_high": ["critical"], "high_in_hours": [], "hours": None}
    make_policy(world, [(0, [first]), (5, [first])], urgency=urgency)
    with world.scope(), pages() as seen:
        incident = open_incident(world, severity=Severity.LOW)
        Incident.objects.filter(pk=incident.pk).update(severity=Severity.CRITICAL)
        sweep_at(at(incident, 5))
        assert [page.urgency for page in seen] == [Urgency.LOW, Urgency.HIGH]


def test_a_breach_brings_the_next_step_forward_while_nobody_has_it(world: World, first, second):
    make_policy(world, [(0, [first]), (600, [second]), (600, [first])])
    with world.scope(), pages() as seen:
        incident = open_incident(world, severity=Severity.CRITICAL)
        enter_due(at(incident, 15))  # A new organization promises an answer to P1 within 15 minutes.
        sweep_at(at(incident, 15))
        assert told(seen) == [(first,), (second,)]
        incident_acknowledge(incident_id=incident.pk, actor=actor(world, Role.ENGINEER))
        enter_due(at(incident, 24 * 60))
        sweep_at(at(incident, 24 * 60))
        assert "sla_breached" in kinds(incident)[-1:] and len(seen) == 2


def test_a_mute_holds_steps_back_until_its_end(world: World, first, second):
    make_policy(world, [(0, [first]), (5, [second]), (5, [first])])
    with world.scope(), pages() as seen:
        incident = open_incident(world)
        Incident.objects.filter(pk=incident.pk).update(muted_until=at(incident, 60))
        sweep_at(at(incident, 5))
        sweep_at(at(incident, 59))
        assert told(seen) == [(first,)]
        assert Decision.objects.filter(incident=incident, outcome="held").count() == 1
        sweep_at(at(incident, 60))
        assert told(seen) == [(first,), (second,)]
        run = EscalationStepRun.objects.get(level=2)
        assert run.due_at == at(incident, 5)  # When it was due, whatever held it back.


def test_unmuting_early_runs_what_was_held_back(world: World, first, second):
    make_policy(world, [(0, [first]), (5, [second])])
    with world.scope(), pages() as seen:
        incident = open_incident(world)
        Incident.objects.filter(pk=incident.pk).update(muted_until=at(incident, 60))
        sweep_at(at(incident, 5))
        incident.refresh_from_db()
        incident.muted_until = None
        append_event(incident=incident, kind=EventKind.UNMUTED, actor=world.actor, at=at(incident, 20))
        sweep_at(at(incident, 20))
        assert told(seen) == [(first,), (second,)]


def test_whoever_moves_a_lapsed_incident_on_has_it(world: World, first, second):
    make_policy(world, [(0, [first]), (5, [second])])
    with world.scope(), pages() as seen:
        incident = open_incident(world)
        me = actor(world, Role.ENGINEER)
        incident_change_status(incident_id=incident.pk, actor=me, status=Status.RESOLVED)
        incident_change_status(incident_id=incident.pk, actor=me, status=Status.INVESTIGATING, reason="It is back.")
        incident = incident_change_status(incident_id=incident.pk, actor=me, status=Status.MITIGATED)
        assert incident.acknowledged_by_id == me.user_id
        sweep_at(at(incident, 600))
        assert told(seen) == [(first,), (first,)]


def test_an_earlier_policys_timeout_does_not_outlive_it(world: World, first, second):
    make_policy(world, [(0, [first])], acknowledgement_timeout_minutes=30)
    patient = make_policy(world, [(0, [second])], name="Patient", is_default=False)
    with world.scope(), pages() as seen:
        incident = open_incident(world)
        incident_acknowledge(incident_id=incident.pk, actor=actor(world, Role.ENGINEER))
        incident_escalate(incident_id=incident.pk, actor=world.actor, reason="Help", policy_id=patient.pk)
        incident_acknowledge(incident_id=incident.pk, actor=actor(world, Role.TEAM_LEAD))
        sweep_at(at(incident, 600))
        incident.refresh_from_db()
        assert incident.acknowledged_by_id == second and told(seen) == [(first,), (second,)]
