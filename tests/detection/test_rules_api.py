"""``/v1/detection/rules``, as API.md describes it."""

from uuid import uuid4

import pytest

from organizations.access import Role
from tests.factories import make_world
from tests.incidents.conftest import Speaker

RULE = {
    "name": "Slow queries",
    "kind": "threshold",
    "match": {"min_level": "warning", "q": '"slow query"', "metadata": {"db.system": "postgresql", "retry": True}},
    "parameters": {"count": 20, "window_seconds": 300},
    "severity": "medium",
}
PATH = "/v1/detection/rules"


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def lead(world):
    return Speaker(world, Role.TEAM_LEAD)


def test_a_new_organization_has_the_default_rule(lead):
    [rule] = lead.get(PATH).json()["results"]
    assert rule["kind"] == "threshold"
    assert rule["match"] == {"min_level": "ERROR"}
    assert rule["parameters"] == {"count": 5, "window_seconds": 60}
    assert (rule["service"], rule["environment"], rule["enabled"], rule["group_by"]) == (None, "", True, "service")


def test_making_changing_and_deleting_one(world, lead):
    service = world.service("orders")
    made = lead.post(PATH, {**RULE, "service": str(service.public_id), "environment": "staging"})
    assert made.status_code == 201, made.json()
    rule = made.json()
    assert rule["match"] == {
        "min_level": "WARN",
        "q": '"slow query"',
        "metadata": {"db.system": "postgresql", "retry": "true"},
    }
    assert (rule["service"], rule["service_name"]) == (str(service.public_id), "orders")
    path = f"{PATH}/{rule['id']}"
    changed = lead.patch(path, {"enabled": False, "service": None, "parameters": {"count": 1, "window_seconds": 5}})
    assert (changed.json()["enabled"], changed.json()["service"]) == (False, None)
    assert changed.json()["name"] == "Slow queries"
    assert lead.send("PUT", path, RULE).status_code == 200
    assert lead.send("DELETE", path).status_code == 204
    assert lead.get(path).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"kind": "anomaly"}, "kind", "not available"),
        ({"kind": "silence"}, "kind", "not available"),
        ({"kind": "magic"}, "kind", "magic"),
        ({"name": " "}, "name", ""),
        ({"severity": "urgent"}, "severity", "urgent"),
        ({"service": str(uuid4())}, "service", "no such service"),
        ({"match": []}, "match", "object"),
        ({"match": {"min_level": "LOUD"}}, "match.min_level", "DEBUG, INFO"),
        ({"match": {"min_level": 40}}, "match.min_level", "DEBUG, INFO"),
        ({"match": {"level": "ERROR"}}, "match.level", "known are min_level"),
        ({"match": {"q": 7}}, "match.q", "words"),
        ({"match": {"q": "x " * 30}}, "match.q", "20 words"),
        ({"match": {"metadata": {"a": {"b": 1}}}}, "match.metadata.a", "one value"),
        ({"parameters": {"count": -1}}, "parameters.count", "0 to 10,000"),
        ({"parameters": {"count": True}}, "parameters.count", "whole number"),
        ({"parameters": {"count": 5.5}}, "parameters.count", "whole number"),
        ({"parameters": {"window_seconds": 0}}, "parameters.window_seconds", "1 to 86,400"),
        ({"parameters": {"window": 60}}, "parameters.window", "known are count"),
        ({"group_by": "host"}, "group_by", ""),
        ({"minimum": 4}, "minimum", "no such field"),
    ],
)
def test_what_is_wrong_is_named(lead, changes, field, words):
    response = lead.post(PATH, {**RULE, **changes})
    assert response.status_code == 400
    faults = {error["field"]: error["message"] for error in response.json()["errors"]}
    assert field in faults
    assert words in faults[field]


def test_every_fault_is_named_at_once(lead):
    body = {**RULE, "match": {"min_level": "LOUD"}, "parameters": {"count": -1, "window_seconds": 0}}
    fields = [error["field"] for error in lead.post(PATH, body).json()["errors"]]
    assert fields == ["match.min_level", "parameters.count", "parameters.window_seconds"]


def test_nul_characters_are_refused(lead):
    for changes in ({"match": {"q": "a\0b"}}, {"match": {"metadata": {"a\0": "b"}}}, {"name": "a\0b"}):
        assert lead.post(PATH, {**RULE, **changes}).status_code == 400
