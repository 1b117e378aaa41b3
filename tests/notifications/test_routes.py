"""Routes: which fit, in which order, whom they reach, and that the simulator says what would happen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.escalation.plan import Target, TargetKind
from incidents.lifecycle import Severity
from incidents.models import Decision
from notifications.actions.channels import channel_remove
from notifications.actions.routes import route_create, route_update
from notifications.models import Delivery, Notification, Route
from notifications.routing.matching import Conditions, Facts, mismatches
from organizations.access import Role
from organizations.actions.teams import team_create
from organizations.tokens import issue_tokens
from tests.factories import World, make_world


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


@pytest.fixture
def api(world) -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_tokens(world.owner.user).access}"})


def send(api: Client, method: str, url: str, body: Any = None) -> Any:
    return api.generic(method, url, json.dumps(body or {}), content_type="application/json")


@pytest.fixture
def channel(world, receiver, make_channel):
    """A channel to which no route leads, by name."""

    def make(name: str) -> Any:
        return make_channel(world, receiver.url, name=name, has_route=False).channel

    return make


def route(world: World, name: str, *aims: Target, **values: Any) -> Route:
    with world.scope():
        return route_create(actor=world.actor, values={"name": name, "targets": list(aims), **values})


def to(channel: Any) -> Target:
    return Target(TargetKind.CHANNEL, channel.pk)


def told(world: World, incident: Any) -> set[str]:
    with world.scope():
        found = Delivery.objects.filter(incident=incident, contact=None, topic="opened")
        return set(found.values_list("channel__name", flat=True))


def reasons(world: World, incident: Any) -> dict[str, tuple[str, str]]:
    with world.scope():
        rows = Decision.objects.filter(incident=incident, stage="route")
        return {row.subject_name: (row.outcome, row.reason) for row in rows}


@pytest.mark.parametrize(
    ("conditions", "failing"),
    [
        (Conditions(), []),
        (Conditions(topics=frozenset({"resolved"})), ["event"]),
        (
            Conditions(severities=frozenset({"critical"}), environments=frozenset({"staging"})),
            ["severity", "environment"],
        ),
        (Conditions(severities=frozenset({"high", "critical"}), environments=frozenset({"production"})), []),
    ],
)
def test_what_fits(conditions, failing):
    facts = Facts(topic="opened", severity="high", environment="production")
    assert [each.condition for each in mismatches(conditions, facts)] == failing


def test_each_route_says_why_it_fits_or_not(world, channel, open_incident):
    with world.scope():
        payments = team_create(actor=world.actor, name="Payments")
    shop = world.service("shop")
    with world.scope():
        shop.team = payments
        shop.save()
    route(world, "team", to(channel("a")), teams=[payments.pk])
    route(world, "critical", to(channel("b")), severities=["critical"])
    incident = open_incident(world, service=shop)
    assert told(world, incident) == {"a"}
    found = reasons(world, incident)
    assert found["team"][0] == "matched" and "team Payments" in found["team"][1]
    assert found["critical"] == ("not_matched", "It does not fit: severity high is not critical.")


def test_first_match_or_all(world, channel, open_incident):
    first = route(world, "first", to(channel("a")))
    route(world, "second", to(channel("b")))
    assert told(world, open_incident(world)) == {"a", "b"}
    with world.scope():
        route_update(actor=world.actor, route_id=first.pk, values={"stops": True})
    incident = open_incident(world, title="Another")
    assert told(world, incident) == {"a"}
    assert reasons(world, incident)["second"] == ("not_reached", "“first” fits, and stops the search.")
    with world.scope():
        route_update(actor=world.actor, route_id=first.pk, values={"position": 1})
        assert list(Route.objects.order_by("position").values_list("name", flat=True)) == ["second", "first"]
    assert told(world, open_incident(world, title="Third")) == {"a", "b"}


def test_a_channel_of_two_routes_is_told_once(world, channel, open_incident):
    one = channel("a")
    route(world, "first", to(one))
    route(world, "second", to(one))
    incident = open_incident(world)
    with world.scope():
        assert Delivery.objects.filter(incident=incident, channel=one).count() == 1


def test_people_of_a_route_are_reached_by_their_rules_and_told_the_rest_by_inbox(world, mailbox, open_incident):
    lead = world.user(Role.TEAM_LEAD)
    route(world, "lead", Target(TargetKind.USER, lead.pk), events=["opened", "acknowledged"], severities=["critical"])
    incident = open_incident(world, severity=Severity.CRITICAL)
    with world.scope():
        incident_acknowledge(incident_id=incident.pk, actor=world.actor)
        topics = Notification.objects.filter(user=lead).order_by("id").values_list("topic", flat=True)
        assert list(topics) == ["opened", "acknowledged"]
        assert [each.topic for each in Delivery.objects.filter(contact__user=lead)] == ["opened"]


def test_a_removed_channel_takes_its_own_route_with_it(world, channel, open_incident):
    gone, stays = channel("gone"), channel("stays")
    route(world, "only", to(gone))
    route(world, "both", to(gone), to(stays))
    with world.scope():
        channel_remove(actor=world.actor, channel_id=gone.pk)
        assert [(r.name, len(r.targets)) for r in Route.objects.all()] == [("both", 1)]


def test_routes_through_the_api(world, api, channel):
    one = channel("a")
    target = {"type": "channel", "id": str(one.pk)}
    made = send(api, "POST", "/v1/routes", {"name": "High", "targets": [target], "severities": ["high"]})
    assert made.status_code == 201 and made.json()["targets"] == [{**target, "name": "a"}]
    address = f"/v1/routes/{made.json()['id']}"
    assert send(api, "POST", "/v1/routes", {"name": "high", "targets": [target]}).status_code == 409
    for wrong in (
        {"targets": []},
        {"targets": [{"type": "channel", "id": made.json()["id"]}]},
        {"services": [made.json()["id"]]},
        {"events": []},
        {"nonsense": 1},
    ):
        assert send(api, "PATCH", address, wrong).status_code == 400, wrong
    assert send(api, "PATCH", address, {"enabled": False}).json()["enabled"] is False
    assert [each["name"] for each in api.get("/v1/routes").json()["results"]] == ["High"]
    assert send(api, "DELETE", address).status_code == 204
    assert api.get(address).status_code == 404


def test_the_simulator_says_what_happens_then(world, api, channel, mailbox, open_incident):
    route(world, "to a", to(channel("a")), severities=["high"])
    route(world, "to b", to(channel("b")), severities=["low"])
    answer = send(api, "POST", "/v1/routes/simulate", {"severity": "high"}).json()
    assert [(r["name"], r["outcome"]) for r in answer["routes"]] == [("to a", "matched"), ("to b", "not_matched")]
    simulated = {(each["who"], each["by"]) for each in answer["notified"]}
    incident = open_incident(world)
    with world.scope():
        rows = Delivery.objects.filter(incident=incident).select_related("channel", "contact__user")
        really = {(r.channel.name, "Webhook") if r.channel else (str(r.contact.user), "e-mail") for r in rows}
    assert simulated == really and ("a", "Webhook") in really
    by_number = send(api, "POST", "/v1/routes/simulate", {"incident": "INC-1", "event": "resolved"}).json()
    assert {each["who"] for each in by_number["notified"]} == {"a"}
    assert send(api, "POST", "/v1/routes/simulate", {}).status_code == 400


def test_the_simulator_follows_the_escalation_policy(world, api, mailbox):
    from incidents.actions.escalation_policies import escalation_policy_create

    lead, engineer = world.user(Role.TEAM_LEAD), world.user(Role.ENGINEER)
    steps = [
        {"delay_minutes": 0, "targets": [{"type": "user", "id": str(engineer.pk)}]},
        {"delay_minutes": 10, "targets": [{"type": "user", "id": str(lead.pk)}]},
    ]
    with world.scope():
        escalation_policy_create(actor=world.actor, fields={"name": "Night", "steps": steps, "is_default": True})
    told = send(api, "POST", "/v1/routes/simulate", {"severity": "critical"}).json()["notified"]
    assert [each["who"] for each in told[:2]] == [engineer.name, lead.name]
    assert "“Night”, step 2" in told[1]["why"]


def test_the_pages(world, channel):
    one = channel("a")
    owner = Client()
    owner.force_login(world.owner.user)
    form = {
        "name": "High to a",
        "events": ["opened"],
        "severities": ["high"],
        "channels": [str(one.pk)],
        "enabled": "on",
    }
    new = "/notifications/routes/new"
    refused = owner.post(new, {**form, "channels": []})
    assert refused.status_code == 400 and "Say whom it tells" in refused.content.decode()
    assert owner.post(new, form).status_code == 302
    owner.post(new, {**form, "name": "Second"})
    with world.scope():
        first, second = Route.objects.order_by("position")
    owner.post("/notifications/routes", {"route": str(second.pk), "position": "0"})
    shown = owner.get("/notifications/routes").content.decode()
    assert shown.index("Second") < shown.index("High to a")
    assert 'value="opened" ' in owner.get(f"/notifications/routes/{first.pk}").content.decode()
    assert owner.post(f"/notifications/routes/{first.pk}", {**form, "name": "Renamed"}).status_code == 302
    assert "Renamed" in owner.get(f"/notifications/channels/{one.pk}").content.decode()
    simulated = owner.get("/notifications/simulator?severity=high&event=opened").content.decode()
    assert "Renamed" in simulated and "Would be told" in simulated
    assert "no such incident" in owner.get("/notifications/simulator?incident=INC-99").content.decode()
    assert owner.post(f"/notifications/routes/{first.pk}/delete").status_code == 302
