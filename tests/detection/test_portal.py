"""The pages of detection rules."""

import pytest
from django.test import Client

from detection.models import DetectionRule
from organizations.access import Role
from tests.factories import make_world

pytestmark = pytest.mark.django_db
FORM = {
    "name": "Slow queries", "enabled": "on", "min_level": "WARN", "count": "20", "window_seconds": "300",
    "q": '"slow query"', "metadata": "db=main\nregion = eu-1", "service": "", "environment": "production",
    "severity": "medium",
}  # fmt: skip


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def lead(world):
    client = Client()
    client.force_login(world.user(Role.TEAM_LEAD))
    return client


def rules(world):
    with world.scope():
        return {rule.name: rule for rule in DetectionRule.objects.all()}


def test_adding_one(world, lead):
    assert lead.post("/detection/new", FORM).status_code == 302
    rule = rules(world)["Slow queries"]
    assert rule.match == {"min_level": "WARN", "q": '"slow query"', "metadata": {"db": "main", "region": "eu-1"}}
    assert rule.parameters == {"count": 20, "window_seconds": 300}
    page = lead.get("/detection").content.decode()
    assert "more than 20 warnings and errors with &quot;slow query&quot; in 300 s" in page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("count", "-1", "greater than or equal to 0"),
        ("window_seconds", "100000", "less than or equal to 86400"),
        ("metadata", "region", "is not written key=value"),
        ("q", "x " * 30, "20 words"),
        ("min_level", "LOUD", "Select a valid choice"),
        ("name", "", "required"),
    ],
)
def test_what_is_wrong_stands_beside_the_field(world, lead, field, value, words):
    response = lead.post("/detection/new", {**FORM, field: value})
    assert response.status_code == 400
    assert words in response.content.decode()
    assert "Slow queries" not in rules(world)


def test_changing_switching_and_deleting(world, lead):
    [rule] = rules(world).values()
    address = f"/detection/{rule.pk}"
    assert "More than 5 errors in a minute" in lead.get(address).content.decode()
    lead.post(address, {**FORM, "name": "Changed"})
    assert rules(world)["Changed"].severity == "medium"
    lead.post(f"{address}/switch", {"enabled": "false"})
    assert not rules(world)["Changed"].enabled
    lead.post(f"{address}/delete")
    assert rules(world) == {}
    assert "Nothing is watched" in lead.get("/detection").content.decode()


def test_an_engineer_reads_and_changes_nothing(world):
    client = Client()
    client.force_login(world.user(Role.ENGINEER))
    [rule] = rules(world).values()
    page = client.get(f"/detection/{rule.pk}").content.decode()
    assert "Save" not in page
    assert client.post(f"/detection/{rule.pk}", FORM).status_code == 403
    assert client.get("/detection/new").status_code == 403
