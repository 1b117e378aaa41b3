"""The report of one incident, and the page on which an auditor begins."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client

from audit.models import AuditAccess
from incidents.actions.incident_note import incident_note
from incidents.evidence.parts import files_of
from incidents.models import Incident
from incidents.reports import assurance
from incidents.reports.wording import breakable, duration
from organizations.access import Role
from tests.incidents.conftest import Speaker
from tests.incidents.factories import open_incident


def report_of(speaker: Speaker, incident: Incident):
    return speaker.get(f"/v1/incidents/{incident.reference}/report")


def test_the_report_of_an_incident_holds_whatever_people_wrote(world, owner, reporter):
    with world.scope():
        incident = open_incident(
            world, title="#set page(red) $x^2$ عطل 💳", description="עברית *and* `code` 💳\n" * 4_000
        )
        incident_note(
            incident_id=incident.pk, actor=world.actor, body="| a | b |\n| - | - |\n| " + "x" * 900 + " | =1 |"
        )
    answer = report_of(owner, incident)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert b"<pdfaid:part>2</pdfaid:part>" in answer.content
    assert f'"{incident.reference}-report.pdf"' in answer["Content-Disposition"]
    assert report_of(reporter, incident).status_code == 403
    with world.scope():
        assert AuditAccess.objects.get(kind="exported").subject == f"the report of {incident.reference}"


def test_the_report_is_a_part_of_the_evidence(world):
    with world.scope():
        files = dict(files_of(open_incident(world)))
    assert files["incident-report.pdf"].startswith(b"%PDF")


def test_the_auditor_sees_what_changed_since_the_last_visit(world):
    client = Client()
    client.force_login(world.user(Role.AUDITOR))
    assert "You have not been here before" in client.get("/assurance").content.decode()
    auditor = Speaker(world, Role.AUDITOR).user
    with world.scope(Role.AUDITOR):
        last = AuditAccess.objects.get(subject=assurance.SUBJECT)
        # An append-only row cannot be moved into the past: an older visit is written instead.
        AuditAccess.objects.create(kind="read", actor=last.actor, subject=last.subject, at=last.at - timedelta(hours=1))
    with world.scope():
        incident = open_incident(world, title="Since then")
    page = client.get("/assurance").content.decode()
    assert "Since you were here" in page and incident.reference in page
    assert str(auditor.pk) in last.actor


def test_words_for_durations_and_room_in_long_runs():
    assert [duration(timedelta(seconds=each)) for each in (5, 60, 3_600, 3_660, 90_000)] == [
        "5 s",
        "1 min",
        "1 h",
        "1 h 1 min",
        "1 d 1 h",
    ]
    assert duration(None) == "–"
    assert breakable("short words stay") == "short words stay"
    assert breakable("x" * 50).replace("\N{ZERO WIDTH SPACE}", "") == "x" * 50
    assert max(map(len, breakable("x" * 50).split("\N{ZERO WIDTH SPACE}"))) == 24
