"""The lifecycle, as the actions hold it and as the database does."""

import itertools

import pytest
from django.db import IntegrityError, connection, transaction

from incident_center.kernel.api.problems import Conflict, InvalidInput
from incident_center.kernel.scope import Actor
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.locking import violated_constraint
from incidents.lifecycle import NEXT, Status, may_follow, needs_reason
from incidents.models import Incident
from incidents.selectors import timeline
from organizations.access import Role
from tests.factories import make_world
from tests.incidents.factories import SWITCH_TRIGGERS_OFF, at_status, open_incident

pytestmark = pytest.mark.django_db
PAIRS = list(itertools.product(Status, Status))


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_database_takes_exactly_the_steps_of_the_table(before, after):
    world = make_world(roles=())
    with world.scope():
        incident = at_status(world, before)
        times = "resolved_at = CASE WHEN %s = 'resolved' THEN now() END"
        statement = f"UPDATE incidents_incident SET status = %s, {times} WHERE id = %s"
        if before is after or may_follow(before, after):
            with connection.cursor() as cursor:
                cursor.execute(statement, [after, after, incident.pk])
            return
        with pytest.raises(IntegrityError) as caught, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [after, after, incident.pk])
        assert violated_constraint(caught.value) == "incident_status_transition"


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_action_takes_the_same_steps_and_says_which_are_legal(before, after):
    world = make_world(roles=())
    with world.scope():
        incident = at_status(world, before)
        events = incident.event_count
        if not may_follow(before, after):
            with pytest.raises(Conflict) as caught:
                incident_change_status(incident_id=incident.pk, actor=world.actor, status=after, reason="because")
            assert caught.value.members["allowed"] == list(NEXT[before])
            return
        changed = incident_change_status(incident_id=incident.pk, actor=world.actor, status=after, reason="because")
        assert changed.status == after
        assert changed.event_count == events + 1
        assert timeline(incident).last().data == {"from": before, "to": after, "reason": "because"}


def test_an_incident_begins_open_whoever_inserts_it():
    world = make_world(roles=())
    with world.scope(), pytest.raises(IntegrityError) as caught, transaction.atomic():
        Incident.objects.create(number=1, title="Odd", severity="low", priority="P4", status="mitigated")
    assert violated_constraint(caught.value) == "incident_status_transition"


@pytest.mark.parametrize("column", ["number = 99", "opened_at = now() - interval '1 day'"])
def test_what_others_refer_to_never_changes(column):
    world = make_world(roles=())
    with world.scope():
        incident = open_incident(world)
        with pytest.raises(IntegrityError) as caught, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE incidents_incident SET {column} WHERE id = %s", [incident.pk])
    assert violated_constraint(caught.value) == "incident_identity"


def test_pgtriggers_own_switch_does_not_reach_the_guards():
    world = make_world(roles=())
    with world.scope():
        incident = at_status(world, Status.RESOLVED)
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SWITCH_TRIGGERS_OFF)
            cursor.execute("UPDATE incidents_incident SET status = 'open' WHERE id = %s", [incident.pk])


@pytest.mark.parametrize(("before", "after"), [pair for pair in PAIRS if needs_reason(*pair)])
def test_going_back_says_why(before, after):
    world = make_world(roles=())
    with world.scope():
        incident = at_status(world, before)
        with pytest.raises(InvalidInput, match="Say why"):
            incident_change_status(incident_id=incident.pk, actor=world.actor, status=after, reason="  ")
        incident.refresh_from_db()
        assert incident.status == before


def test_reopening_empties_the_acknowledgement_and_it_can_be_given_again():
    world = make_world(roles=(Role.ENGINEER,))
    with world.scope():
        incident = at_status(world, Status.RESOLVED)
        assert incident.acknowledged_by == world.owner.user
        reopened = incident_change_status(
            incident_id=incident.pk, actor=world.actor, status=Status.INVESTIGATING, reason="it is back"
        )
        assert (reopened.resolved_at, reopened.acknowledged_at, reopened.acknowledged_by) == (
            None,
            None,
            None,
        )
        engineer = world.user(Role.ENGINEER)
        again = incident_acknowledge(incident_id=incident.pk, actor=Actor.user(engineer.pk))
        assert (again.status, again.acknowledged_by) == (Status.INVESTIGATING, engineer)


def test_acknowledging_twice_is_quiet_for_the_same_person_and_refused_for_another():
    world = make_world(roles=(Role.ENGINEER,))
    with world.scope():
        incident = open_incident(world)
        engineer = Actor.user(world.user(Role.ENGINEER).pk)
        first = incident_acknowledge(incident_id=incident.pk, actor=engineer)
        again = incident_acknowledge(incident_id=incident.pk, actor=engineer)
        assert first.acknowledged_at == again.acknowledged_at
        assert again.event_count == first.event_count
        with pytest.raises(Conflict, match=r"acknowledged INC-\d+ already"):
            incident_acknowledge(incident_id=incident.pk, actor=world.actor)


def test_the_system_that_resolves_a_false_alarm_acknowledges_nothing():
    world = make_world(roles=())
    with world.scope():
        incident = open_incident(world)
        resolved = incident_change_status(incident_id=incident.pk, actor=Actor.system("alerts"), status=Status.RESOLVED)
        assert resolved.acknowledged_at is None
        assert resolved.resolved_at is not None
