"""Past their time logs are archived and dropped; an archive brings back exactly what was there, or nothing."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from ingestion.archive import files
from ingestion.archive.dead_letters import retire_dead_letters
from ingestion.archive.logs import restore_day
from ingestion.archive.retention import retire_logs
from ingestion.logstore import log_store
from ingestion.logstore.port import LogRecord
from ingestion.logstore.postgresql.days import Partition, detached_partitions, partitions
from ingestion.models import DeadLetter, LogMinute
from ingestion.sweeps import MinuteCounter
from organizations.access import Role
from tests.ingestion.conftest import Shop, make_shop
from tests.ingestion.helpers import as_owner, body, everything, log, post

Connection = psycopg.Connection[Any]
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
YESTERDAY = Partition(30, NOON.date())
LATER = YESTERDAY.ends_at + timedelta(days=30, hours=1, minutes=1)
JUST_BEFORE = LATER - timedelta(minutes=2)


@pytest.fixture
def shops(shop: Shop) -> tuple[Shop, Shop]:
    """Two organizations that share yesterday's partition."""
    other = make_shop()
    odd = {"message": 'tab\t, "quotes", \\ and ünïcödé', "metadata": {"deep": [1, {"a": None}], "big": 2**60, "f": 0.1}}
    for one in (shop, other):
        logs = [log(index, at=NOON) for index in range(40)] + [log(50, at=NOON, **odd)]
        assert post(one.key, body(logs)).json()["received"] == 41
    MinuteCounter().run()
    return shop, other


def found(shop: Shop) -> list[LogRecord]:
    with shop.world.scope():
        return log_store().search(everything(shop.service.pk), limit=1_000)


def counted(shop: Shop) -> int:
    with shop.world.scope():
        return sum(b.count for b in log_store().histogram(everything(shop.service.pk), interval=timedelta(days=1)))


def test_the_round_trip_of_a_day(
    shops: tuple[Shop, Shop], owner_connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    before = [found(shop) for shop in shops]
    with as_owner(owner_connection, monkeypatch):
        assert retire_logs(JUST_BEFORE, tmp_path) == []
        assert retire_logs(LATER, tmp_path) == [YESTERDAY]
        assert (partitions(), detached_partitions()) == ([], [])
        assert not LogMinute.objects.exists()
    assert [found(shop) for shop in shops] == [[], []]
    manifests = files.find(tmp_path)
    assert sorted(files.read_manifest(path).rows for path in manifests) == [41, 41]
    assert {path.parent.name for path in manifests} == {str(shop.world.organization.public_id) for shop in shops}
    with as_owner(owner_connection, monkeypatch):
        call_command("restore_logs", str(tmp_path), "--keep-days", "60")
        assert restore_day(manifests[0], keep_for=timedelta(days=1))[1] == 0
        # Kept as long as was asked for, then dropped again.
        assert retire_logs(LATER, tmp_path) == []
    assert [found(shop) for shop in shops] == before
    assert [counted(shop) for shop in shops] == [41, 41]
    assert MinuteCounter().run() == 0
    assert [counted(shop) for shop in shops] == [41, 41]
    with as_owner(owner_connection, monkeypatch):
        assert retire_logs(LATER + timedelta(days=60), tmp_path) == [YESTERDAY]


@pytest.mark.parametrize("damage", ["a byte", "a line", "the manifest"])
def test_a_damaged_archive_restores_nothing(
    shops: tuple[Shop, Shop],
    owner_connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    damage: str,
):
    with as_owner(owner_connection, monkeypatch):
        retire_logs(LATER, tmp_path)
    path = files.find(tmp_path)[0]
    lines = path.with_name(files.read_manifest(path).file)
    if damage == "a byte":
        content = bytearray(lines.read_bytes())
        content[len(content) // 2] ^= 1
        lines.write_bytes(content)
    elif damage == "a line":
        lines.unlink()
    else:
        path.write_text(path.read_text().replace('"content_sha256": "', '"content_sha256": "0'))
    with as_owner(owner_connection, monkeypatch):
        with pytest.raises(CommandError, match=path.name):
            call_command("restore_logs", str(path))
        assert partitions() == []


def test_what_cannot_be_archived_is_not_dropped(
    shops: tuple[Shop, Shop], owner_connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "full").write_text("a file where a folder should be")
    with as_owner(owner_connection, monkeypatch):
        assert retire_logs(LATER, tmp_path / "full") == []
    assert [counted(shop) for shop in shops] == [41, 41]


def test_an_interrupted_run_is_taken_up_again_and_old_archives_go(
    shops: tuple[Shop, Shop], owner_connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    owner_connection.execute(f"ALTER TABLE log_entry_30 DETACH PARTITION {YESTERDAY.name} CONCURRENTLY")
    with as_owner(owner_connection, monkeypatch):
        assert retire_logs(LATER, tmp_path) == [YESTERDAY]
        assert len(files.find(tmp_path)) == 2
        assert retire_logs(datetime.now(UTC) + timedelta(days=401), tmp_path) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_archiving_by_hand_drops_nothing(
    shops: tuple[Shop, Shop], owner_connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    with as_owner(owner_connection, monkeypatch):
        call_command("archive_logs", "--from", str(NOON.date()), "--directory", str(tmp_path))
        assert partitions() == [YESTERDAY]
    assert [files.read_manifest(path).rows for path in files.find(tmp_path)] == [41, 41]


def test_dead_letters_nobody_repaired_are_archived_and_removed(
    shop: Shop, owner_connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr("ingestion.archive.dead_letters.READ_AT_ONCE", 2)
    for level in ("ERROR", "WARN", "INFO"):
        assert post(shop.key, json.dumps({"level": level}).encode()).json()["dead_lettered"] == 1
    now = datetime.now(UTC)
    with as_owner(owner_connection, monkeypatch):
        assert retire_dead_letters(now + timedelta(days=29), tmp_path) == 0
        assert retire_dead_letters(now + timedelta(days=31), tmp_path) == 3
        assert not DeadLetter.objects.exists()
    (path,) = files.find(tmp_path)
    manifest = files.read_manifest(path)
    letter, *others = files.read(path.with_name(manifest.file), manifest)
    assert len(others) == 2
    assert json.loads(base64.b64decode(letter["content_base64"])) == {"level": "ERROR"}
    assert letter["service"] == str(shop.service.public_id)


def test_the_settings_page_says_what_is_stored(shops: tuple[Shop, Shop]):
    client = Client()
    client.force_login(shops[0].world.user(Role.ENGINEER), "allauth.account.auth_backends.AuthenticationBackend")
    page = client.get("/settings/organization").content.decode()
    assert "Stored logs" in page
    assert '<td data-label="Logs" class="number">41</td>' in page
    assert (NOON + timedelta(days=31)).strftime("%Y-%m-%d") in page
