"""The pages of service levels, and the clocks on an incident's page."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client

from incidents.actions.sla_policies import sla_policy_create
from incidents.models import BusinessCalendar, SlaClock, SlaPolicy
from organizations.access import Role
from tests.incidents.factories import open_incident
from tests.incidents.sla.factories import enter_due

TARGETS = {f"P{n}_{field}": "" for n in (1, 2, 3, 4) for field in ("response_minutes", "resolution_minutes")}


def client_of(world, role=Role.OWNER):
    client = Client()
    client.force_login(world.user(role))
    return client


def text(response):
    return response.content.decode()


def test_a_policy_is_made_on_the_page_and_its_mistakes_stand_at_their_fields(world):
    client = client_of(world)
    body = {"name": "Gold", **TARGETS, "P1_response_minutes": "soon", "warn_percent": "75"}
    refused = client.post("/sla/policies/new", body)
    assert refused.status_code == 400
    assert "Write a duration such as 15 min" in text(refused)
    saved = client.post("/sla/policies/new", {**body, "P1_response_minutes": "1 h 30 min"})
    assert saved.status_code == 302
    with world.scope():
        assert SlaPolicy.objects.get(name="Gold").targets["P1"]["response_minutes"] == 90
    assert "1 h 30 min" in text(client.get("/sla/policies"))


def test_a_duty_begins_from_its_template_and_its_reports_can_be_edited(world):
    client = client_of(world)
    begun = client.post("/sla/policies/from-template", {"template": "gdpr"})
    assert "Article 33(1)" in text(client.get(begun["Location"]))
    rows = {
        "reports-TOTAL_FORMS": "3",
        "reports-INITIAL_FORMS": "1",
        "reports-0-name": "Notification of the authority",
        "reports-0-amount": "48",
        "reports-0-unit": "hours",
        "reports-0-after": "awareness",
        "reports-1-name": "Second",
        "reports-1-amount": "",
    }
    body = {"name": "Ours", "warn_percent": "60", **rows}
    refused = client.post(begun["Location"], body)
    assert refused.status_code == 400
    assert "Report 2, amount" in text(refused)
    assert client.post(begun["Location"], {**body, "reports-1-amount": "5"}).status_code == 302
    with world.scope():
        milestones = SlaPolicy.objects.get(name="Ours").milestones
    assert [(one["name"], one["amount"]) for one in milestones] == [
        ("Notification of the authority", 48),
        ("Second", 5),
    ]


def test_a_calendar_is_made_shown_and_deleted(world):
    client = client_of(world)
    body = {"name": "Office", "timezone": "Europe/Berlin", "day_0": "9:00-12:00, 13:00–17:00", "country": "DE"}
    assert client.post("/sla/calendars/new", {**body, "day_1": "whenever"}).status_code == 400
    assert client.post("/sla/calendars/new", {**body, "extra_holidays": "2026-12-24 Eve"}).status_code == 302
    with world.scope():
        calendar = BusinessCalendar.objects.get()
    assert calendar.week[0] == [["09:00", "12:00"], ["13:00", "17:00"]]
    page = text(client.get(f"/sla/calendars/{calendar.pk}"))
    assert "1 Jan" in page
    assert "Mon 09:00–12:00, 13:00–17:00" in text(client.get("/sla/policies"))
    assert client.post(f"/sla/calendars/{calendar.pk}/delete").status_code == 302
    with world.scope():
        assert not BusinessCalendar.objects.exists()


def test_who_may_not_configure_reads(world):
    with world.scope():
        policy = SlaPolicy.objects.get()
    page = text(client_of(world, Role.ENGINEER).get(f"/sla/policies/{policy.pk}"))
    assert "disabled" in page
    assert "Save" not in page


def test_the_incident_counts_down_and_is_put_under_another_policy(world):
    with world.scope():
        incident = open_incident(world)
    client = client_of(world)
    page = text(client.get(f"/incidents/{incident.reference}"))
    assert page.count("data-countdown") == 3, "the next one in the head, both in the card"
    assert "data-countdown" in text(client.get("/incidents"))
    assert client.post(f"/incidents/{incident.reference}/sla", {"policy": "none"}).status_code == 302
    assert "took the incident out of every SLA" in text(client.get(f"/incidents/{incident.reference}"))


def test_a_report_to_an_authority_is_recorded_in_the_organizations_time_zone(world):
    with world.scope():
        world.organization.timezone = "Asia/Tokyo"
        world.organization.save()
        incident = open_incident(world)
    client = client_of(world)
    client.post("/sla/policies/from-template", {"template": "gdpr"})
    with world.scope():
        policy = SlaPolicy.objects.get(kind=SlaPolicy.Kind.REGULATORY)
    aware = (incident.opened_at + timedelta(hours=9) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    path = f"/incidents/{incident.reference}/duties"
    assert client.post(path, {"policy": str(policy.pk), "aware_at": aware}).status_code == 302
    with world.scope():
        clock = SlaClock.objects.get(policy=policy)
    assert clock.started_at == (incident.opened_at - timedelta(days=1)).replace(second=0, microsecond=0)
    assert client.post(f"{path}/{clock.pk}", {"evidence": "Ref. 4711"}).status_code == 302
    page = text(client.get(f"/incidents/{incident.reference}"))
    assert "Ref. 4711" in page
    assert "recorded “Notification of the authority”" in page


def test_violations_are_listed(world):
    client = client_of(world, Role.AUDITOR)
    assert "Every promise was kept" in text(client.get("/sla"))
    with world.scope():
        incident = open_incident(world, title="Late one")
        enter_due(incident.opened_at + timedelta(hours=2))
    assert "Late one" in text(client.get("/sla"))
    assert "Late one" in text(client_of(world).get("/incidents?sla=due_soon"))


def test_a_policy_need_not_promise_for_every_priority(world):
    with world.scope():
        sla_policy_create(actor=world.actor, fields={"name": "P1 only", "targets": {"P1": {"response_minutes": 5}}})
    assert "5 min / —" in text(client_of(world).get("/sla/policies"))
