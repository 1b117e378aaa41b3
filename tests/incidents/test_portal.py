"""The pages: the same actions as the API, and refusals where the person looks."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from incident_center.kernel.scope import Actor
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_link_logs import LogToLink, incident_link_logs
from incidents.actions.incident_merge import incident_merge
from incidents.actions.incident_note import incident_note
from incidents.actions.incident_record_notification import incident_record_notification
from incidents.lifecycle import Severity, Status
from incidents.markdown import render_markdown
from incidents.models import Incident
from incidents.portal.reads import Pulse, channels_told, service_pulses
from incidents.portal.service_grid import service_grid
from incidents.selectors import timeline
from organizations.access import Role
from tests.factories import make_world
from tests.incidents.factories import at_status, open_incident

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return make_world()


def client_of(world, role=Role.OWNER):
    client = Client()
    client.force_login(world.user(role))
    return client


def in_scope(world, function, **keywords):
    with world.scope():
        return function(world, **keywords)


def fresh(world, incident):
    with world.scope():
        return Incident.objects.get(pk=incident.pk)


def test_the_dashboard_has_the_most_severe_first(world):
    in_scope(world, open_incident, title="Printer jams", severity=Severity.LOW)
    in_scope(world, open_incident, title="Payments are down", severity=Severity.CRITICAL)
    in_scope(world, at_status, status=Status.RESOLVED, title="Long over")
    page = client_of(world).get("/").content.decode()
    assert page.index("Payments are down") < page.index("Printer jams")
    assert "Long over" not in page


def test_a_reporter_sees_nothing_but_their_own(world):
    in_scope(world, open_incident, title="Somebody else's")
    client = client_of(world, Role.REPORTER)
    client.post("/incidents/new", {"title": "Mine", "severity": "low"})
    for address in ("/", "/incidents"):
        page = client.get(address).content.decode()
        assert "Mine" in page
        assert "Somebody else" not in page
        assert "Time to resolve" not in page
    assert client.get("/incidents/INC-1").status_code == 404
    assert client.get("/dashboard/log-volume").status_code == 403


def test_opening_one(world):
    client = client_of(world)
    service = world.service("checkout")
    body = {"title": "Checkout fails", "severity": "critical", "service": str(service.public_id), "description": "*so*"}
    response = client.post("/incidents/new", body)
    assert (response.status_code, response["Location"]) == (302, "/incidents/INC-1")
    page = client.get("/incidents/INC-1").content.decode()
    assert "Checkout fails" in page
    assert "<em>so</em>" in page


def test_a_form_that_is_refused_keeps_what_was_typed(world):
    response = client_of(world).post("/incidents/new", {"title": "", "severity": "low", "description": "long story"})
    assert response.status_code == 400
    assert "long story" in response.content.decode()
    assert "This field is required" in response.content.decode()


def test_the_way_of_an_incident(world):
    incident = in_scope(world, open_incident)
    client = client_of(world, Role.ENGINEER)
    address = f"/incidents/{incident.reference}"
    assert client.post(f"{address}/acknowledge").status_code == 302
    assert client.post(f"{address}/notes", {"body": "**found** it"}).status_code == 302
    assert client.post(f"{address}/status", {"status": "resolved"}).status_code == 302
    page = client.get(address).content.decode()
    assert "<strong>found</strong> it" in page
    assert f'data-draft-saved="note-{incident.pk}"' in page, "the draft may be forgotten"
    refused = client.post(f"{address}/status", {"status": "investigating"})
    assert refused.status_code == 400
    assert "Say why" in refused.content.decode()
    client.post(f"{address}/status", {"status": "investigating", "reason": "it is back"})
    changed = fresh(world, incident)
    assert (changed.status, changed.note_count) == ("investigating", 1)
    assert "it is back" in client.get(address).content.decode()


def test_a_conflict_says_who_was_first_and_shows_the_page_as_it_is(world):
    incident = in_scope(world, open_incident)
    with world.scope():
        incident_acknowledge(incident_id=incident.pk, actor=world.actor)
    response = client_of(world, Role.ENGINEER).post(f"/incidents/{incident.reference}/acknowledge")
    assert response.status_code == 409
    assert f"{world.owner.user.name} acknowledged INC-1 already" in response.content.decode()


def test_two_edits_at_once_show_both_versions(world):
    incident = in_scope(world, open_incident, title="Slow")
    address = f"/incidents/{incident.reference}/edit"
    fields = {"description": "", "severity": "high", "priority": "P2", "service": "", "version": "1"}
    first, second = client_of(world), client_of(world, Role.TEAM_LEAD)
    assert first.post(address, {**fields, "title": "Very slow"}).status_code == 302
    conflict = second.post(address, {**fields, "title": "Slow checkout"})
    page = conflict.content.decode()
    assert conflict.status_code == 409
    assert "Very slow" in page
    assert 'value="Slow checkout"' in page
    assert 'name="version" value="2"' in page
    assert second.post(address, {**fields, "title": "Slow checkout", "version": "2"}).status_code == 302
    assert fresh(world, incident).title == "Slow checkout"


def test_a_conflict_speaks_the_forms_words(world):
    incident = in_scope(world, open_incident, title="Slow")
    address = f"/incidents/{incident.reference}/edit"
    service = world.service("payments")
    fields = {"title": "Slow", "description": "", "severity": "high", "priority": "P2", "version": "1"}
    client_of(world).post(address, {**fields, "service": str(service.public_id)})
    conflict = client_of(world, Role.TEAM_LEAD).post(address, {**fields, "service": ""})
    assert "Meanwhile someone changed this to “payments (production)”." in conflict.content.decode()


def test_an_engineer_gets_no_button_that_would_be_refused(world):
    incident = in_scope(world, open_incident)
    client = client_of(world, Role.ENGINEER)
    address = f"/incidents/{incident.reference}"
    assert "Merge into another" not in client.get(address).content.decode()
    assert client.post(f"{address}/merge", {"into": "INC-1"}).status_code == 403
    client.post(f"{address}/assign", {"assignee": str(world.user(Role.ENGINEER).pk)})
    assert "Merge into another" in client.get(address).content.decode()


def test_several_at_once(world):
    references = [in_scope(world, open_incident, title=f"number {number}").reference for number in range(3)]
    client = client_of(world, Role.ENGINEER)
    response = client.post("/incidents/bulk", {"do": "acknowledge", "incident": references}, follow=True)
    assert "INC-1, INC-2, INC-3 acknowledged." in response.content.decode()
    client.post("/incidents/bulk", {"do": "take", "incident": references[:2]})
    with world.scope():
        assert Incident.objects.filter(assignee=world.user(Role.ENGINEER)).count() == 2


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example/", "javascript:alert(1)"])
def test_the_way_back_leads_nowhere_else(world, address):
    incident = in_scope(world, open_incident)
    response = client_of(world).post(f"/incidents/{incident.reference}/acknowledge", {"next": address})
    assert response["Location"] == "/incidents/INC-1"


def test_list_views_and_filters(world):
    service = world.service("payments")
    in_scope(world, open_incident, title="Waiting", service=service)
    in_scope(world, at_status, status=Status.RESOLVED, title="Done")
    client = client_of(world)
    assert "Waiting" in (page := client.get("/incidents").content.decode())
    assert "Done" not in page
    assert "Done" in client.get("/incidents?status=resolved&ordering=-opened_at").content.decode()
    assert "No incident fits" in client.get("/incidents?service=checkout").content.decode()
    assert client.get("/incidents?status=closed").status_code == 400


def test_the_timeline_in_sentences(world):
    target = in_scope(world, open_incident, title="Original")
    source = in_scope(world, open_incident, title="Copy")
    with world.scope():
        incident_note(
            incident_id=target.pk, actor=world.actor, body="<script>alert(1)</script> [x](javascript:alert(1))"
        )
        incident_merge(incident_id=source.pk, actor=world.actor, into_id=target.pk)
    page = client_of(world).get(f"/incidents/{target.reference}").content.decode()
    name = world.owner.user.name
    for sentence in (f"{name} opened the incident", f"{name} wrote a note", f"{name} merged INC-2 into it: Copy"):
        assert sentence in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "lives on in" in client_of(world).get(f"/incidents/{source.reference}").content.decode()


def test_a_long_timeline_comes_in_pages(world):
    incident = in_scope(world, open_incident)
    with world.scope():
        for number in range(205):
            incident_note(incident_id=incident.pk, actor=world.actor, body=f"note-{number}.")
        assert timeline(incident).count() == 206
    client = client_of(world)
    page = client.get(f"/incidents/{incident.reference}").content.decode()
    assert "note-204." in page
    assert "note-1." not in page
    earlier = client.get(f"/incidents/{incident.reference}?before=7").content.decode()
    assert "note-1." in earlier
    assert "note-204." not in earlier


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# A\n**b** `c`", "<h1>A</h1>\n<p><strong>b</strong> <code>c</code></p>\n"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>\n"),
        ("![x](https://tracker.example/x.png)", "<p></p>\n"),
        ("[x](data:text/html,hi)", "<p>[x](data:text/html,hi)</p>\n"),
        ("| a |\n|---|\n| b |", None),
    ],
)
def test_markdown_is_safe(text, html):
    rendered = render_markdown(text)
    assert html is None or rendered == html
    assert "<script" not in rendered


def test_a_new_organization_is_told_what_to_do_first(world):
    page = client_of(world).get("/").content.decode()
    assert "Send the first log" in page
    assert "/v1/ingest" in page
    assert "Time to resolve" not in page, "figures of nothing"
    assert "A team lead or owner does that" in client_of(world, Role.ENGINEER).get("/").content.decode()


def test_the_health_of_services_has_incidents_errors_and_silence(world):
    troubled, silent = world.service("payments"), world.service("search")
    entries = [{"level": "ERROR", "message": f"refused {number}"} for number in range(3)]
    answer = Client().post(
        "/v1/ingest", {"logs": entries}, "application/json", headers={"X-API-Key": world.key(troubled).key}
    )
    assert answer.json()["received"] == 3
    in_scope(world, open_incident, severity=Severity.CRITICAL, service=troubled)
    with world.scope():
        pulses = service_pulses([troubled, silent])
        grid = service_grid()
    assert pulses[troubled.pk].errors == 3
    assert pulses[troubled.pk].heard_at is not None
    assert pulses[silent.pk] == Pulse()
    assert [name for name, _ in grid.rows] == ["payments", "search"], "those in trouble first"
    page = client_of(world).get("/").content.decode()
    assert "3 errors" in page
    assert "not heard for 24 h" in page


def test_resolved_this_week_is_a_view(world, monkeypatch):
    long_ago = timezone.now() - timedelta(days=8)
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: long_ago)
        in_scope(world, at_status, status=Status.RESOLVED, title="Long over")
    in_scope(world, at_status, status=Status.RESOLVED, title="Just over")
    client = client_of(world)
    assert "Resolved this week" in client.get("/incidents").content.decode()
    page = client.get("/incidents?status=resolved&resolved=week&ordering=-opened_at").content.decode()
    assert "Just over" in page
    assert "Long over" not in page
    assert "assignee=me" not in client_of(world, Role.AUDITOR).get("/incidents").content.decode()


def test_the_page_says_which_channels_were_told_last(world):
    incident = in_scope(world, open_incident, service=world.service("payments"))
    other = in_scope(world, open_incident, title="Also payments", service=incident.service)
    told = {"channel": "Pager", "channel_id": "1", "topic": "incident.opened"}
    with world.scope():
        for delivered, data in ((False, told | {"error": "503"}), (True, told), (False, told | {"error": "timed out"})):
            incident_record_notification(
                incident_id=incident.pk, actor=Actor.system("delivery"), delivered=delivered, data=data
            )
        assert [(one.channel, one.error) for one in channels_told(incident)] == [("Pager", "timed out")]
    page = client_of(world).get(f"/incidents/{incident.reference}").content.decode()
    assert "Who was told" in page
    assert other.reference in page, "what else is open for the service"


def test_a_log_with_items_does_not_break_the_page(world):
    service = world.service("shop")
    with world.scope():
        incident = open_incident(world, service=service)
        log = LogToLink(service.pk, incident.opened_at, 1, 30, 40, "Cart failed", {"items": 3, "order": 4711})
        since = incident.opened_at
        incident_link_logs(incident_id=incident.pk, actor=world.actor, logs=[log], added=1, since=since, until=since)
    page = client_of(world).get(f"/incidents/{incident.reference}")
    assert page.status_code == 200 and "4711" in page.content.decode()
