"""The coverage check: each hole is found, and mending it is noticed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from incidents.actions.coverage_digest import coverage_digest_send
from incidents.coverage.sweep import send_due_digests
from incidents.escalation import reachability
from incidents.models import CoverageDigest
from notifications.models import Delivery
from organizations.access import Role
from organizations.actions.members import member_change
from organizations.models import ApiKey
from tests.factories import World
from tests.incidents.conftest import Speaker
from tests.incidents.schedules.factories import add_layer, make_schedule


class Reachable:
    """Everybody can be reached but these."""

    def __init__(self, *unreachable: Any) -> None:
        self.unreachable = unreachable

    def unreachable_people(self, user_ids: Any) -> Any:
        return {user_id: "has no verified contact" for user_id in user_ids if user_id in self.unreachable}

    def unreachable_channels(self, channel_ids: Any) -> Any:
        return {}

    def channel_names(self) -> Any:
        return {}


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(*unreachable: Any) -> None:
        monkeypatch.setattr(reachability, "_registered", [Reachable(*unreachable)])

    use()
    return use


def findings(speaker: Speaker, check: str) -> list[dict[str, Any]]:
    answer = speaker.get("/v1/coverage")
    assert answer.status_code == 200, answer.json()
    return [finding for finding in answer.json()["results"] if finding["check"] == check]


def test_gaps_of_the_next_30_days(world: World, lead: Speaker, reach: Any):
    schedule = make_schedule(world)
    [finding] = findings(lead, "schedule_gaps")
    assert (finding["subject"], finding["gravity"]) == (f"schedule:{schedule.pk}", "danger")
    assert finding["data"]["hours"] == 30 * 24
    layer = add_layer(world, schedule, Role.ENGINEER, ends_at=timezone.now() + timedelta(days=20))
    [finding] = findings(lead, "schedule_gaps")
    assert (finding["gravity"], len(finding["data"]["gaps"])) == ("warning", 1)
    lead.patch(f"/v1/schedules/{schedule.pk}/layers/{layer.pk}", {"ends_at": None})
    assert findings(lead, "schedule_gaps") == []


def test_people_who_left_and_whom_nothing_reaches(world: World, lead: Speaker, reach: Any):
    engineer, owner = world.members[Role.ENGINEER], world.owner
    schedule = make_schedule(world)
    add_layer(world, schedule, Role.OWNER, Role.ENGINEER)
    reach(owner.user_id, world.members[Role.TEAM_LEAD].user_id, world.members[Role.AUDITOR].user_id)
    found = {each["subject"]: each["gravity"] for each in findings(lead, "unreachable_responders")}
    assert found == {
        f"user:{owner.user_id}": "danger",
        f"user:{world.members[Role.TEAM_LEAD].user_id}": "warning",
    }
    with world.scope():
        member_change(membership_id=engineer.pk, actor=world.actor, is_active=False)
    [left] = findings(lead, "people_who_left")
    assert left["message"].endswith("and still has turns on Payments.")


def test_services_policies_and_keys(world: World, lead: Speaker, reach: Any):
    service = world.service("checkout")
    key = world.key(service).row
    [finding] = findings(lead, "services_without_policy")
    assert finding["subject"] == f"service:{service.public_id}"
    assert findings(lead, "unused_keys") == [], "it is new"
    with world.scope():
        ApiKey.objects.filter(pk=key.pk).update(created_at=timezone.now() - timedelta(days=8))
    [unused] = findings(lead, "unused_keys")
    assert unused["subject"] == f"key:{key.pk}"

    schedule = make_schedule(world)
    target = {"type": "schedule", "id": str(schedule.pk)}
    policy = {"name": "Standard", "is_default": True, "steps": [{"delay_minutes": 0, "targets": [target]}]}
    made = lead.post("/v1/escalation-policies", policy)
    assert made.status_code == 201, made.json()
    assert findings(lead, "services_without_policy") == []
    assert findings(lead, "policy_targets") == []
    lead.send("DELETE", f"/v1/schedules/{schedule.pk}")
    [dangling] = findings(lead, "policy_targets")
    assert dangling["gravity"] == "danger"


def test_routes_that_lead_to_nobody(world: World, lead: Speaker, reach: Any):
    target = {"type": "user", "id": str(world.members[Role.ENGINEER].user_id)}
    made = lead.post("/v1/routes", {"name": "To the engineer", "targets": [target]})
    assert made.status_code == 201, made.json()
    assert findings(lead, "empty_routes") == []
    with world.scope():
        member_change(membership_id=world.members[Role.ENGINEER].pk, actor=world.actor, is_active=False)
    [finding] = findings(lead, "empty_routes")
    assert finding["subject"] == f"route:{made.json()['id']}"


def test_the_digest_comes_each_morning_and_once(
    world: World, owner: Speaker, engineer: Speaker, reach: Any, settings: Any
):
    """The organization's clock is UTC's; nothing is told where everything is covered."""
    settings.EMAIL_CONFIGURED = True
    make_schedule(world)
    with world.scope():
        digest = CoverageDigest.objects.get()
        assert (digest.next_at.hour, digest.next_at.minute) == (8, 0)
        assert not coverage_digest_send(now=digest.next_at - timedelta(seconds=1))
        CoverageDigest.objects.update(next_at=timezone.now())
    send_due_digests()
    send_due_digests()
    [notice] = owner.get("/v1/notifications").json()["results"]
    assert (notice["event"], notice["incident"], notice["path"]) == ("notice", None, "/coverage")
    assert notice["title"].endswith("not covered, 1 of them urgent") or "is not covered" in notice["title"]
    assert "Gaps in schedules in the next 30 days: 1" in notice["body"]
    assert engineer.get("/v1/notifications").json()["results"] == [], "those who can mend it"
    with world.scope():
        following = CoverageDigest.objects.get().next_at
        assert following > timezone.now()
        letters = Delivery.objects.filter(incident=None).order_by("contact__user")
        readers = {world.members[role].user_id for role in (Role.OWNER, Role.TEAM_LEAD) if role in world.members}
        assert {letter.contact.user_id for letter in letters} == readers and len(letters) == len(readers)
        assert "Gaps in schedules in the next 30 days:\n- Payments " in letters[0].payload["data"]["body"]
    client = Client()
    client.force_login(world.owner.user)
    assert 'href="/coverage"' in client.get("/inbox").content.decode()


def test_the_pages_say_who_is_on_call(world: World, lead: Speaker, reach: Any):
    service = world.service("checkout")
    schedule = make_schedule(world, "Payments")
    add_layer(world, schedule, Role.ENGINEER)
    target = {"type": "schedule", "id": str(schedule.pk)}
    policy = {"name": "Standard", "is_default": True, "steps": [{"delay_minutes": 0, "targets": [target]}]}
    lead.post("/v1/escalation-policies", policy)
    incident = lead.post(
        "/v1/incidents", {"title": "Down", "severity": "high", "service": str(service.public_id)}
    ).json()
    client, name = Client(), str(world.user(Role.ENGINEER))
    client.force_login(world.user(Role.AUDITOR))
    for page in ("/", f"/services/{service.public_id}", f"/incidents/{incident['reference']}"):
        shown = client.get(page).content.decode()
        card = shown[shown.index("on-call-list") :]
        assert name in card[: card.index("</ul>")], page
    covered = client.get("/coverage").content.decode()
    assert "In order" in covered and "Gaps in schedules" in covered
