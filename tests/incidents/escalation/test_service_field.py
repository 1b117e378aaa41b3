"""A service says by which policy its incidents escalate; the setting belongs to an upper app."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from incidents.escalation.selectors import policy_for_service
from incidents.models import EscalationPolicy
from organizations.access import Role
from organizations.models import Service
from tests.factories import World, make_world


@pytest.fixture
def policy(world: World) -> EscalationPolicy:
    with world.scope():
        return EscalationPolicy.objects.create(name="Payments", steps=[])


def test_the_api_sets_and_shows_the_policy(world: World, lead, policy):
    made = lead.post("/v1/services", {"name": "payments", "escalation_policy": str(policy.pk)})
    assert made.status_code == 201, made.content
    address = f"/v1/services/{made.json()['id']}"
    assert lead.get(address).json()["escalation_policy"] == str(policy.pk)
    assert lead.patch(address, {"description": "cards"}).json()["escalation_policy"] == str(policy.pk)
    assert lead.patch(address, {"escalation_policy": None}).json()["escalation_policy"] is None


def test_an_unknown_or_foreign_policy_is_refused(world: World, lead):
    other = make_world("Elsewhere")
    with other.scope():
        foreign = EscalationPolicy.objects.create(name="Theirs", steps=[])
    for policy_id in (str(uuid4()), str(foreign.pk)):
        answer = lead.post("/v1/services", {"name": f"s-{policy_id}", "escalation_policy": policy_id})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "escalation_policy"
    with world.scope():
        assert not Service.objects.filter(name__startswith="s-").exists()  # Refused as a whole.


def test_a_page_of_services_reads_the_policies_at_once(world: World, lead, policy):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert lead.get("/v1/services").status_code == 200
        return len(captured)

    world.service()
    before = queries()
    for _ in range(3):
        world.service()
    assert queries() == before


def test_the_page_offers_the_policies(world: World, policy):
    service = world.service("payments")
    client = Client()
    client.force_login(world.user(Role.TEAM_LEAD))
    address = f"/services/{service.public_id}"
    form = {"name": "payments", "environment": "production", "escalation_policy": str(policy.pk)}
    assert client.post(address, form).status_code == 302
    page = client.get(address).content.decode()
    assert "<dt>Escalation policy</dt><dd>Payments</dd>" in page


def test_the_default_stands_in_for_services_without_one(world: World, policy):
    service = world.service("payments")
    with world.scope():
        assert policy_for_service(service.pk) is None
        EscalationPolicy.objects.filter(pk=policy.pk).update(is_default=True)
        assert policy_for_service(service.pk) == policy
        assert policy_for_service(None) == policy
