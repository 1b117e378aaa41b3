"""Scheduled reports: due once, made by the worker, told to those who may read them by then, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from audit import messages, selectors
from audit.models import AuditEntry
from incidents.actions.report_files import report_file_make
from incidents.actions.report_schedule_run import report_schedule_run
from incidents.lifecycle import Severity
from incidents.models import ReportFile, ReportSchedule
from incidents.reports.schedule_sweep import ACTOR, due_schedules, run_due_schedules
from notifications import outbox
from notifications.models import Delivery, Notification
from organizations.access import Role
from organizations.models import Membership, Organization
from tests.factories import World, make_world
from tests.incidents.conftest import Speaker
from tests.incidents.reports.test_incident_reports import opened_at

SCHEDULES = "/v1/report-schedules"
#: A Wednesday. In Berlin summer time has just ended.
NOW = datetime(2026, 10, 28, 12, tzinfo=UTC)


def wanted(world: World, *roles: Role, **changes: Any) -> dict[str, Any]:
    recipients = [str(world.user(role).pk) for role in roles or (Role.OWNER,)]
    fields = {"name": "Board", "form": "csv", "every": "week", "weekday": "monday", "hour": 8, "query": "severity=high"}
    return {**fields, "recipients": recipients, **changes}


@pytest.fixture
def berlin(world: World) -> World:
    with world.scope():
        Organization.objects.filter(pk=world.organization.pk).update(timezone="Europe/Berlin")
    return world


def make_due(world: World, schedule_id: str, at: datetime) -> None:
    with world.scope():
        ReportSchedule.objects.filter(pk=schedule_id).update(next_at=at)


def run(world: World, schedule_id: str, now: datetime = NOW) -> ReportFile | None:
    with world.scope():
        return report_schedule_run(schedule_id=schedule_id, actor=ACTOR, now=now)


def test_a_due_report_is_made_and_its_readers_get_a_letter_with_a_link(berlin, owner, settings):
    settings.EMAIL_CONFIGURED, settings.BASE_URL = True, "https://incidents.example.com"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    schedule_id = owner.post(SCHEDULES, wanted(berlin, Role.OWNER, Role.AUDITOR, Role.ENGINEER)).json()["id"]
    with berlin.scope():
        for title, day in (("Payments fail", 25), ("Of this week", 26), ("Of long ago", 18)):
            opened_at(berlin, datetime(2026, 10, day, 12, tzinfo=UTC), severity=Severity.HIGH, title=title)
        Membership.objects.filter(user=berlin.user(Role.ENGINEER)).update(is_active=False)
    make_due(berlin, schedule_id, NOW - timedelta(days=2))
    file = run(berlin, schedule_id)
    assert file is not None and run(berlin, schedule_id) is None
    with berlin.scope():
        # Next Monday at eight, an hour later in UTC than in summer.
        assert ReportSchedule.objects.get().next_at == datetime(2026, 11, 2, 7, tzinfo=UTC)
        assert report_file_make(file_id=file.pk)
        letters = list(Delivery.objects.filter(incident=None).select_related("contact").order_by("pk"))
        told = set(Notification.objects.filter(path__contains=str(file.pk)).values_list("user_id", flat=True))
    readers = {berlin.user(Role.OWNER).pk, berlin.user(Role.AUDITOR).pk}
    assert told == {letter.contact.user_id for letter in letters} == readers
    for letter in letters * 2:  # Told twice, it is sent once.
        outbox.deliver(organization_id=berlin.organization.pk, delivery_id=letter.pk)
    assert len(mail.outbox) == 2
    sent = mail.outbox[0]
    assert sent.subject == "Board: 19 October 2026 to 25 October 2026" and not sent.attachments
    assert "1 incident, as CSV" in sent.body
    assert f"https://incidents.example.com/reports/files/{file.pk}" in sent.body
    assert sent.extra_headers["Message-ID"].startswith(f"<{letters[0].pk}@")
    content = b"".join(owner.get(f"/v1/reports/files/{file.pk}/content").streaming_content)
    assert b"Payments fail" in content and b"Of this week" not in content and b"Of long ago" not in content


def test_a_letter_that_cannot_leave_is_tried_again(world, settings):
    """The mail server is away: the letter stays in the outbox, and is listed there."""
    from incidents.events import LetterWritten, letter_written

    settings.EMAIL_CONFIGURED, settings.EMAIL_HOST, settings.EMAIL_PORT = True, "127.0.0.1", 9
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with world.scope():
        letter_written.emit(LetterWritten((world.owner.user_id,), "Board", "3 incidents.", "/reports", "Open", "so"))
        letter = Delivery.objects.get(incident=None)
    outbox.deliver(organization_id=world.organization.pk, delivery_id=letter.pk)
    with world.scope():
        letter.refresh_from_db()
    assert letter.state == "pending" and letter.tries == 1 and letter.next_attempt_at > letter.created_at
    shown = Speaker(world, Role.OWNER).get("/v1/deliveries").json()["results"][0]
    assert shown["incident"] is None and shown["subject"] == "Board"


def test_what_was_missed_is_not_made_up_for(berlin, owner):
    schedule_id = owner.post(SCHEDULES, wanted(berlin)).json()["id"]
    make_due(berlin, schedule_id, NOW - timedelta(days=40))
    with berlin.scope():
        run_due_schedules()  # Of now, whenever that is.
        assert ReportFile.objects.count() == 1
        assert ReportSchedule.objects.get().next_at > timezone.now()
    assert due_schedules(timezone.now(), 10) == []


def test_it_pauses_when_whoever_answers_for_it_has_left(berlin):
    engineer, lead = Speaker(berlin, Role.ENGINEER), Speaker(berlin, Role.TEAM_LEAD)
    schedule_id = engineer.post(SCHEDULES, wanted(berlin, Role.OWNER)).json()["id"]
    make_due(berlin, schedule_id, NOW)
    with berlin.scope():
        Membership.objects.filter(user=engineer.user).update(role=Role.REPORTER)
    assert run(berlin, schedule_id) is None
    shown = lead.get(f"{SCHEDULES}/{schedule_id}").json()
    assert shown["is_paused"] and shown["next_at"] is None and "may not read reports" in shown["pause_reason"]
    with berlin.scope():
        assert Notification.objects.filter(user=berlin.owner.user, path="/reports/schedules").count() == 1
    resumed = lead.patch(f"{SCHEDULES}/{schedule_id}", {"is_paused": False}).json()
    assert resumed["responsible"] == str(lead.user.pk) and resumed["next_at"] and not resumed["pause_reason"]


def test_only_its_own_person_and_those_who_configure_change_it(world, engineer, lead):
    schedule_id = lead.post(SCHEDULES, wanted(world)).json()["id"]
    address = f"{SCHEDULES}/{schedule_id}"
    assert engineer.patch(address, {"name": "Mine"}).status_code == 403
    assert engineer.send("DELETE", address).status_code == 403
    own = engineer.post(SCHEDULES, wanted(world)).json()["id"]
    assert lead.patch(f"{SCHEDULES}/{own}", {"hour": 9}).json()["hour"] == 9
    assert engineer.send("DELETE", f"{SCHEDULES}/{own}").status_code == 204


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("weekday", {"weekday": None}),
        ("day", {"every": "month"}),
        ("hour", {"hour": 24}),
        ("query", {"query": "from=2026-01-01"}),
        ("status", {"query": "status=nonsense"}),
        ("recipients", {"recipients": []}),
    ],
)
def test_what_makes_no_sense_is_refused(world, owner, field, change):
    answer = owner.post(SCHEDULES, {**wanted(world), **change})
    assert answer.status_code == 400 and field in answer.json()["errors"][0]["field"]


def test_reports_are_sent_to_nobody_who_may_not_read_them(world, owner):
    stranger = make_world(roles=())
    for recipient in (world.user(Role.REPORTER), stranger.owner.user):
        assert owner.post(SCHEDULES, wanted(world, recipients=[str(recipient.pk)])).status_code == 400


def test_another_clock_moves_the_next_one(world, owner):
    schedule_id = owner.post(SCHEDULES, wanted(world)).json()["id"]
    before = datetime.fromisoformat(owner.get(f"{SCHEDULES}/{schedule_id}").json()["next_at"])
    owner.patch("/v1/organization", {"timezone": "Asia/Kolkata"})
    after = datetime.fromisoformat(owner.get(f"{SCHEDULES}/{schedule_id}").json()["next_at"])
    assert (before - after) % timedelta(days=7) == timedelta(hours=5, minutes=30)


def test_what_is_done_to_it_is_on_the_record_in_words(world, owner):
    schedule_id = owner.post(SCHEDULES, wanted(world, Role.AUDITOR)).json()["id"]
    owner.patch(f"{SCHEDULES}/{schedule_id}", {"hour": 9})
    owner.patch(f"{SCHEDULES}/{schedule_id}", {"is_paused": True})
    owner.send("DELETE", f"{SCHEDULES}/{schedule_id}")
    with world.scope():
        entries = list(AuditEntry.objects.filter(table_name="incidents_reportschedule").order_by("position"))
        names = selectors.names_for(entries)
        said = [messages.message(entry, names).removeprefix(f"{owner.user} ") for entry in entries]
    auditor = world.user(Role.AUDITOR)
    assert said == [
        f"scheduled the report “Board” for {auditor}",
        "changed the scheduled report “Board”: hour from 8 to 9",
        "paused the scheduled report “Board”",
        "deleted the scheduled report “Board”",
    ]
