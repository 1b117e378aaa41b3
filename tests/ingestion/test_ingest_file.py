"""Log files: which form a line has, and that a file is in once however often it is loaded."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ingestion.file_intake import Bookmark, Place, read_entries
from ingestion.levels import Level
from ingestion.limits import MESSAGE_BYTES
from ingestion.logstore import log_store
from ingestion.parsers.log_files import PARSERS, guess_format
from tests.ingestion.conftest import Shop
from tests.ingestion.helpers import everything

SAMPLES = [
    ("json", '{"ts": 1763710237.5, "severity": "warning", "msg": "slow", "took": 3}', "WARN", "slow", {"took": 3}),
    ("json", '{"time": "2026-11-21T07:30:37Z", "level": "info", "message": "ok"}', "INFO", "ok", {}),
    ("syslog", "<11>Nov 21 07:30:37 web-1 sshd[38]: Connection closed", "ERROR", "Connection closed", {"pid": "38"}),
    ("syslog", "<34>1 2026-11-21T07:30:37.003Z web-1 su - ID47 - failed", "FATAL", "failed", {"app": "su"}),
    (
        "apache",
        '10.0.0.1 - ada [21/Nov/2026:07:30:37 +0000] "GET /a HTTP/1.1" 502 17 "-" "curl/8"',
        "ERROR",
        "GET /a HTTP/1.1 502",
        {"status": 502, "user": "ada", "bytes": 17},
    ),
    ("apache", "[Sat Nov 21 07:30:37.123456 2026] [core:crit] [pid 3] disk full", "FATAL", "[pid 3] disk full", {}),
    ("apache", "2026/11/21 07:30:37 [warn] 7#7: upstream slow", "WARN", "7#7: upstream slow", {}),
    ("python", "2026-11-21 07:30:37,123 ERROR it broke", "ERROR", "it broke", {}),
    ("python", "2026-11-21 07:30:37,123 - shop.db - WARNING - slow", "WARN", "slow", {"logger": "shop.db"}),
    ("python", "CRITICAL:root:out of memory", "FATAL", "out of memory", {"logger": "root"}),
    ("python", "2026-11-21T07:30:37Z just words", None, "just words", {}),
]


@pytest.mark.parametrize(("form", "line", "level", "message", "metadata"), SAMPLES)
def test_lines_of_common_forms(form: str, line: str, level: str | None, message: str, metadata: dict[str, Any]):
    assert guess_format([line], UTC) == form
    read = PARSERS[form](line, UTC)
    assert read is not None
    assert (read.level.name if read.level else None, read.message) == (level, message)
    assert metadata.items() <= read.metadata.items()
    if not line.startswith("CRITICAL"):
        assert read.timestamp is not None and read.timestamp.tzinfo is not None


def test_what_is_of_no_form_is_plain():
    assert guess_format(["hello", "", "[] {", "1 2 3"], UTC) == "plain"


def load(shop: Shop, path: Path, **options: Any) -> str:
    written = StringIO()
    slug = shop.world.organization.slug
    call_command(
        "ingest_file", str(path), organization=slug, service="loader", stdout=written, stderr=StringIO(), **options
    )
    return written.getvalue().strip()


def test_a_file_is_in_once_and_goes_on_where_it_ended(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ingestion.management.commands.ingest_file.BATCH", 3)
    moment = datetime.now(UTC) - timedelta(hours=1)
    stamp, ancient = f"{moment:%Y-%m-%d %H:%M:%S},000", "2001-01-01 00:00:00,000"
    path = tmp_path / "app.log"
    path.write_text(
        f"{ancient} INFO long ago\n{stamp} INFO again\n{stamp} INFO again\n"
        f"{stamp} ERROR it broke\nTraceback (most recent call last):\n  File x\nValueError: y\n"
        + f"{stamp} INFO b\n"
        * 4
    )
    assert load(shop, path) == "7 stored, 0 duplicates, 0 dead letters, 1 too old"
    assert load(shop, path) == "0 stored, 0 duplicates, 0 dead letters, 0 too old"
    assert load(shop, path, restart=True) == "0 stored, 7 duplicates, 0 dead letters, 1 too old"
    with path.open("a") as file:
        file.write(f"{stamp} WARN the end\n")
    assert load(shop, path) == "1 stored, 0 duplicates, 0 dead letters, 0 too old"
    from organizations.models import Service

    with shop.world.scope():
        found = log_store().search(everything(Service.objects.get(name="loader").pk), limit=100)
    broke = next(record for record in found if record.level is Level.ERROR)
    assert broke.message.endswith("ValueError: y") and broke.metadata["source_line"] == 4
    assert len(found) == 8 and found[0].timestamp == moment.replace(microsecond=0)


def test_a_file_for_nobody_is_refused(shop: Shop, tmp_path: Path):
    with pytest.raises(CommandError, match="no organization"):
        call_command("ingest_file", __file__, organization="nobody", service="x")
    with pytest.raises(CommandError, match="No such file"):
        load(shop, tmp_path / "missing.log")


def test_lines_that_json_reads_and_nobody_can_store_do_not_stop_the_rest(shop: Shop, tmp_path: Path):
    time = f'"time": "{(datetime.now(UTC) - timedelta(hours=1)).isoformat()}"'
    lines = [
        f'{{{time}, "message": "numbers", "took": NaN, "most": 1e999}}',
        f'{{{time}, "message": "deep", "deep": {"[" * 400}{"]" * 400}}}',
        f'{{"ts": 1{"0" * 400}, "message": "no such time"}}',
        f'{{{time}, "message": "half a character", "file": "\\ud800"}}',
        f'{{{time}, "message": "large", "blob": "{"x" * 11_000_000}"}}',
        f'{{{time}, "message": "lone \\ud800"}}',
        '{"time": "0001-01-01T00:00:00+05:00", "message": "before time"}',
        f'{{{time}, "message": "the end"}}',
    ]
    path = tmp_path / "odd.jsonl"
    path.write_text("\n".join([*lines, ""]))
    assert load(shop, path) == "6 stored, 0 duplicates, 2 dead letters, 0 too old"
    from organizations.models import Service

    with shop.world.scope():
        found = log_store().search(everything(Service.objects.get(name="loader").pk), limit=100)
    by_line = {record.metadata["source_line"]: record for record in found}
    assert (by_line[1].metadata["took"], by_line[1].metadata["most"]) == ("NaN", "1e999")
    assert by_line[2].message == lines[1], "what nests too deep for metadata is kept as it was written"
    assert by_line[6].message == "lone ?"
    assert by_line[7].timestamp == by_line[8].timestamp
    assert by_line[8].message == "the end"


def test_entries_without_a_time_keep_the_one_they_got(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whether a run ends before its bookmark is written, or the file grows: nothing is stored twice."""
    monkeypatch.setattr("ingestion.management.commands.ingest_file.BATCH", 2)
    path = tmp_path / "app.log"
    timed = {"message": "1", "time": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    entries = [{"message": "0"}, timed, *({"message": str(number)} for number in range(2, 6))]
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    keep, kept = Bookmark.write, []

    def write_twice(self: Bookmark, place: Place) -> None:
        if len(kept) == 2:
            raise KeyboardInterrupt
        kept.append(place)
        keep(self, place)

    with monkeypatch.context() as dying:
        dying.setattr(Bookmark, "write", write_twice)
        with pytest.raises(KeyboardInterrupt):
            load(shop, path)
    with path.open("a") as file:
        file.write('{"message": "later"}\n')
    assert load(shop, path) == "3 stored, 2 duplicates, 0 dead letters, 0 too old"
    os.utime(path, (0, 0))
    assert load(shop, path, restart=True) == "0 stored, 7 duplicates, 0 dead letters, 0 too old"


def test_what_continues_an_entry_is_not_gathered_beyond_the_longest_message():
    file = io.BytesIO(b"2026-11-21 07:30:37,123 ERROR it broke\n" + b"and so on and on\n" * 200_000)
    now = datetime.now(UTC)
    tracemalloc.start()
    (entry,) = read_entries(file, name="x", form="python", zone=UTC, level=Level.INFO, offset=0, line=0, fallback=now)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(entry.document["message"]) == MESSAGE_BYTES and entry.line == 200_001
    assert peak < 10 * MESSAGE_BYTES
