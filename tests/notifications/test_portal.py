"""The pages of the inbox and the channels."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from notifications import outbox
from notifications.models import Channel, Delivery, Notification
from organizations.access import Role
from tests.factories import World, make_world
from tests.notifications.receiver import Answer


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


def browser(world: World, role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(world.user(role))
    return client


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_the_inbox_shows_what_is_new_first(world, open_incident):
    owner = browser(world)
    assert "Nothing here yet" in text_of(owner.get("/inbox"))
    open_incident(world)
    open_incident(world, title="Another problem")
    page = owner.get("/inbox")
    assert text_of(page).index("INC-2 was opened") < text_of(page).index("INC-1 was opened")
    assert "2 unread" in text_of(page), "the count in the frame"
    with world.scope():
        newest = Notification.objects.filter(user=world.owner.user).order_by("-id")[0]
    assert owner.post("/inbox/read", {"notification": str(newest.pk)}).status_code == 302
    shown = text_of(owner.get("/inbox"))
    assert shown.index("INC-1 was opened") < shown.index("Earlier") < shown.index("INC-2 was opened")
    owner.post("/inbox/read", {"notification": str(newest.pk), "unread": "1"})
    owner.post("/inbox/read", {"all": "1"})
    assert "Unread" not in text_of(owner.get("/inbox")).replace("Mark unread", "")
    assert owner.post("/inbox/read", {"notification": "nonsense"}).status_code == 400


def test_anothers_notification_is_not_found(world, open_incident):
    open_incident(world)
    with world.scope():
        theirs = Notification.objects.filter(user=world.user(Role.ENGINEER)).get()
    assert browser(world).post("/inbox/read", {"notification": str(theirs.pk)}).status_code == 404


def test_a_channel_from_the_empty_page_to_its_removal(world, receiver):
    owner = browser(world)
    assert "Add a channel" in text_of(owner.get("/notifications"))
    assert "Slack" in text_of(owner.get("/notifications/channels/new"))
    form = {"name": "Ops", "url": receiver.url, "events": ["opened"], "minimum_severity": "high", "enabled": "on"}
    new = "/notifications/channels/new?kind=webhook"
    assert "signing secret" in text_of(owner.get(new))
    refused = owner.post(new, {**form, "url": "ftp://example.com"})
    assert refused.status_code == 400 and "must begin with https://" in text_of(refused)
    made = owner.post(new, form)
    assert re.search(r"whsec_[\w+/=]+", made.content.decode()), "shown this once"
    with world.scope():
        channel = Channel.objects.get()
    url = f"/notifications/channels/{channel.pk}"
    page = owner.get(url)
    assert "whsec_" not in page.content.decode() and receiver.url not in page.content.decode()
    saved = owner.post(url, {**form, "name": "Operations", "url": ""})
    assert saved.status_code == 302
    with world.scope():
        channel.refresh_from_db()
    assert (channel.name, channel.url) == ("Operations", receiver.url), "an address left empty stays"
    assert "whsec_" in owner.post(f"{url}/rotate-secret", {"overlap_hours": "1"}).content.decode()
    assert "Operations" in text_of(owner.get("/notifications"))
    assert owner.post(f"{url}/remove").status_code == 302
    assert owner.get(url).status_code == 404


def test_the_answer_to_a_test_is_shown(world, receiver, make_channel):
    url = f"/notifications/channels/{make_channel(world, receiver.url).channel.pk}/test"
    receiver.answers = [Answer(200, body=b"<b>thanks</b>"), Answer(503), Answer(404)]
    owner = browser(world)
    good = owner.post(url)
    assert "The test arrived." in text_of(good) and "&lt;b&gt;thanks" in good.content.decode()
    assert "would be tried again" in text_of(owner.post(url))
    assert "Was it deleted?" in text_of(owner.post(url))
    refreshed = owner.get(url)
    assert refreshed.status_code == 200 and 'id="deliveries"' in refreshed.content.decode()
    assert len(receiver.received) == 3, "looking again sends nothing"


def test_who_is_told_while_one_looks_has_a_place_on_the_page(world, open_incident):
    incident = open_incident(world)
    page = browser(world).get(f"/incidents/{incident.reference}").content.decode()
    assert "Nobody outside the inbox yet" in page
    assert f'id="incident-told" data-live-region="{incident.pk}"' in page, "else it is replaced by nothing"


def test_a_test_by_mail_has_no_status_to_show(world, mailbox, make_channel):
    url = f"/notifications/channels/{make_channel(world, 'team@example.com', kind='email').channel.pk}/test"
    page = text_of(browser(world).post(url))
    assert "The test arrived." in page and "answered with" not in page


def test_deliveries_are_listed_filtered_and_resent(world, receiver, make_channel, open_incident, clock):
    channel = make_channel(world, receiver.url, name="Ops").channel
    receiver.answers = [Answer(410, body=b"gone away")]
    open_incident(world)
    with world.scope():
        delivery = Delivery.objects.get()
    outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery.pk, clock=clock)
    owner = browser(world)
    for address in ("/notifications/deliveries", f"/notifications/channels/{channel.pk}"):
        shown = text_of(owner.get(address))
        assert "INC-1" in shown and "gone away" in shown and "given up for good" in shown
    assert "No message matches" in text_of(owner.get("/notifications/deliveries?state=delivered"))
    assert "INC-1" in text_of(owner.get(f"/notifications/deliveries?incident=inc-1&channel={channel.pk}"))
    assert owner.get("/notifications/deliveries?incident=nonsense&state=x").status_code == 200
    assert owner.post(f"/notifications/deliveries/{delivery.pk}/resend").status_code == 302
    with world.scope():
        assert Delivery.objects.get().state == "pending"
    assert "still on its way" in text_of(owner.post(f"/notifications/deliveries/{delivery.pk}/resend", follow=True))


def test_an_engineer_looks_and_changes_nothing(world, receiver, make_channel):
    url = f"/notifications/channels/{make_channel(world, receiver.url).channel.pk}"
    engineer = browser(world, Role.ENGINEER)
    page = engineer.get(url)
    assert page.status_code == 200 and "Send a test" not in text_of(page).replace("Send a test to see", "")
    assert engineer.post(f"{url}/test").status_code == 403
    assert engineer.get("/notifications/channels/new").status_code == 403
    assert browser(world, Role.REPORTER).get(url).status_code == 403
