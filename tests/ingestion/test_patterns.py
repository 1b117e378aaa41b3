"""Patterns: what the miner tells apart, and that mining counts every log once, whoever mines and whenever it fails."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db.models import Sum
from django.test import Client

from ingestion import mining, pattern_search
from ingestion.actions import mine_patterns
from ingestion.models import LogPattern, LogPatternMinute, PatternProgress
from ingestion.patterns.masking import mask, tokens_of
from ingestion.patterns.miner import PatternMiner
from organizations.access import Role
from organizations.tokens import issue_tokens
from tests.ingestion.conftest import Shop, make_shop
from tests.ingestion.helpers import body, log, post
from tests.servers import ROOT

NOW = datetime.now(UTC) - timedelta(seconds=5)


def miner(*known: tuple[int, str]) -> PatternMiner[int]:
    numbers = count(len(known) + 1)
    return PatternMiner(lambda: next(numbers), known)


# ---- The miner -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("Received block blk_-38 of size 67 from /10.0.0.1:50010", "Received block blk_<*> of size <*> from <*>"),
        ("user=42 took 12ms, retry 3: ok", "user=<*> took <*>, retry <*>: ok"),
        ("GET /api/orders/17 200 over ssh2", "GET /api/orders/<*> <*> over ssh2"),
        ("2026-11-21T01:02:03Z task [0fa1-12] done", "<*> task [<*>] done"),
        ("\n  first line \n second line", "first line"),
        ("", ""),
    ],
)
def test_values_are_masked_and_words_stay(message: str, masked: str):
    assert mask(message) == masked
    assert "".join(tokens_of(masked)) == masked


def test_what_differs_becomes_a_wildcard_and_the_id_stays():
    mined = miner()
    first = mined.assign("payment of customer ada refused: insufficient funds")
    assert mined.assign("payment of customer bob refused: insufficient funds") is first
    assert first.text == "payment of customer <*> refused: insufficient funds"
    assert mined.assign("payment of customer cy accepted at once, no review") is not first
    assert mined.match("payment of customer dan refused: insufficient funds") is first
    assert mined.match("payment of nobody at all: nothing here") is None


def test_a_miner_goes_on_from_what_was_stored():
    before = miner()
    messages = [f"worker {name} took job {n} from queue {name}" for n, name in enumerate(["red", "blue", "green"])]
    for message in messages:
        before.assign(message)
    after = miner(*((template.id, template.text) for template in before.templates))
    assert [after.assign(message).id for message in messages] == [before.assign(message).id for message in messages]
    assert len(after.templates) == 1


def test_a_service_that_writes_no_templates_fills_no_table(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ingestion.patterns.miner.MOST_PATTERNS", 20)
    mined = miner()
    words = ["ash", "oak", "elm", "fir", "yew", "bay"]
    for one in words:
        for two in words:
            for three in words:
                last = mined.assign(f"{one} {two}-{one} {three}")
    assert len(mined.templates) == 21 and last.text == "<*> <*> <*>"
    for length in range(4, 60):
        last = mined.assign(" ".join(words[n % 6] for n in range(length)))
    assert len(mined.templates) <= 41 and last.text == "<*>"


def test_looking_a_message_up_leaves_nothing_behind():
    mined = miner()
    for length in range(100):
        assert mined.match("note" + "," * length) is None
    assert mined._branches == {}


def test_the_command_writes_a_line_for_each_line_in_order(tmp_path: Path):
    file = tmp_path / "app.log"
    file.write_bytes(b"user ada logged in\ndisk 93% full\nuser bob logged in\r\n\nbad \xff byte\n")
    command = [sys.executable, "manage.py", "mine_patterns", str(file)]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    assert lines[:3] == ["1\tuser <*> logged in", "2\tdisk <*> full", "1\tuser <*> logged in"]
    assert len(lines) == 6 and lines[5] == ""


def test_the_command_reads_standard_input_as_it_reads_a_file(monkeypatch: pytest.MonkeyPatch):
    lines = io.BytesIO(b"user ada logged in\nbad \xff\rbyte\nuser bob logged in\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(lines, encoding="utf-8"))
    written = io.StringIO()
    call_command("mine_patterns", "-", stdout=written)
    assert written.getvalue().splitlines() == ["1\tuser <*> logged in", "2\tbad \ufffd byte", "1\tuser <*> logged in"]


# ---- Mining behind the stream ----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def fresh_memory() -> None:
    mine_patterns._remembered.clear()
    pattern_search._miners.clear()


def counted(shop: Shop) -> tuple[int, int]:
    """Logs counted by pattern, and by minute."""
    with shop.world.scope():
        patterns = LogPattern.objects.aggregate(total=Sum("count"))["total"] or 0
        return patterns, LogPatternMinute.objects.aggregate(total=Sum("count"))["total"] or 0


def test_every_log_is_counted_once_however_often_mining_runs_and_fails(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, runtime_connection: psycopg.Connection[Any]
):
    other = make_shop("Globex")
    monkeypatch.setattr(mine_patterns, "CHUNK", 50)
    for part in range(4):
        post(shop.key, body([log(part * 60 + n, at=NOW) for n in range(60)]))
    post(other.key, body([log(n, at=NOW, message=f"other {n}") for n in range(30)]))
    with monkeypatch.context() as broken:
        broken.setattr(mine_patterns, "_store_releases", lambda releases: 1 / 0)
        assert mining.mine_all() == 0
    assert counted(shop) == (0, 0), "a chunk that failed left nothing"

    with runtime_connection.transaction():  # A log whose transaction is under way holds the horizon, and is not lost.
        runtime_connection.execute("SELECT set_config('app.organization_id', %s, true)", [str(shop.organization_id)])
        runtime_connection.execute(
            "INSERT INTO log_entry (organization_id, retention_days, received_at, service_id, timestamp, hash, level,"
            " message, metadata) VALUES (%s, 30, now(), %s, now(), 1, 40, 'late', '{}')",
            [shop.organization_id, shop.service.pk],
        )
        post(shop.key, body([log(999, at=NOW)]))
        mining.mine_all()
    assert counted(shop) == (240, 240)
    mine_patterns._remembered.clear()  # Another worker goes on.
    mining.mine_all()
    mining.mine_all()
    assert counted(shop) == (242, 242) and counted(other) == (30, 30)
    with shop.world.scope():
        assert sorted(LogPattern.objects.values_list("template", flat=True)) == [
            "connection refused by payments, attempt <*>",
            "late",
        ]
        assert PatternProgress.objects.get().horizon > 0
    assert mining.mine_all() == 0


def test_patterns_are_found_searched_and_told_from_those_before_the_deploy(shop: Shop):
    old = [log(n, at=NOW - timedelta(hours=2), metadata={"version": "1.0"}) for n in range(5)]
    deployed = {"resource": {"service.version": "1.1"}}
    new = [log(n, at=NOW, level="FATAL", message=f"ledger {n} is corrupt", metadata=deployed) for n in range(3)]
    noise = [log(n, at=NOW, level="INFO", message=f"ledger {n} is corrupt no more") for n in range(3)]
    post(shop.key, body([*old, *new, *noise]))
    mining.mine_all()
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {issue_tokens(shop.world.user(Role.AUDITOR)).access}"}
    client = Client()
    listed = client.get("/v1/log-patterns", **bearer).json()["results"]
    by_template = {each["template"]: each for each in listed}
    corrupt = by_template["ledger <*> is corrupt"]
    assert (corrupt["count"], corrupt["level"], sum(corrupt["trend"])) == (3, "FATAL", 3)
    assert corrupt["new_since_deploy"] and corrupt["deployed_version"] == "1.1"
    assert not by_template["connection refused by payments, attempt <*>"]["new_since_deploy"]
    fresh = client.get("/v1/log-patterns?new=true&min_level=ERROR", **bearer).json()["results"]
    assert [each["template"] for each in fresh] == ["ledger <*> is corrupt"]

    found = client.get(f"/v1/logs?pattern={corrupt['id']}&page_size=2", **bearer).json()
    assert [each["pattern"] for each in found["results"]] == [corrupt["id"]] * 2
    rest = client.get(found["next"], **bearer).json()
    assert len(rest["results"]) == 1 and rest["next"] is None
    buckets = client.get(f"/v1/logs/histogram?pattern={corrupt['id']}&interval=1h", **bearer).json()
    assert sum(bucket["count"] for bucket in (buckets if isinstance(buckets, list) else buckets["results"])) == 3
    assert client.get("/v1/logs?pattern=x", **bearer).status_code == 400

    client.force_login(shop.world.user(Role.ENGINEER))
    page = client.get("/logs/patterns?new=1").content.decode()
    assert "ledger &lt;*&gt; is corrupt" in page and "new since 1.1" in page
    assert "ledger 1 is corrupt no more" not in client.get(f"/logs?pattern={corrupt['id']}").content.decode()
    stranger = {"HTTP_AUTHORIZATION": f"Bearer {issue_tokens(make_shop('Globex').world.owner.user).access}"}
    assert client.get(f"/v1/logs?pattern={corrupt['id']}", **stranger).json()["results"] == []


def test_a_removed_organization_that_still_sent_holds_nobody_up(
    shop: Shop, owner_connection: psycopg.Connection[Any], runtime_connection: psycopg.Connection[Any]
):
    post(shop.key, body([log(1, at=NOW)]))
    assert mining.mine_all() == 1
    owner_connection.execute(
        "INSERT INTO log_entry (organization_id, retention_days, received_at, service_id, timestamp, hash, level,"
        " message, metadata) SELECT 999999, retention_days, received_at, 999999, timestamp, hash, level, message,"
        " metadata FROM log_entry"
    )
    assert mining.mine_all() == 0
    waiting = runtime_connection.execute("SELECT organization_id FROM ingestion_organizations_to_mine()").fetchall()
    assert waiting == [(None,)], "the common horizon has moved"


def test_a_histogram_of_a_pattern_begins_with_its_range(shop: Shop):
    since = (NOW - timedelta(hours=2)).replace(minute=30, second=0, microsecond=0)
    post(shop.key, body([log(0, at=since - timedelta(seconds=10)), log(0, at=since + timedelta(seconds=10))]))
    mining.mine_all()
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {issue_tokens(shop.world.user(Role.AUDITOR)).access}"}
    pattern = Client().get("/v1/log-patterns", **bearer).json()["results"][0]["id"]
    asked = {"pattern": pattern, "interval": "1h", "from": since.isoformat()}
    buckets = Client().get("/v1/logs/histogram", asked, **bearer).json()
    assert sum(bucket["count"] for bucket in buckets) == 1


def test_a_download_holds_all_of_a_rare_pattern(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pattern_search, "MOST_LOOKED_AT", 100)
    rare = [log(n, at=NOW - timedelta(hours=1), message=f"ledger {n} is corrupt") for n in range(5)]
    alike = [log(n, at=NOW, message=f"ledger {n} is corrupt no more") for n in range(1_200)]
    post(shop.key, body([*rare, *alike]))
    mining.mine_all()
    with shop.world.scope():
        pattern = LogPattern.objects.get(template="ledger <*> is corrupt")
    client = Client()
    client.force_login(shop.world.user(Role.ENGINEER))
    answer = client.post("/logs/download", {"format": "jsonl", "query": f"pattern={pattern.pk}&span=24h"})
    assert len(b"".join(answer.streaming_content).splitlines()) == 5
