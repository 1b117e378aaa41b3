"""``/v1/incidents``, as API.md describes it."""

from uuid import uuid4

import pytest

from audit.models import AuditEntry
from incidents.lifecycle import Severity
from incidents.models import TimelineEvent
from organizations.access import Role
from tests.factories import make_world
from tests.incidents.factories import open_incident

BODY = {"title": "Checkout fails", "severity": "critical"}
FIELDS = (
    "id number title description status severity priority service environment source dedup_key assignee opened_at"
    " acknowledged_at acknowledged_by mitigated_at resolved_at withdrawn_at merged_into sla analysis counts"
)


def opened(speaker, **body):
    response = speaker.post("/v1/incidents", {**BODY, **body})
    assert response.status_code == 201, response.json()
    return response.json()


def test_opening_one(world, engineer):
    service = world.service("checkout", "staging")
    incident = opened(engineer, service=str(service.public_id), description="since *noon*")
    assert set(FIELDS.split()) <= incident.keys()
    assert (incident["number"], incident["status"], incident["priority"]) == (1, "open", "P1")
    assert (incident["service"], incident["environment"]) == (str(service.public_id), "staging")
    assert incident["source"] == "manual"
    assert incident["counts"] == {"logs": 0, "events": 1, "notes": 0, "occurrences": 1}
    assert (incident["sla"]["state"], incident["analysis"]) == ("running", None)
    for reference in (incident["id"], "INC-1", "inc-1", "1"):
        assert engineer.get(f"/v1/incidents/{reference}").json() == incident


@pytest.mark.parametrize(
    ("severity", "priority"), [("critical", "P1"), ("high", "P2"), ("medium", "P3"), ("low", "P4")]
)
def test_severity_gives_the_priority_unless_one_is_named(engineer, severity, priority):
    assert opened(engineer, severity=severity)["priority"] == priority
    assert opened(engineer, severity=severity, priority="P3")["priority"] == "P3"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": "x"}, "severity"),
        ({**BODY, "title": "   "}, "title"),
        ({**BODY, "title": "x" * 501}, "title"),
        ({**BODY, "severity": "fatal"}, "severity"),
        ({**BODY, "priority": "P5"}, "priority"),
        ({**BODY, "service": str(uuid4())}, "service"),
        ({**BODY, "assignee": str(uuid4())}, "assignee"),
        ({**BODY, "assignee": "me"}, "assignee"),
        ({**BODY, "status": "resolved"}, "status"),
        ({**BODY, "titel": "x"}, "titel"),
    ],
)
def test_bad_input_names_the_field(owner, body, field):
    response = owner.post("/v1/incidents", body)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert field in [error["field"] for error in response.json()["errors"]]


def test_an_idempotency_key_opens_once(owner):
    first = owner.post("/v1/incidents", BODY, **{"Idempotency-Key": "k1"})
    again = owner.post("/v1/incidents", BODY, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    other = owner.post("/v1/incidents", {**BODY, "title": "Other"}, **{"Idempotency-Key": "k1"})
    assert other.status_code == 409


def test_numbers_are_each_organizations_own(world, owner):
    assert [opened(owner)["number"] for _ in range(3)] == [1, 2, 3]
    other = make_world(roles=())
    with other.scope():
        assert open_incident(other).number == 1


# ---- Working on it -----------------------------------------------------------------------------------------


def test_the_whole_way(engineer):
    path = f"/v1/incidents/{opened(engineer)['id']}"
    acknowledged = engineer.post(f"{path}/acknowledge").json()
    assert (acknowledged["status"], acknowledged["acknowledged_by"]) == ("investigating", str(engineer.user.pk))
    note = engineer.post(f"{path}/notes", {"body": "The **pool** is exhausted."})
    assert (note.status_code, note.json()["kind"]) == (201, "note")
    for status in ("mitigated", "resolved"):
        assert engineer.patch(f"{path}/status", {"status": status}).json()["status"] == status
    illegal = engineer.patch(f"{path}/status", {"status": "open"})
    assert (illegal.status_code, illegal.json()["allowed"]) == (409, ["investigating"])
    assert engineer.patch(f"{path}/status", {"status": "investigating"}).status_code == 400
    reopened = engineer.patch(f"{path}/status", {"status": "investigating", "reason": "it is back"}).json()
    assert (reopened["status"], reopened["acknowledged_at"], reopened["resolved_at"]) == ("investigating", None, None)
    events = engineer.get(f"{path}/events").json()["results"]
    assert [event["kind"] for event in events] == [
        "opened", "acknowledged", "note", "status_changed", "status_changed", "status_changed",
    ]  # fmt: skip
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert {event["actor"]["name"] for event in events} == {engineer.user.name}
    assert events[-1]["data"] == {"from": "resolved", "to": "investigating", "reason": "it is back"}


def test_acknowledging_again_is_quiet_for_oneself_and_409_for_another(engineer, lead):
    path = f"/v1/incidents/{opened(engineer)['id']}"
    first = engineer.post(f"{path}/acknowledge")
    assert engineer.post(f"{path}/acknowledge").json() == first.json()
    refused = lead.post(f"{path}/acknowledge")
    assert refused.status_code == 409
    assert refused.json()["acknowledged_by"] == str(engineer.user.pk)
    assert refused.json()["allowed"] == ["mitigated", "resolved"]


def test_a_stale_edit_names_both_values(lead, owner):
    incident = opened(owner, title="Slow")
    path = f"/v1/incidents/{incident['id']}"
    assert lead.patch(path, {"title": "Very slow", "version": 1}).json()["version"] == 2
    conflict = owner.patch(path, {"title": "Slow checkout", "version": 1})
    assert conflict.status_code == 409
    assert conflict.json()["conflicts"] == {"title": {"current": "Very slow", "yours": "Slow checkout"}}
    assert conflict.json()["version"] == 2
    assert owner.patch(path, {"title": "Very slow", "version": 1}).status_code == 200, "the same is no conflict"
    assert owner.patch(path, {"title": "Slow checkout"}).json()["version"] == 3


def test_editing_says_what_was_changed(owner):
    path = f"/v1/incidents/{opened(owner)['id']}"
    owner.patch(path, {"severity": "low", "priority": "P2", "title": "Other"})
    events = owner.get(f"{path}/events").json()["results"][1:]
    events = [event for event in events if event["kind"] != "sla_recomputed"]
    assert [(event["kind"], event["data"]) for event in events] == [
        ("severity_changed", {"from": "critical", "to": "low"}),
        ("priority_changed", {"from": "P1", "to": "P2"}),
        ("edited", {"changes": {"title": {"from": "Checkout fails", "to": "Other"}}}),
    ]


def test_withdrawing_hides_and_keeps(owner, lead):
    incident = opened(owner)
    path = f"/v1/incidents/{incident['id']}"
    assert lead.send("DELETE", path, {"reason": "a test"}).status_code == 403
    assert owner.send("DELETE", path, {}).status_code == 400
    assert owner.send("DELETE", path, {"reason": "a test"}).status_code == 204
    assert owner.get("/v1/incidents").json()["results"] == []
    kept = owner.get(path).json()
    assert kept["withdrawn_at"] is not None
    assert kept["withdrawn_reason"] == "a test"
    for change in (("POST", "/notes", {"body": "x"}), ("PATCH", "/status", {"status": "resolved"})):
        assert owner.send(change[0], path + change[1], change[2]).status_code == 409


def test_merging_is_told_on_both_timelines(owner):
    source, target = opened(owner, title="Copy"), opened(owner, title="Original")
    path = f"/v1/incidents/{source['id']}"
    merged = owner.post(f"{path}/merge", {"into": f"INC-{target['number']}"}).json()
    assert merged["merged_into"] == target["id"]
    for incident in (source, target):
        events = owner.get(f"/v1/incidents/{incident['id']}/events").json()["results"]
        assert events[-1]["kind"] == "merged"
    refused = owner.post(f"{path}/acknowledge")
    assert (refused.status_code, refused.json()["merged_into"]) == (409, target["id"])
    assert [row["id"] for row in owner.get("/v1/incidents").json()["results"]] == [target["id"]]
    assert [row["id"] for row in owner.get("/v1/incidents", merged="true").json()["results"]] == [source["id"]]
    assert owner.post(f"/v1/incidents/{target['id']}/merge", {"into": target["id"]}).status_code == 400
    assert owner.post(f"/v1/incidents/{target['id']}/merge", {"into": source["id"]}).status_code == 409
    assert owner.post(f"/v1/incidents/{target['id']}/merge", {"into": "INC-99"}).status_code == 404


# ---- Whose it is -------------------------------------------------------------------------------------------


def test_an_engineer_directs_only_what_is_their_own(world, engineer, lead):
    path = f"/v1/incidents/{opened(lead)['id']}"
    attempts = [
        ("PATCH", "", {"severity": "low"}),
        ("PATCH", "", {"priority": "P4"}),
        ("POST", "/assign", {"assignee": str(lead.user.pk)}),
        ("POST", "/assign", {"assignee": None}),
        ("POST", "/merge", {"into": "INC-1"}),
    ]
    for method, suffix, body in attempts:
        assert engineer.send(method, path + suffix, body).status_code == 403, (method, suffix)
    assert engineer.patch(path, {"description": "anyone may say more"}).status_code == 200
    taken = engineer.post(f"{path}/assign", {"assignee": str(engineer.user.pk)})
    assert taken.json()["assignee"] == str(engineer.user.pk)
    assert engineer.patch(path, {"severity": "low"}).status_code == 200
    assert engineer.post(f"{path}/assign", {"assignee": str(lead.user.pk)}).status_code == 200
    assert engineer.patch(path, {"severity": "high"}).status_code == 403


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.REPORTER])
def test_only_who_works_on_incidents_can_be_assigned(world, owner, role):
    path = f"/v1/incidents/{opened(owner)['id']}"
    refused = owner.post(f"{path}/assign", {"assignee": str(world.user(role).pk)})
    assert refused.status_code == 400
    stranger = make_world(roles=()).owner.user
    assert owner.post(f"{path}/assign", {"assignee": str(stranger.pk)}).status_code == 400


def test_a_reporter_sees_and_notes_only_what_they_opened(owner, reporter):
    theirs, others = opened(reporter), opened(owner)
    assert [row["id"] for row in reporter.get("/v1/incidents").json()["results"]] == [theirs["id"]]
    assert reporter.get(f"/v1/incidents/{others['id']}").status_code == 404
    assert reporter.get(f"/v1/incidents/{others['id']}/events").status_code == 404
    assert reporter.post(f"/v1/incidents/{others['id']}/notes", {"body": "x"}).status_code == 404
    assert reporter.post(f"/v1/incidents/{theirs['id']}/notes", {"body": "x"}).status_code == 201
    assert reporter.post(f"/v1/incidents/{theirs['id']}/acknowledge").status_code == 403
    assert reporter.get(f"/v1/incidents/{theirs['id']}/logs").status_code == 403


def test_opening_for_someone_else_takes_the_right_to_assign(engineer, lead, reporter):
    body = {**BODY, "assignee": str(lead.user.pk)}
    assert engineer.post("/v1/incidents", body).status_code == 403
    assert reporter.post("/v1/incidents", body).status_code == 403
    assert lead.post("/v1/incidents", body).json()["assignee"] == str(lead.user.pk)
    assert opened(engineer, assignee=str(engineer.user.pk))["assignee"] == str(engineer.user.pk)


# ---- Lists -------------------------------------------------------------------------------------------------


@pytest.fixture
def many(world, owner):
    service = world.service("payments", "staging")
    with world.scope():
        for severity in ("low", "critical", "medium", "high"):
            for number in range(2):
                open_incident(world, title=f"{severity} {number}", severity=Severity(severity), service=service)
    return service


def listed(speaker, **parameters):
    response = speaker.get("/v1/incidents", **parameters)
    assert response.status_code == 200, response.json()
    return [row["title"] for row in response.json()["results"]]


def test_filters(many, world, owner):
    assert len(listed(owner)) == 8
    assert listed(owner, severity="critical") == ["critical 1", "critical 0"]
    assert len(listed(owner, severity=["critical", "low"])) == len(listed(owner, severity="critical,low")) == 4
    assert len(listed(owner, service="payments")) == len(listed(owner, service=str(many.public_id))) == 8
    assert listed(owner, service="checkout") == []
    assert len(listed(owner, environment="STAGING", status="open", source="manual", assignee="none")) == 8
    assert listed(owner, assignee="me") == []
    assert listed(owner, priority="P1", q="critical -0") == ["critical 1"]
    assert listed(owner, q="INC-3") == ["critical 0"]
    assert listed(owner, **{"from": "2100-01-01T00:00:00Z"}) == []
    assert len(listed(owner, to="2100-01-01T00:00:00+00:00")) == 8


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "closed"), ("severity", "fatal"), ("ordering", "title"), ("from", "yesterday"), ("team", "x"),
        ("assignee", "you"), ("q", "x" * 1001),
    ],
)  # fmt: skip
def test_a_filter_that_means_nothing_is_named(owner, name, value):
    response = owner.get("/v1/incidents", **{name: value})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == name


@pytest.mark.parametrize(
    ("ordering", "first", "last"),
    [
        ("-opened_at", "high 1", "low 0"),
        ("opened_at", "low 0", "high 1"),
        ("-severity", "critical 1", "low 0"),
        ("severity", "low 0", "critical 1"),
        ("priority", "critical 0", "low 1"),
        ("-number", "high 1", "low 0"),
    ],
)
def test_every_ordering_pages_through_everything_once(many, owner, ordering, first, last):
    seen, url = [], f"/v1/incidents?ordering={ordering}&page_size=3"
    while url:
        page = owner.get(url).json()
        assert len(page["results"]) <= 3
        seen += [row["title"] for row in page["results"]]
        url = page["next"]
    assert (seen[0], seen[-1], len(seen), len(set(seen))) == (first, last, 8, 8)


def test_a_list_costs_the_same_queries_whatever_its_length(many, owner, django_assert_max_num_queries):
    owner.get("/v1/incidents")
    with django_assert_max_num_queries(6):
        owner.get("/v1/incidents")


def test_every_change_is_audited_and_on_the_timeline(world, owner):
    path = f"/v1/incidents/{opened(owner)['id']}"
    owner.post(f"{path}/acknowledge")
    with world.scope():
        insert, update = AuditEntry.objects.filter(table_name="incidents_incident").order_by("at")
        assert (insert.operation, update.operation) == ("insert", "update")
        assert insert.actor == update.actor == f"user:{owner.user.pk}"
        assert update.after["status"] == "investigating"
        assert "touched_at" not in update.after
        assert TimelineEvent.objects.count() == 2


@pytest.mark.parametrize("name", ["environment", "service", "label", "q"])
def test_a_filter_with_nul_is_bad_input(owner, name):
    assert owner.get("/v1/incidents", **{name: "a\0b"}).status_code == 400
