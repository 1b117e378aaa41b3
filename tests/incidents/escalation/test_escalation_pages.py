"""The pages of policies, and what the incident's page says and offers."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client

from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.models import Escalation, EscalationPolicy, Incident
from organizations.access import Role
from tests.factories import World
from tests.incidents.escalation.factories import (
    Unreachable,
    actor,
    make_policy,
    reachable_as,
    sweep_at,
    user_id,
)
from tests.incidents.factories import open_incident

FORM = {
    "name": "Payments",
    "repeat_count": "1",
    "repeat_delay_minutes": "5",
    "urgent_critical": "high",
    "urgent_high": "high",
    "urgent_medium": "low",
    "urgent_low": "low",
    "hours_timezone": "UTC",
}


@pytest.fixture
def lead(world: World) -> Client:
    client = Client()
    client.force_login(world.user(Role.TEAM_LEAD))
    return client


@pytest.fixture
def engineer_id(world: World) -> UUID:
    return user_id(world, Role.ENGINEER)


def page_of(client: Client, incident: Incident) -> str:
    page = client.get(f"/incidents/{incident.reference}").content.decode()
    found = re.search(r'id="incident-escalation".*?</section>', page, re.DOTALL)
    assert found is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def test_a_policy_is_made_and_changed_in_the_editor(world: World, lead: Client, engineer_id):
    steps = {"step": ["0", "1"], "delay-0": "0", "delay-1": "10"}
    steps |= {"targets-0": [f"user:{engineer_id}"], "targets-1": [f"user:{world.owner.user_id}"]}
    assert lead.post("/escalation/new", FORM | steps).status_code == 302
    with world.scope():
        policy = EscalationPolicy.objects.get()
    assert [step["delay_minutes"] for step in policy.steps] == [0, 10]
    assert policy.urgency["always_high"] == ["critical", "high"]
    hours = {"urgent_medium": "in_hours", "hours_days": ["1", "2"], "hours_from": "08:00", "hours_to": "18:00"}
    assert lead.post(f"/escalation/{policy.pk}", FORM | steps | hours).status_code == 302
    with world.scope():
        policy.refresh_from_db()
    assert policy.urgency["hours"] == {"timezone": "UTC", "days": [1, 2], "from": "08:00", "to": "18:00"}
    assert "Payments" in lead.get("/escalation").content.decode()


def test_a_refused_policy_comes_back_as_it_was_filled_in(world: World, lead: Client, engineer_id):
    steps = {"step": ["0", "1"], "delay-0": "7", "targets-0": [f"user:{engineer_id}"], "delay-1": "soon"}
    answer = lead.post("/escalation/new", FORM | steps | {"urgent_low": "in_hours"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert 'value="7"' in page and world.user(Role.ENGINEER).name in page
    assert "Name at least one person, schedule, team or channel." in page
    assert "A list of weekdays" in page


@pytest.mark.parametrize(
    ("edit", "left"),
    [
        ("add", ["0", "5", "5"]),
        ("remove:0", ["5"]),
        ("up:1", ["5", "0"]),
        ("down:0", ["5", "0"]),
        ("down:1", ["0", "5"]),
        ("remove:9", ["0", "5"]),
        ("nonsense", ["0", "5"]),
    ],
)
def test_the_buttons_of_the_editor(lead: Client, edit: str, left: list[str]):
    body = {"step": ["0", "1"], "delay-0": "0", "delay-1": "5", "edit": edit}
    page = lead.post("/escalation/steps", body).content.decode()
    assert re.findall(r'type="number"[^>]* value="(\d+)"', page) == left


def test_people_are_added_to_a_step_and_left_out(world: World, lead: Client, engineer_id):
    body = {"step": ["0"], "delay-0": "0", "add-0": f"user:{engineer_id}", "edit": "target:0"}
    chosen = f'name="targets-0" value="user:{engineer_id}"'
    assert chosen in lead.post("/escalation/steps", body).content.decode()
    body = {"step": ["0"], "delay-0": "0", "targets-0": f"user:{engineer_id}", "edit": f"drop:0:user:{engineer_id}"}
    assert chosen not in lead.post("/escalation/steps", body).content.decode()


def test_a_policy_is_deleted(world: World, lead: Client, engineer_id):
    policy = make_policy(world, [(0, [engineer_id])])
    assert lead.post(f"/escalation/{policy.pk}/delete").status_code == 302
    with world.scope():
        assert not EscalationPolicy.objects.exists()


def test_the_card_says_what_comes_next_and_what_came_of_it(world: World, lead: Client, engineer_id):
    with world.scope():
        before = open_incident(world)
    assert "there is no policy" in page_of(lead, before)
    make_policy(world, [(0, [engineer_id]), (5, [world.owner.user_id])], acknowledgement_timeout_minutes=30)
    with world.scope():
        incident = open_incident(world)
    running = page_of(lead, incident)
    assert f"next {world.owner.user.name}" in running and "owners and team leads" in running
    with world.scope():
        incident_acknowledge(incident_id=incident.pk, actor=actor(world, Role.ENGINEER))
    assert f"{world.user(Role.ENGINEER).name} has it" in page_of(lead, incident)
    with world.scope(), reachable_as(Unreachable(engineer_id)):
        other = open_incident(world)
        for minutes in (5, 10):
            sweep_at(other.opened_at + timedelta(minutes=minutes))
    assert "is exhausted" in page_of(lead, other)


def test_escalating_asking_and_taking_over_on_the_page(world: World, lead: Client, engineer_id):
    with world.scope():
        incident = open_incident(world)
        incident_acknowledge(incident_id=incident.pk, actor=actor(world, Role.ENGINEER))
    address = f"/incidents/{incident.reference}"
    assert "Take over" in lead.get(address).content.decode()
    assert lead.post(f"{address}/escalate", {"whom": f"user:{engineer_id}", "reason": "Look."}).status_code == 302
    assert lead.post(f"{address}/escalate", {"whom": "", "reason": ""}).status_code == 400
    policy = make_policy(world, [(0, [engineer_id])])
    assert lead.post(f"{address}/escalate", {"whom": f"policy:{policy.pk}", "reason": "All."}).status_code == 302
    assert lead.post(f"{address}/responders", {"whom": f"user:{engineer_id}"}).status_code == 302
    assert lead.post(f"{address}/take-over").status_code == 302
    with world.scope():
        incident.refresh_from_db()
        assert incident.acknowledged_by_id == user_id(world, Role.TEAM_LEAD)
        assert list(Escalation.objects.order_by("id").values_list("state", flat=True)) == ["completed", "stopped"]
