"""Reports that a worker makes: they come to an end, are kept for a while, and are nobody else's."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from incidents.actions.report_files import report_file_make, report_file_remove
from incidents.models import ReportFile, ReportPiece
from notifications.models import Notification
from organizations.access import Role
from organizations.models import Membership
from tests.factories import make_world
from tests.incidents.conftest import Speaker
from tests.incidents.factories import open_incident

FILES = "/v1/reports/files"


def due() -> list[tuple[str, bool]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT file_id, is_expired FROM report_files_due()")
        return [(str(file_id), is_expired) for file_id, is_expired in cursor.fetchall()]


def test_a_report_is_made_by_a_worker_and_kept(world, owner):
    with world.scope():
        open_incident(world, title="Payments fail")
    asked = owner.post(FILES, {"form": "csv", "query": "severity=high&bom=true"})
    assert asked.status_code == 202
    address = f"{FILES}/{asked.json()['id']}"
    assert owner.get(f"{address}/content").status_code == 404
    assert due() == [(asked.json()["id"], False)]
    with world.scope():
        assert report_file_make(file_id=asked.json()["id"]) is True
        assert report_file_make(file_id=asked.json()["id"]) is False
        assert Notification.objects.filter(title="Your report is ready", user=owner.user).count() == 1
    assert due() == []
    assert owner.get(address).json()["failure"] == ""
    answer = owner.get(f"{address}/content")
    content = b"".join(answer.streaming_content)
    assert content.startswith(b"\xef\xbb\xbfnumber,") and b'"Payments fail"' in content
    assert answer["Content-Length"] == str(len(content))


def test_a_report_begun_by_a_worker_that_died_is_made_anew(world, owner):
    file_id = owner.post(FILES, {"form": "pdf"}).json()["id"]
    with world.scope():
        file = ReportFile.objects.get(pk=file_id)
        ReportPiece.objects.create(file=file, position=0, content=b"half of")
        ReportFile.objects.filter(pk=file_id).update(claimed_until=timezone.now() + timedelta(minutes=1))
        assert report_file_make(file_id=file.pk) is False
        ReportFile.objects.filter(pk=file_id).update(claimed_until=timezone.now() - timedelta(seconds=1))
        assert report_file_make(file_id=file.pk) is True
    assert b"".join(owner.get(f"{FILES}/{file_id}/content").streaming_content).startswith(b"%PDF")


def test_an_expired_report_and_another_organizations_are_not_there(world, owner):
    file_id = owner.post(FILES).json()["id"]
    with world.scope():
        report_file_make(file_id=file_id)
    stranger = Speaker(make_world(), Role.OWNER)
    assert stranger.get(f"{FILES}/{file_id}/content").status_code == 404
    assert owner.get(f"{FILES}/{file_id}/content").status_code == 200
    with world.scope():
        ReportFile.objects.filter(pk=file_id).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert owner.get(f"{FILES}/{file_id}/content").status_code == 404
    assert due() == [(file_id, True)]
    with world.scope():
        report_file_remove(file_id=file_id)
        assert not ReportPiece.objects.exists() and not ReportFile.objects.exists()


def test_whoever_has_lost_the_right_gets_no_report(world):
    engineer = Speaker(world, Role.ENGINEER)
    file_id = engineer.post(FILES).json()["id"]
    with world.scope():
        Membership.objects.filter(user=engineer.user).update(role=Role.REPORTER)
        report_file_make(file_id=file_id)
        file = ReportFile.objects.get(pk=file_id)
    assert file.failure and not file.is_ready
    assert engineer.get(f"{FILES}/{file_id}/content").status_code == 403


def test_what_cannot_be_read_is_refused_at_once(owner):
    assert owner.post(FILES, {"form": "xml"}).status_code == 400
    assert owner.post(FILES, {"query": "status=nonsense"}).status_code == 400
