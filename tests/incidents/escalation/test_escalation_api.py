"""Policies, escalating by hand, taking over and asking for help, as clients do it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from incidents.events import Urgency
from incidents.models import Escalation, Incident, TimelineEvent
from organizations.access import Role
from tests.factories import World, make_world
from tests.incidents.conftest import Speaker
from tests.incidents.escalation.factories import (
    Unreachable,
    add_engineer,
    escalation_of,
    make_policy,
    pages,
    reachable_as,
    user_id,
)
from tests.incidents.factories import open_incident


@pytest.fixture
def incident(world: World) -> Incident:
    with world.scope():
        return open_incident(world)


def policy_body(world: World, **changes: object) -> dict[str, object]:
    target = {"type": "user", "id": str(user_id(world, Role.ENGINEER))}
    return {"name": "Payments", "steps": [{"delay_minutes": 5, "targets": [target]}], **changes}


# ---- Policies ----------------------------------------------------------------------------------------------


def test_a_policy_is_made_shown_changed_and_deleted(world: World, lead: Speaker):
    made = lead.post("/v1/escalation-policies", policy_body(world, repeat_count=2))
    assert made.status_code == 201, made.content
    address = f"/v1/escalation-policies/{made.json()['id']}"
    assert made.json()["steps"][0]["delay_minutes"] == 5
    assert lead.patch(address, {"repeat_delay_minutes": 15}).json()["repeat_delay_minutes"] == 15
    put = lead.send("PUT", address, policy_body(world, name="Cards"))
    assert (put.json()["name"], put.json()["repeat_count"]) == ("Cards", 2)
    assert [row["name"] for row in lead.get("/v1/escalation-policies").json()["results"]] == ["Cards"]
    assert lead.send("DELETE", address).status_code == 204
    assert lead.get(address).status_code == 404


def test_every_fault_of_a_policy_is_named_at_once(world: World, lead: Speaker):
    stranger = make_world("Elsewhere").owner.user_id
    steps = [{"delay_minutes": -1, "targets": [{"type": "dog", "id": "x"}]}, {"targets": []}]
    answer = lead.post("/v1/escalation-policies", policy_body(world, steps=steps, repeat_count=99))
    fields = {error["field"] for error in answer.json()["errors"]}
    assert answer.status_code == 400
    assert fields == {"steps[0].delay_minutes", "steps[0].targets[0].type", "steps[1].targets", "repeat_count"}
    unknown = [
        {"targets": [{"type": kind, "id": str(identifier)}]}
        for kind, identifier in (
            ("user", stranger),
            ("user", user_id(world, Role.AUDITOR)),
            ("team", uuid4()),
            ("channel", uuid4()),
        )
    ]
    answer = lead.post("/v1/escalation-policies", policy_body(world, steps=unknown))
    assert [error["field"] for error in answer.json()["errors"]] == [f"steps[{n}].targets[0]" for n in range(4)]


def test_names_are_given_once_and_one_policy_is_the_default(world: World, lead: Speaker):
    first = lead.post("/v1/escalation-policies", policy_body(world, is_default=True)).json()
    assert lead.post("/v1/escalation-policies", policy_body(world, name="payments")).status_code == 409
    second = lead.post("/v1/escalation-policies", policy_body(world, name="Cards", is_default=True)).json()
    shown = {row["id"]: row["is_default"] for row in lead.get("/v1/escalation-policies").json()["results"]}
    assert shown == {first["id"]: False, second["id"]: True}


def test_a_policy_that_services_name_stays(world: World, lead: Speaker):
    policy = lead.post("/v1/escalation-policies", policy_body(world)).json()
    service = lead.post("/v1/services", {"name": "payments", "escalation_policy": policy["id"]}).json()
    refused = lead.send("DELETE", f"/v1/escalation-policies/{policy['id']}")
    assert refused.status_code == 409 and "payments" in refused.json()["detail"]
    lead.patch(f"/v1/services/{service['id']}", {"escalation_policy": None})
    assert lead.send("DELETE", f"/v1/escalation-policies/{policy['id']}").status_code == 204


# ---- By hand -----------------------------------------------------------------------------------------------


def test_named_people_are_called_once_and_an_acknowledgement_stands(world: World, engineer: Speaker, incident):
    wanted = user_id(world, Role.TEAM_LEAD)
    engineer.post(f"/v1/incidents/{incident.pk}/acknowledge")
    with pages() as seen:
        answer = engineer.post(f"/v1/incidents/{incident.pk}/escalate", {"to": str(wanted), "reason": "I am stuck."})
    assert answer.status_code == 200, answer.content
    assert answer.json()["acknowledged_by"] == str(engineer.user.pk)
    assert [(page.user_ids, page.urgency) for page in seen] == [((wanted,), Urgency.HIGH)]
    events = engineer.get(f"/v1/incidents/{incident.pk}/events").json()["results"]
    assert (events[-1]["kind"], events[-1]["data"]["reason"]) == ("escalated", "I am stuck.")
    assert events[-1]["actor"]["id"] == str(engineer.user.pk)


def test_a_policy_by_hand_ends_the_acknowledgement_and_begins_at_once(world: World, engineer: Speaker, incident):
    policy = make_policy(world, [(30, [user_id(world, Role.TEAM_LEAD)])], is_default=False)
    engineer.post(f"/v1/incidents/{incident.pk}/acknowledge")
    with pages() as seen:
        body = {"policy": str(policy.pk), "reason": "Not ours."}
        answer = engineer.post(f"/v1/incidents/{incident.pk}/escalate", body)
    assert answer.json()["acknowledged_at"] is None and answer.json()["status"] == "investigating"
    assert [page.user_ids for page in seen] == [(user_id(world, Role.TEAM_LEAD),)]
    assert lead_acknowledges(world, incident) == "stopped"


def lead_acknowledges(world: World, incident: Incident) -> str:
    assert Speaker(world, Role.TEAM_LEAD).post(f"/v1/incidents/{incident.pk}/acknowledge").status_code == 200
    with world.scope():
        return escalation_of(incident).state


def test_neither_means_the_next_step_of_what_runs(world: World, engineer: Speaker):
    people = [add_engineer(world, name) for name in ("ana", "ben", "cem")]
    make_policy(world, [(delay, [person]) for delay, person in zip((0, 30, 30), people, strict=True)])
    with world.scope(), pages() as seen:
        incident = open_incident(world)
    with pages() as seen:
        answer = engineer.post("/v1/escalations", {"incident": incident.reference, "reason": "It spreads."})
        assert answer.status_code == 201, answer.content
        engineer.post(f"/v1/incidents/{incident.pk}/acknowledge")
        engineer.post(f"/v1/incidents/{incident.pk}/escalate", {"reason": "Beyond me."})  # Goes on behind ben.
    assert [page.user_ids for page in seen] == [(people[1],), (people[2],)]
    with world.scope():
        assert Escalation.objects.filter(incident=incident).count() == 2


def test_without_any_policy_the_owners_and_team_leads_are_called(world: World, engineer: Speaker, incident):
    with pages() as seen:
        assert engineer.post(f"/v1/incidents/{incident.pk}/escalate", {"reason": "Help."}).status_code == 200
    assert set(seen[0].user_ids) == {user_id(world, Role.OWNER), user_id(world, Role.TEAM_LEAD)}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x", "to": "Ada"}, "to"),
        ({"reason": "x", "to": []}, "to"),
        ({"reason": "x", "to": str(uuid4())}, "to"),
        ({"reason": "x", "policy": str(uuid4())}, "policy"),
        ({"reason": "x", "whom": "Ada"}, "whom"),
    ],
)
def test_what_cannot_be_done_is_said_by_field(engineer: Speaker, incident, body: dict[str, object], field: str):
    answer = engineer.post(f"/v1/incidents/{incident.pk}/escalate", body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_a_resolved_incident_is_not_escalated(engineer: Speaker, incident):
    engineer.patch(f"/v1/incidents/{incident.pk}/status", {"status": "resolved"})
    answer = engineer.post(f"/v1/incidents/{incident.pk}/escalate", {"reason": "x"})
    assert (answer.status_code, answer.json()["allowed"]) == (409, ["investigating"])


def test_a_person_without_a_contact_method_is_called_all_the_same_and_the_ledger_says_so(
    world: World, engineer: Speaker, incident
):
    wanted = user_id(world, Role.TEAM_LEAD)
    with reachable_as(Unreachable(wanted)), pages() as seen:
        engineer.post(f"/v1/incidents/{incident.pk}/escalate", {"to": [str(wanted)], "reason": "x"})
    assert seen[0].user_ids == (wanted,)
    with world.scope():
        reasons = [ruling.reason for ruling in incident_decisions(incident)]
    assert any("has no verified contact method" in reason for reason in reasons)


def incident_decisions(incident: Incident):
    from incidents.models import Decision

    return list(Decision.objects.filter(incident=incident, stage="escalation"))


# ---- Who works on it ---------------------------------------------------------------------------------------


def test_taking_over_assigns_and_acknowledges_whoever_had_it(world: World, engineer: Speaker, lead: Speaker, incident):
    engineer.post(f"/v1/incidents/{incident.pk}/acknowledge")
    answer = lead.post(f"/v1/incidents/{incident.pk}/take-over").json()
    assert (answer["acknowledged_by"], answer["assignee"]) == (str(lead.user.pk), str(lead.user.pk))
    events = lead.get(f"/v1/incidents/{incident.pk}/events").json()["results"]
    assert [event["kind"] for event in events[-2:]] == ["acknowledged", "assigned"]
    assert events[-2]["data"]["taken_over_from"] == str(engineer.user.pk)
    lead.post(f"/v1/incidents/{incident.pk}/take-over")  # Taking what one has is no event.
    assert len(lead.get(f"/v1/incidents/{incident.pk}/events").json()["results"]) == len(events)


def test_taking_over_ends_the_escalation(world: World, engineer: Speaker):
    make_policy(world, [(0, [user_id(world, Role.TEAM_LEAD)]), (5, [user_id(world, Role.OWNER)])])
    with world.scope():
        incident = open_incident(world)
    assert engineer.post(f"/v1/incidents/{incident.pk}/take-over").json()["status"] == "investigating"
    with world.scope():
        assert escalation_of(incident).stopped_by == "acknowledged"


def test_helpers_are_called_and_the_incident_is_theirs_too(world: World, lead: Speaker, engineer: Speaker, incident):
    address = f"/v1/incidents/{incident.pk}"
    assert engineer.patch(address, {"severity": "low"}).status_code == 403  # Not the engineer's own.
    with pages() as seen:
        body = {"to": [{"type": "user", "id": str(engineer.user.pk)}], "message": "You know the cards."}
        answer = lead.post(f"{address}/responders", body)
    assert (answer.status_code, [row["name"] for row in answer.json()]) == (201, [engineer.user.name])
    assert seen[0].event.data["message"] == "You know the cards."
    assert engineer.patch(address, {"severity": "low"}).status_code == 200


def test_escalations_are_listed_with_their_steps_and_only_where_the_incident_is_seen(
    world: World, engineer: Speaker, reporter: Speaker, incident
):
    engineer.post(f"/v1/incidents/{incident.pk}/escalate", {"reason": "Help."})
    listed = engineer.get("/v1/escalations", incident=incident.reference).json()["results"]
    assert [(row["state"], row["by_hand"], len(row["steps"])) for row in listed] == [("completed", True, 1)]
    assert engineer.get("/v1/escalations", state="running").json()["results"] == []
    assert engineer.get("/v1/escalations", state="odd").status_code == 400
    assert reporter.get("/v1/escalations").json()["results"] == []  # The owner opened it.


def test_the_pages_show_every_kind_of_event(world: World, engineer: Speaker, client):
    """A kind without a sentence would break the incident's page."""
    first: UUID = user_id(world, Role.TEAM_LEAD)
    make_policy(world, [(0, [first]), (0, [user_id(world, Role.OWNER)])], acknowledgement_timeout_minutes=1)
    with world.scope(), reachable_as(Unreachable(first)):
        incident = open_incident(world)
    engineer.post(f"/v1/incidents/{incident.pk}/acknowledge")
    engineer.post(f"/v1/incidents/{incident.pk}/responders", {"to": str(first), "message": "You know it."})
    for reason in ("Nobody came.", "Still nobody."):
        engineer.post(f"/v1/incidents/{incident.pk}/escalate", {"reason": reason})
    with world.scope():
        kinds = set(TimelineEvent.objects.filter(incident=incident).values_list("kind", flat=True))
    assert kinds >= {
        "escalation_started",
        "nobody_reachable",
        "escalated",
        "escalation_stopped",
        "responders_added",
        "escalation_exhausted",
    }
    client.force_login(world.user(Role.ENGINEER))
    page = client.get(f"/incidents/{incident.reference}").content.decode()
    assert "reached nobody" in page and "Nobody else is told: someone has it" in page
