"""Role × endpoint × organization, generated from the URL configuration and the permission table.

For every API and portal address and every method it takes: without a credential, with a service's key, and as each
role, against an object of one's own organization and of another. A new endpoint is in the table by existing; one
that declares no permission, or whose address holds an object that this file cannot make, fails here.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from organizations.access import Grant, Role, allows
from organizations.api.base import IntakeApiView, OrganizationApiView
from organizations.api.views.auth import PublicApiView
from organizations.portal.base import PortalView
from organizations.tokens import issue_tokens
from tests.endpoints import MAKERS, Endpoint, all_endpoints
from tests.factories import World, make_world

# Addresses that answer without a credential, each for a reason. Nothing else may.
PUBLIC = {
    "v1/auth/register": "founding or joining is how one gets a credential",
    "v1/auth/login": "as above",
    "v1/auth/refresh": "the refresh token is the credential",
    "v1/auth/logout": "as above",
    "v1/evidence/public-key": "whoever was handed an evidence archive checks it with this",
    "v1/heartbeats/<str:token>": "the secret in the address is the credential",
    "v1/heartbeats/<str:token>/fail": "as above",
    "slack/interactions/<str:token>": "Slack signs each request with the secret of its app",
    "v1/schema": "the same for everyone",
    "v1/docs": "the same for everyone",
}

ENDPOINTS = all_endpoints()
OF_PEOPLE = [e for e in ENDPOINTS if issubclass(e.view, OrganizationApiView)]
OF_SERVICES = [e for e in ENDPOINTS if issubclass(e.view, IntakeApiView)]
PAGES = [e for e in ENDPOINTS if issubclass(e.view, PortalView)]
IN_OTHER_TESTS = (OrganizationApiView, IntakeApiView, PortalView)

# Pages for whoever is not signed in; they are tested in tests/organizations and tests/notifications.
ENTRANCES = ("accounts/", "password-link/", "respond/", "static")


@pytest.fixture
def worlds(db: None) -> tuple[World, World]:
    return make_world("Acme"), make_world("Globex")


def values_in(world: World, endpoint: Endpoint) -> dict[str, Any]:
    """An object of the world for every name in the address; keys and services are made to belong together."""
    values: dict[str, Any] = {}
    for keyword in endpoint.keywords:
        assert keyword in MAKERS, f"tests/endpoints.py cannot make {keyword!r}, which {endpoint} needs"
        values[keyword] = MAKERS[keyword](world)
    if {"service_id", "key_id"} <= values.keys():
        service = world.service()
        values = {**values, "service_id": service.public_id, "key_id": world.key(service).row.pk}
    return values


def answer(client: Client, method: str, url: str, **headers: Any) -> Any:
    """The answer, with everything that the request changed undone."""
    with transaction.atomic():
        response = client.generic(method, url, b"{}", content_type="application/json", **headers)
        if getattr(response, "streaming", False):
            b"".join(response.streaming_content)
        transaction.set_rollback(True)
    return response


def bearer(world: World, role: Role) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {issue_tokens(world.user(role)).access}"}


def test_every_address_declares_who_may():
    for endpoint in ENDPOINTS:
        if endpoint.route in PUBLIC or endpoint.route.startswith(ENTRANCES):
            continue
        if endpoint.view.__module__.startswith(("django.", "allauth.")):
            continue
        assert issubclass(endpoint.view, IN_OTHER_TESTS), f"{endpoint} answers outside the permission table"
        if issubclass(endpoint.view, IntakeApiView):
            continue
        handled = {m.upper() for m in endpoint.view.http_method_names if hasattr(endpoint.view, m)} - {
            "OPTIONS",
            "HEAD",
        }
        assert handled == set(endpoint.view.actions), (
            f"{endpoint} handles {handled}, declares {set(endpoint.view.actions)}"
        )


#: What a world has none of until somebody makes one; its address answers 404 until then.
MAY_BE_EMPTY = ("join-code",)


def test_only_the_named_addresses_are_public():
    found = {e.route for e in ENDPOINTS if issubclass(e.view, PublicApiView)}
    assert found == {route for route in PUBLIC if route.startswith(("v1/auth/", "v1/evidence/"))}


@pytest.mark.parametrize("endpoint", OF_PEOPLE, ids=str)
def test_api_for_people(endpoint: Endpoint, worlds: tuple[World, World]):
    mine, theirs = worlds
    client = Client()
    own, foreign = endpoint.url(values_in(mine, endpoint)), endpoint.url(values_in(theirs, endpoint))
    key = {"HTTP_X_API_KEY": mine.key().key}
    credentials = {role: bearer(mine, role) for role in Role}
    for method, action in endpoint.view.actions.items():  # type: ignore[attr-defined]
        nobody = answer(client, method, own)
        assert nobody.status_code == 401, f"{method} {own} without a credential"
        assert nobody["Content-Type"] == "application/problem+json"
        assert answer(client, method, own, **key).status_code == 403, f"{method} {own} with a key"
        for role in Role:
            grant = allows(role, action)
            own_status = answer(client, method, own, **credentials[role]).status_code
            where = f"{method} {endpoint} as {role}"
            if grant is Grant.NO:
                assert own_status == 403, where
                assert answer(client, method, foreign, **credentials[role]).status_code == 403, where
                continue
            assert own_status not in (401, 405, 415) and own_status < 500, f"{where}: {own_status}"
            if grant is Grant.YES:
                assert own_status != 403, where
                if method == "GET" or not endpoint.keywords:
                    assert own_status != 404 or endpoint.route.endswith(MAY_BE_EMPTY), where
            if endpoint.keywords:
                refused = answer(client, method, foreign, **credentials[role])
                assert refused.status_code in (404, 400), f"{where} of another organization: {refused.status_code}"
                if refused.status_code == 400:  # Judged by its body alone, before any look-up.
                    assert answer(client, method, own, **credentials[role]).status_code == 400, where


@pytest.mark.parametrize("endpoint", OF_SERVICES, ids=str)
def test_api_for_services(endpoint: Endpoint, committed_database: str):
    """The intake writes through connections of its own, which see only what is committed."""
    mine = make_world()
    client = Client()
    url = endpoint.url(values_in(mine, endpoint))
    # An alert is found by a gateway's key; for a service's, what other services sent does not exist.
    key = mine.key(None if "identifier" in endpoint.keywords else mine.service())
    for method in ("GET", "POST"):
        if not hasattr(endpoint.view, method.lower()):
            continue
        assert answer(client, method, url).status_code == 401
        assert answer(client, method, url, HTTP_X_API_KEY="ick_00000000_wrong").status_code == 401
        for role in Role:
            assert answer(client, method, url, **bearer(mine, role)).status_code == 403, role
        assert answer(client, method, url, HTTP_X_API_KEY=key.key).status_code not in (401, 403, 404, 405, 500)


@pytest.mark.parametrize("endpoint", PAGES, ids=str)
def test_pages(endpoint: Endpoint, worlds: tuple[World, World]):
    mine, theirs = worlds
    own, foreign = endpoint.url(values_in(mine, endpoint)), endpoint.url(values_in(theirs, endpoint))
    clients = {role: Client() for role in Role}
    for role, client in clients.items():
        client.force_login(mine.user(role))
    for method, action in endpoint.view.actions.items():  # type: ignore[attr-defined]
        nobody = answer(Client(), method, own)
        assert (nobody.status_code, nobody.headers.get("Location", "")[:15]) == (302, "/accounts/login"), (
            f"{method} {own}"
        )
        for role in Role:
            grant, where = allows(role, action), f"{method} {endpoint} as {role}"
            own_status = answer(clients[role], method, own).status_code
            if grant is Grant.NO:
                assert own_status == 403, where
                assert answer(clients[role], method, foreign).status_code == 403, where
                continue
            assert own_status not in (401, 405) and own_status < 500, f"{where}: {own_status}"
            if grant is Grant.YES:
                assert own_status not in (403, 404), f"{where}: {own_status}"
            if endpoint.keywords:
                refused = answer(clients[role], method, foreign).status_code
                assert refused in (404, 400), f"{where} of another organization: {refused}"


def test_a_demotion_holds_from_the_next_request_on(worlds: tuple[World, World]):
    from organizations.actions.members import member_change

    mine, _ = worlds
    lead = bearer(mine, Role.TEAM_LEAD)
    client = Client()
    body = {"data": {"name": "x"}, "content_type": "application/json"}
    assert client.post("/v1/services", **body, **lead).status_code == 201
    with mine.scope():
        member_change(membership_id=mine.members[Role.TEAM_LEAD].pk, actor=mine.actor, role=Role.ENGINEER)
    assert client.post("/v1/services", **body, **lead).status_code == 403
    with mine.scope():
        member_change(membership_id=mine.members[Role.TEAM_LEAD].pk, actor=mine.actor, is_active=False)
    assert client.get("/v1/me", **lead).status_code == 401
