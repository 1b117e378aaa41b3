"""Channels and deliveries through the API: what is shown, what never is, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEntry
from notifications import outbox
from notifications.models import Channel, Delivery
from organizations.access import Role
from organizations.tokens import issue_tokens
from tests.factories import World, make_world
from tests.notifications.receiver import Answer


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


def client_of(world: World, role: Role = Role.OWNER) -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_tokens(world.user(role)).access}"})


@pytest.fixture
def api(world: World) -> Client:
    return client_of(world)


def post(api: Client, address: str, **body: Any) -> Any:
    return api.post(address, body, content_type="application/json")


def test_the_secret_is_shown_once_and_the_address_never(api, world, receiver):
    url = f"{receiver.url}/T000/B000/very-secret-path"
    created = post(api, "/v1/channels", kind="webhook", name="Ops", url=url)
    assert created.status_code == 201
    secret = created.json()["secret"]
    assert secret.startswith("whsec_")
    channel = created.json()["id"]
    rotated = post(api, f"/v1/channels/{channel}/rotate-secret", overlap_hours=1).json()
    assert rotated["secret"].startswith("whsec_") and rotated["secret"] != secret
    patched = api.patch(f"/v1/channels/{channel}", {"name": "Operations"}, content_type="application/json")
    shown = [patched, api.get("/v1/channels"), api.get(f"/v1/channels/{channel}")]
    for answer in shown:
        assert answer.status_code == 200
        text = answer.content.decode()
        assert secret not in text and rotated["secret"] not in text and "very-secret" not in text
    assert patched.json()["url"] == f"http://127.0.0.1:{receiver.port}/…path"
    with world.scope():
        record = json.dumps(list(AuditEntry.objects.values("before", "after")), default=str)
        stored = Channel.objects.raw("SELECT id, url::text AS stored, secret AS kept FROM notifications_channel")[0]
    assert "very-secret" not in record and "whsec_" not in record and "gAAAA" not in record
    assert "very-secret" not in stored.stored and "whsec_" not in stored.kept, "encrypted at rest"


def test_what_happened_to_channels_reads_as_sentences(api, world, receiver):
    from audit import messages, selectors

    channel = post(api, "/v1/channels", kind="slack", name="Ops", url=receiver.url).json()
    assert channel["secret"] is None
    api.patch(f"/v1/channels/{channel['id']}", {"enabled": False}, content_type="application/json")
    assert api.delete(f"/v1/channels/{channel['id']}").status_code == 204
    with world.scope():
        entries = list(AuditEntry.objects.filter(table_name="notifications_channel").order_by("position"))
        names = replace(selectors.names_for(entries), people={world.owner.user_id: "Ada"})
        sentences = [messages.message(entry, names) for entry in entries]
    assert sentences == [
        "Ada created the slack channel “Ops”",
        "Ada switched the channel “Ops” off",
        "Ada removed the channel “Ops” and wiped its address",
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": ""}, "url"),
        ({"name": " "}, "name"),
        ({"kind": "pigeon"}, "kind"),
        ({"events": ["exploded"]}, "events.0"),
        ({"events": []}, "events"),
        ({"minimum_severity": "terrible"}, "minimum_severity"),
        ({"service": "01890000-0000-7000-8000-000000000000"}, "service"),
        ({"minimum_sevrity": "low"}, "minimum_sevrity"),
    ],
)
def test_bad_input_is_named(api, settings, change, field):
    settings.EGRESS_ALLOW_PRIVATE = False
    body = {"kind": "webhook", "name": "Ops", "url": "https://93.184.216.34/hook", **change}
    answer = post(api, "/v1/channels", **body)
    assert answer.status_code == 400, answer.content
    assert field.split(".")[0] in answer.json()["errors"][0]["field"]


def test_names_are_taken_once_and_free_after_removal(api, receiver):
    body = {"kind": "webhook", "name": "Ops", "url": receiver.url}
    first = post(api, "/v1/channels", **body).json()
    assert post(api, "/v1/channels", **{**body, "name": "ops"}).status_code == 409
    api.delete(f"/v1/channels/{first['id']}")
    assert api.get(f"/v1/channels/{first['id']}").status_code == 404
    assert post(api, "/v1/channels", **body).status_code == 201


def test_another_organizations_service_is_unknown(api, receiver):
    foreign = make_world("Globex").service()
    answer = post(api, "/v1/channels", kind="webhook", name="x", url=receiver.url, service=str(foreign.public_id))
    assert answer.status_code == 400


def test_a_test_message_shows_the_answer(api, world, receiver):
    channel = post(api, "/v1/channels", kind="webhook", name="Ops", url=receiver.url).json()["id"]
    receiver.answers = [Answer(200, body=b"thank you"), Answer(404, body=b"gone fishing")]
    good, bad = (post(api, f"/v1/channels/{channel}/test").json() for _ in range(2))
    assert good == {"outcome": "delivered", "status_code": 200, "answer": "thank you", "error": ""}
    assert bad["outcome"] == "failed" and bad["answer"] == "gone fishing" and "deleted" in bad["error"]
    sent = json.loads(receiver.received[0].body)
    assert sent["type"] == "channel.test" and "Ops" in sent["data"]["incident"]["title"]
    slack = post(api, "/v1/channels", kind="slack", name="Chat", url=receiver.url).json()["id"]
    assert post(api, f"/v1/channels/{slack}/test").json()["outcome"] == "delivered"


def test_deliveries_with_their_attempts(api, world, receiver, make_channel, open_incident, clock):
    channel = make_channel(world, receiver.url).channel
    receiver.answers = [Answer(500, body=b"oh no"), Answer(410)]
    incident = open_incident(world)
    with world.scope():
        delivery = Delivery.objects.get()
    for _ in range(2):
        outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery.pk, clock=clock)
        with world.scope():
            clock.now = Delivery.objects.get().next_attempt_at
    [listed] = api.get("/v1/deliveries", {"channel": str(channel.pk), "incident": str(incident.pk)}).json()["results"]
    assert listed["state"] == "failed" and "given up" in listed["failure"]
    assert [(a["number"], a["outcome"], a["status_code"], a["answer"]) for a in listed["attempts"]] == [
        (1, "retry", 500, "oh no"),
        (2, "failed", 410, "ok"),
    ]
    assert api.get("/v1/deliveries?state=pending").json()["results"] == []
    assert api.get("/v1/deliveries?state=lost").status_code == 400
    assert api.get(f"/v1/channels/{channel.pk}").json()["last_delivery"]["state"] == "failed"
    resent = post(api, f"/v1/deliveries/{delivery.pk}/resend")
    assert resent.status_code == 202 and resent.json()["state"] == "pending"
    assert post(api, f"/v1/deliveries/{delivery.pk}/resend").status_code == 409


def test_organizations_see_nothing_of_each_other(api, world, receiver, make_channel, open_incident):
    other = make_world("Globex")
    channel = make_channel(other, receiver.url).channel
    open_incident(other)
    with other.scope():
        delivery = Delivery.objects.get()
    open_incident(world)
    with world.scope():
        assert not Delivery.objects.exists(), "another organization's channel hears nothing"
    assert api.get("/v1/channels").json()["results"] == []
    assert api.get("/v1/deliveries").json()["results"] == []
    for url in (f"/v1/channels/{channel.pk}/test", f"/v1/deliveries/{delivery.pk}/resend"):
        assert post(api, url).status_code == 404
    assert not receiver.received


def test_lists_do_not_ask_more_for_more_rows(
    api, world, receiver, make_channel, open_incident, django_assert_max_num_queries
):
    for number in range(5):
        make_channel(world, receiver.url, name=f"channel {number}")
    for number in range(3):
        open_incident(world, title=f"problem {number}")
    for url, most in (("/v1/channels", 8), ("/v1/deliveries", 8), ("/v1/notifications", 7)):
        with django_assert_max_num_queries(most):
            assert api.get(url).json()["results"]
