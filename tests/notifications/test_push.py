"""Web Push: encrypted as the standard's example is, and forgotten when the browser has gone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import organization_scope
from incidents.events import Urgency
from notifications import outbox
from notifications.actions.contacts import contact_create
from notifications.actions.notification_rules import StepWanted, notification_rules_set
from notifications.contacts.push import CURVE, Subscription, decoded, encoded, encrypt, point
from notifications.models import Contact, Delivery, Notification
from organizations.access import Role
from tests.factories import World, make_world
from tests.notifications.receiver import Answer

UNCOMPRESSED_BYTES = 65


@pytest.fixture
def world(db) -> World:
    return make_world("Acme")


class Browser:
    """What a browser keeps, and how it opens what it gets (RFC 8188, RFC 8291)."""

    def __init__(self, endpoint: str) -> None:
        self.private = ec.generate_private_key(CURVE)
        self.secret = b"sixteen bytes!!!"
        self.subscription = Subscription(endpoint, point(self.private.public_key()), self.secret)

    def open(self, body: bytes) -> Any:
        salt, sender = body[:16], body[21 : 21 + UNCOMPRESSED_BYTES]
        assert body[20] == UNCOMPRESSED_BYTES
        shared = self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
        info = b"WebPush: info\0" + self.subscription.public_key + sender
        material = HKDF(SHA256(), 32, self.secret, info).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(material)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(material)
        return json.loads(AESGCM(key).decrypt(nonce, body[21 + UNCOMPRESSED_BYTES :], None).rstrip(b"\x02"))


@pytest.fixture
def browser(world, receiver) -> Browser:
    browser = Browser(receiver.url)
    user = world.user(Role.ENGINEER)
    with world.scope(Role.ENGINEER):
        address = browser.subscription.write()
        made = contact_create(actor=world.actor, user=user, kind="push", address=address, label="Linux")
        at_once = [StepWanted(made.contact.pk, 0)]
        steps = dict.fromkeys(Urgency, at_once)
        notification_rules_set(actor=world.actor, user=user, steps=steps, quiet_hours=None)
    return browser


def page(world: World, open_incident: Any, clock: Any) -> Delivery:
    """Opens an incident, and sends the engineer's browser what it is told."""
    open_incident(world)
    with world.scope():
        delivery = Delivery.objects.get(contact__kind="push")
    outbox.deliver(organization_id=world.organization.pk, delivery_id=delivery.pk, clock=clock)
    with world.scope():
        return Delivery.objects.get(pk=delivery.pk)


def test_it_is_encrypted_as_in_the_standards_example():
    """RFC 8291, section 5 and appendix A."""
    ours = ec.derive_private_key(int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), CURVE)
    theirs = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    subscription = Subscription("https://push.example.net/", decoded(theirs), decoded("BTBZMqHH6r4Tts7J_aSIgg"))
    body = encrypt(
        b"When I grow up, I want to be a watermelon", subscription, ours=ours, salt=decoded("DGv6ra1nlYgDCS1FRnbzlw")
    )
    assert encoded(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_y"
        "l95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_the_browser_alone_can_read_what_it_is_told(world, receiver, browser, open_incident, clock):
    receiver.respond = lambda _: Answer(201)
    assert page(world, open_incident, clock).state == "delivered"
    [received] = receiver.received
    shown = browser.open(received.body)
    assert "Payments fail" in shown["title"] and "/respond/" in shown["url"] and shown["tag"] == "INC-1"
    assert b"Payments" not in received.body
    assert received.headers["ttl"] == "86400" and received.headers["content-encoding"] == "aes128gcm"


def test_the_service_can_tell_who_sends(world, receiver, browser, open_incident, clock):
    page(world, open_incident, clock)
    token, key = receiver.received[0].headers["authorization"].removeprefix("vapid t=").split(", k=")
    head, claims, signature = token.split(".")
    raw = decoded(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decoded(key))
    public.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    assert json.loads(decoded(claims))["aud"] == f"http://127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_has_gone_is_forgotten(world, receiver, browser, open_incident, clock, status):
    receiver.respond = lambda _: Answer(status)
    assert page(world, open_incident, clock).state == "failed"
    with world.scope():
        contact = Contact.objects.get(kind="push")
        assert contact.removed_at is not None and contact.address == ""
        told = Notification.objects.get(user=world.user(Role.ENGINEER), incident=None)
    assert told.title == "A browser of yours takes no notifications any more"


@pytest.mark.parametrize("address", ["", "{}", '{"endpoint": "x", "keys": {"p256dh": "AA", "auth": "AA"}}', "[1]"])
def test_what_is_no_subscription(world, address):
    user = world.user(Role.ENGINEER)
    with world.scope(), pytest.raises(InvalidInput):
        contact_create(actor=world.actor, user=user, kind="push", address=address)


def test_the_page_offers_it(world, client, settings, receiver):
    client.force_login(world.user(Role.ENGINEER))
    assert 'data-push-key="B' in client.get("/settings/notifications").content.decode()
    address = Browser(receiver.url).subscription.write()
    client.post("/settings/notifications/contacts", {"do": "add-browser", "address": address, "label": "Linux"})
    with organization_scope(world.organization.pk, actor=world.actor):
        assert Contact.objects.get(kind="push").verified_at is not None
