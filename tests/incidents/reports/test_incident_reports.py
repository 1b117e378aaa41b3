"""Incidents as files: what is in them, what cannot be smuggled into them, who gets them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from audit.actions.seal import seal_everything
from audit.models import AuditAccess
from incident_center.kernel.typesetting import typeset
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_merge import incident_merge
from incidents.actions.incident_withdraw import incident_withdraw
from incidents.analytics.of_incidents import figures_of
from incidents.lifecycle import Severity, Status
from incidents.models import Incident, SlaClock
from incidents.reports.document import TEMPLATE
from incidents.reports.spreadsheet import COLUMNS
from organizations.access import Role
from organizations.models import Membership
from tests.factories import make_world
from tests.incidents.conftest import Speaker
from tests.incidents.factories import at_status, open_incident

REPORT = "/v1/reports/incidents"
DANGEROUS = [
    '=HYPERLINK("http://evil.example","x")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\tx",
    "  =1+1",
    "＝1+1",
]
HARMLESS = [
    'commas, "quotes"; semicolons',
    "two\nlines\r\nand more",
    "عطل في الدفع",
    "התשלומים נכשלים",
    "Payments fail 💳👩‍🚒",
    "'already quoted",
    "a=b",
    "x" * 500,
    "",
]


def rows_of(response) -> list[dict[str, str]]:
    content = b"".join(response.streaming_content).decode()
    assert content.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(content, newline="")))


def opened_at(world, moment: datetime, **options) -> Incident:
    """An incident that was opened then: its times are immutable, so it is made at its time."""
    from unittest.mock import patch

    with world.scope(), patch("django.utils.timezone.now", lambda: moment):
        return open_incident(world, **options)


@pytest.mark.parametrize("column", ["title", "description"])
def test_what_people_write_comes_out_as_it_was_and_never_as_a_formula(world, owner, column):
    texts = [*DANGEROUS, *HARMLESS] if column == "description" else [text for text in [*DANGEROUS, *HARMLESS] if text]
    with world.scope():
        first = open_incident(world)
        for text in texts:
            incident = open_incident(world)
            Incident.objects.filter(pk=incident.pk).update(**{column: text})
    rows = rows_of(owner.get(REPORT, format="csv"))
    assert list(rows[0]) == list(COLUMNS)
    found = [row[column] for row in reversed(rows) if row["number"] != first.reference]
    assert found == [f"'{text}" for text in DANGEROUS] + [text for text in texts if text not in DANGEROUS]


def test_a_text_of_100_kb_passes_whole(world, owner):
    text = 'عطل ,"\n=💳' * 10_000
    with world.scope():
        open_incident(world, description=text)
    (row,) = rows_of(owner.get(REPORT))
    assert row["description"] == text.strip()


def test_a_row_says_what_became_of_the_incident(world, owner):
    service = world.service('billing, "EU"')
    with world.scope():
        incident = open_incident(world, severity=Severity.CRITICAL, service=service)
        Incident.objects.filter(pk=incident.pk).update(labels=["=cmd", "payment"])
        incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)
        SlaClock.objects.filter(incident=incident, kind="resolution").update(outcome="missed")
        gone = open_incident(world, title="Withdrawn")
        incident_withdraw(incident_id=gone.pk, actor=world.actor, reason="A test.")
        incident.refresh_from_db()
    (row,) = rows_of(owner.get(REPORT, bom="false"))
    assert (row["number"], row["status"], row["severity"], row["priority"]) == (
        incident.reference,
        "resolved",
        "critical",
        "P1",
    )
    assert row["service"] == 'billing, "EU"' and row["labels"] == "'=cmd, payment"
    assert row["opened_at"] == f"{incident.opened_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert row["seconds_to_resolve"] == str(round((incident.resolved_at - incident.opened_at).total_seconds()))
    assert (row["response_sla"], row["resolution_sla"]) == ("met", "missed")
    assert row["mitigated_at"] == "" and row["team"] == ""


def test_the_byte_order_mark_is_a_choice(world, owner):
    assert b"".join(owner.get(REPORT, bom="true").streaming_content).startswith(b"\xef\xbb\xbfnumber,")
    assert b"".join(owner.get(REPORT).streaming_content).startswith(b"number,")
    assert owner.get(REPORT, bom="maybe").status_code == 400


def test_filters_and_days_hold(world, owner):
    with world.scope():
        world.organization.timezone = "Europe/Berlin"
        world.organization.save()
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # The 2nd in Berlin.
    for moment, severity in ((late, Severity.LOW), (late - timedelta(hours=2), Severity.CRITICAL)):
        opened_at(world, moment, severity=severity, title=severity.value)

    def titles(**parameters):
        return [row["title"] for row in rows_of(owner.get(REPORT, **parameters))]

    assert titles() == ["low", "critical"]
    assert titles(severity="critical") == ["critical"]
    assert titles(endDate="2026-03-01") == ["critical"]
    assert titles(startDate="2026-03-02", endDate="2026-03-02") == ["low"]
    assert titles(**{"from": "2026-03-01T23:00:00Z"}) == ["low"]
    for wrong in (
        {"format": "xml"},
        {"from": "2026-02-30"},
        {"from": "2026-03-02", "to": "2026-02-01"},
        {"status": "x"},
        {"to": "9999-12-31"},
        {"from": "0001-01-01"},
        {"from": "0001-01-01T00:00:00+05:00"},
    ):
        answer = owner.get(REPORT, **wrong)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), wrong


def test_figures_counted_by_hand(world):
    day = datetime(2026, 3, 2, 12, tzinfo=UTC)
    opened = [opened_at(world, day + timedelta(days=number), severity=Severity.HIGH) for number in (0, 0, 1)]
    with world.scope():
        for incident, minutes in zip(opened, (10, 30, None), strict=True):
            if minutes:
                moment = incident.opened_at + timedelta(minutes=minutes)
                Incident.objects.filter(pk=incident.pk).update(acknowledged_at=moment)
        SlaClock.objects.filter(incident=opened[0], kind="response").update(
            state="stopped", stopped_at=day, outcome="met"
        )
        SlaClock.objects.filter(incident=opened[1], kind="response").update(breached_at=day)
        found = figures_of(Incident.objects.all(), timezone="UTC")
    assert (found.whole.opened, found.severities[Severity.HIGH].opened, found.statuses[Status.OPEN]) == (3, 3, 3)
    assert (found.whole.mtta_seconds, found.whole.mttr_seconds) == (20 * 60, None)
    assert [(step.label, step.group.opened, step.group.mtta_seconds) for step in found.trend] == [
        ("02 Mar", 2, 20 * 60),
        ("03 Mar", 1, None),
    ]
    response = found.kinds["response"]
    assert (response.met, response.missed, found.undecided["response"]) == (1, 1, 1)


def test_the_pdf_is_an_archival_one_and_holds_what_people_write(world, owner):
    with world.scope():
        for text in [*DANGEROUS, *HARMLESS[:-1]]:
            open_incident(world, title=text.strip()[:500])
        at_status(world, Status.RESOLVED, severity=Severity.CRITICAL)
    answer = owner.get(REPORT, format="pdf", severity="high,critical")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-1.7")
    assert b"<pdfaid:part>2</pdfaid:part>" in answer.content and b"/OutputIntents" in answer.content


def test_an_empty_report_is_a_report(world, owner):
    assert rows_of(owner.get(REPORT)) == []
    assert owner.get(REPORT, format="pdf").content.startswith(b"%PDF")


def test_what_was_taken_is_on_the_record(world, owner):
    owner.get(REPORT, format="csv", status="open")
    with world.scope():
        access = AuditAccess.objects.get(kind="exported")
    assert (access.subject, access.filters) == ("incidents as CSV", {"status": "open"})
    entries = owner.get("/v1/audit", table="audit_access").json()["results"]
    assert f"{owner.user.name} exported incidents as CSV" in entries[0]["message"]


def test_every_filter_is_stated_as_it_held_and_merged_incidents_are_in_no_report(world, owner):
    with world.scope():
        into, merged = open_incident(world, title="Kept"), open_incident(world, title="Merged")
        incident_merge(incident_id=merged.pk, actor=world.actor, into_id=into.pk)
    assert [row["title"] for row in rows_of(owner.get(REPORT, merged="true"))] == ["Kept"]
    assert rows_of(owner.get(REPORT, sla="breached", q=["Merged", "Kept"])) == []
    with world.scope():
        access = AuditAccess.objects.latest("at")
    assert access.filters == {"sla": "breached", "q": "Kept"}


def test_whoever_loses_the_role_gets_no_further_piece(world, monkeypatch):
    monkeypatch.setattr("incidents.reports.spreadsheet.LINES_AT_ONCE", 1)
    with world.scope():
        for _ in range(3):
            open_incident(world)
    engineer = Speaker(world, Role.ENGINEER)
    pieces = iter(engineer.get(REPORT).streaming_content)
    assert next(pieces).startswith(b"number,") and next(pieces)
    with world.scope():
        Membership.objects.filter(user=engineer.user).update(role=Role.REPORTER)
    with pytest.raises(PermissionError):
        next(pieces)


def test_only_ones_own_organization_and_only_roles_that_report(world, owner, reporter):
    stranger = make_world()
    with stranger.scope():
        open_incident(stranger, title="Theirs")
    with world.scope():
        open_incident(world, title="Ours")
    assert [row["title"] for row in rows_of(owner.get(REPORT))] == ["Ours"]
    assert [row["title"] for row in rows_of(Speaker(world, Role.AUDITOR).get(REPORT))] == ["Ours"]
    assert reporter.get(REPORT).status_code == 403


def test_the_page_counts_and_leads_to_the_files(world):
    client = Client()
    client.force_login(world.user(Role.AUDITOR))
    with world.scope():
        open_incident(world, severity=Severity.LOW)
        open_incident(world, severity=Severity.HIGH)
    page = client.get("/reports", {"severity": "low", "from": "2020-01-01"}).content.decode()
    assert "<strong>1</strong> incident matches" in page
    assert "/reports/incidents?format=pdf&amp;severity=low&amp;from=2020-01-01" in page
    assert len(rows_of(client.get("/reports/incidents", {"severity": "low"}))) == 1
    assert client.get("/reports", {"from": "2026-01-01", "to": "2025-01-01"}).status_code == 400


def test_the_pdf_names_the_seal_it_rests_on(committed_database, monkeypatch, settings, tmp_path):
    settings.AUDIT_SEALS_FILE = tmp_path / "seals.jsonl"
    world = make_world()
    with world.scope():
        open_incident(world)
    seal_everything()
    seen = {}

    def look(template, data, **options):
        seen.update(data)
        return typeset(template, data, **options)

    monkeypatch.setattr("incidents.reports.document.typeset", look)
    Speaker(world, Role.OWNER).get(REPORT, format="pdf")
    assert dict(seen["seal"])["Seal"].endswith("entries") and TEMPLATE.exists()
    assert timezone.now().strftime("%Y-%m-%d") in dict(seen["seal"])["Sealed until"]
