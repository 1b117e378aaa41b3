"""Errors of the API: problem documents, never HTML, never a bare 500."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client

from incident_center.kernel.api.problems import flatten_errors
from organizations.access import Role
from organizations.tokens import issue_tokens
from tests.factories import make_world


@pytest.fixture
def owner(db):
    world = make_world(roles=())
    return {"HTTP_AUTHORIZATION": f"Bearer {issue_tokens(world.user(Role.OWNER)).access}"}


def test_bad_input_names_each_field(owner):
    response = Client().post(
        "/v1/services", {"name": "", "environment": "x" * 101}, content_type="application/json", **owner
    )
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert {error["field"] for error in body["errors"]} == {"name", "environment"}
    assert body["request_id"] == response["X-Request-ID"]


def test_a_body_that_is_no_json_says_where(owner):
    response = Client().post("/v1/services", b'{"name": ', content_type="application/json", **owner)
    assert response.status_code == 400
    assert "line 1" in response.json()["detail"]


def test_a_wrong_type_is_415_and_a_wrong_method_405(owner):
    assert Client().post("/v1/services", b"name=x", content_type="text/plain", **owner).status_code == 415
    refused = Client().put("/v1/services", **owner)
    assert (refused.status_code, refused["Content-Type"]) == (405, "application/problem+json")


def test_an_unknown_address_is_a_problem_document_too(db):
    response = Client().get("/v1/nothing-here")
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


def test_the_database_away_is_503_with_retry_after(owner, monkeypatch):
    def away(*_, **__):
        raise OperationalError("the connection is lost")

    monkeypatch.setattr("organizations.selectors.services", away)
    response = Client().get("/v1/services", **owner)
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "lost" not in response.json()["detail"]


def test_an_unforeseen_error_is_a_document_that_tells_nothing(owner, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("organizations.selectors.services", broken)
    response = Client().get("/v1/services", **owner)
    assert (response.status_code, response["Content-Type"]) == (500, "application/problem+json")
    assert b"secret" not in response.content


def test_nested_errors_become_paths():
    nested = {"logs": [{}, {"level": ["unknown"]}], "name": ["empty", "short"], "non_field_errors": ["both"]}
    assert flatten_errors(nested) == [
        {"field": "logs[1].level", "message": "unknown"},
        {"field": "name", "message": "empty"},
        {"field": "name", "message": "short"},
        {"field": "", "message": "both"},
    ]


def test_a_page_without_its_database_says_so(db, monkeypatch):
    def away(*_, **__):
        raise OperationalError("the connection is lost")

    monkeypatch.setattr("organizations.middleware.member_of_user", away)
    world = make_world(roles=())
    client = Client(raise_request_exception=False)
    client.force_login(world.user(Role.OWNER))
    response = client.get("/")
    assert (response.status_code, response["Retry-After"]) == (503, "5")


def test_a_body_beyond_what_is_read_is_413_under_an_idempotency_key_too(owner):
    response = Client().post(
        "/v1/services", b" " * (13 * 1024 * 1024), content_type="application/json", HTTP_IDEMPOTENCY_KEY="once", **owner
    )
    assert (response.status_code, response["Content-Type"]) == (413, "application/problem+json")
