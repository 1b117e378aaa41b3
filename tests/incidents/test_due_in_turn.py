"""What is due is found in turn by organization: one's storm does not keep another's single incident waiting."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from incidents.escalation.selectors import due_escalations
from incidents.models import Escalation, SlaClock
from incidents.sla.sweep import due_clocks
from organizations.access import Role
from tests.factories import make_world
from tests.incidents.escalation.factories import make_policy, user_id
from tests.incidents.factories import open_incident

MINUTE = timedelta(minutes=1)


def test_a_storm_and_a_single_incident(db: None):
    storm, single = make_world("Storm"), make_world("Single")
    now = timezone.now()
    for world, incidents, overdue in ((storm, 3, 10), (single, 1, 1)):
        make_policy(world, [(5, [user_id(world, Role.ENGINEER)])])
        with world.scope():
            for number in range(incidents):
                open_incident(world, title=f"Incident {number}")
            Escalation.objects.update(next_due_at=now - overdue * MINUTE)
            SlaClock.objects.update(next_check_at=now - overdue * MINUTE)
    in_turn = [storm.organization.pk, single.organization.pk, storm.organization.pk]
    assert [due.organization_id for due in due_escalations(3, now)] == in_turn
    assert [organization_id for organization_id, _ in due_clocks(now, 3)] == in_turn
