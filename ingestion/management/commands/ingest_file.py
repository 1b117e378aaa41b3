from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from incident_center.environment import load
from incident_center.kernel.api.problems import Problem, TooLarge, Unavailable
from incident_center.kernel.scope import Actor, organization_scope
from ingestion.actions.receive_logs import ReceivedBody, Sender, receive_logs
from ingestion.file_intake import Bookmark, FileEntry, Place, guess, read_entries
from ingestion.gateway import service_resolver
from ingestion.levels import Level, parse_level
from ingestion.limits import BODY_BYTES
from ingestion.parsers.log_files import PARSERS
from ingestion.wake_up import wake_up_calls
from organizations.models import Organization

BATCH = 2_000
ATTEMPTS = 20
BAR = 30


class Command(BaseCommand):
    help = (
        "Loads a log file into a service, which is made where there is none. A second run goes on where the first"
        " ended; a line is stored once, however often it is read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--organization", required=True, help="its slug")
        parser.add_argument("--service", required=True, help="its name")
        parser.add_argument("--environment", default="production")
        parser.add_argument("--format", choices=["auto", *PARSERS], default="auto")
        parser.add_argument("--level", default="INFO", help="of entries that name none")
        parser.add_argument("--timezone", default="UTC", help="of times that name none")
        parser.add_argument(
            "--restart", action="store_true", help="from the beginning; what is stored stays stored once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        try:
            zone, level = ZoneInfo(options["timezone"]), parse_level(options["level"])
            form = guess(path, zone) if options["format"] == "auto" else options["format"]
        except (OSError, ValueError, ZoneInfoNotFoundError) as error:
            raise CommandError(str(error)) from error
        actor = Actor.system("ingest_file")
        organization = _organization(options["organization"])
        with organization_scope(organization.pk, actor=actor):
            try:
                service_id = service_resolver(actor)(options["service"], options["environment"])
            except ValueError as error:
                raise CommandError(str(error)) from error
            sender = Sender(organization.pk, service_id, organization.log_retention_days, f"service:{service_id}")
            self._load(path, form, zone, level, sender, restart=options["restart"])
        wake_up_calls.drain()

    def _load(self, path: Path, form: str, zone: ZoneInfo, level: Level, sender: Sender, *, restart: bool) -> None:
        bookmark = Bookmark(load().state_directory, path, f"service {sender.service_id}")
        place = bookmark.read()
        if restart:
            place = Place(0, 0, place.began, place.began)
        bookmark.write(place)
        line, size = place.line, path.stat().st_size
        oldest = datetime.now(UTC) - timedelta(days=sender.retention_days) + timedelta(hours=1)
        counts = {"stored": 0, "duplicates": 0, "dead letters": 0, "too old": 0}
        began = time.monotonic()
        where = f", on from line {line + 1}" if line else ""
        self.stderr.write(f"{path.name}: {form}{where}")
        with path.open("rb") as file:
            entries = read_entries(
                file,
                name=path.name,
                form=form,
                zone=zone,
                level=level,
                offset=place.offset,
                line=line,
                fallback=place.moment,
            )
            for batch in _batches(entries):
                young = [entry.document for entry in batch if entry.timestamp > oldest]
                counts["too old"] += len(batch) - len(young)
                if young:
                    answer = _send(sender, young)
                    counts["stored"] += answer["received"]
                    counts["duplicates"] += answer["duplicates_skipped"]
                    counts["dead letters"] += answer["dead_lettered"]
                last = batch[-1]
                bookmark.write(Place(last.end, last.line, place.began, last.timestamp))
                self._show(last.end, size, last.line - line, time.monotonic() - began)
        if self._is_terminal():
            self.stderr.write("")
        self.stdout.write(", ".join(f"{count:,} {name}" for name, count in counts.items()))

    def _show(self, done: int, size: int, lines: int, seconds: float) -> None:
        """A bar on a terminal, nothing elsewhere."""
        if not self._is_terminal():
            return
        share = min(1.0, done / size) if size else 1.0
        bar = "█" * round(share * BAR)
        self.stderr.write(
            f"\r{bar:░<{BAR}} {share:4.0%}  {lines:,} lines, {lines / max(seconds, 0.001):,.0f}/s", ending=""
        )
        self.stderr.flush()

    def _is_terminal(self) -> bool:
        return bool(self.stderr.isatty())


def _organization(slug: str) -> Organization:
    """Found through a narrow function: without a scope the wall shows none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id FROM ingestion_organization_of_slug(%s) AS organization_id", [slug])
        row = cursor.fetchone()
    if row is None or row[0] is None:
        raise CommandError(f"There is no organization {slug!r}.")
    with organization_scope(row[0], actor=None):
        return Organization.objects.get(pk=row[0])


def _batches(entries: Iterator[FileEntry]) -> Iterator[list[FileEntry]]:
    while batch := list(islice(entries, BATCH)):
        yield batch


def _send(sender: Sender, documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Through the intake's own door; waits while the database is away, halves what is too large."""
    body = json.dumps({"logs": documents}).encode()
    if len(body) > BODY_BYTES and len(documents) > 1:
        half = len(documents) // 2
        first, second = _send(sender, documents[:half]), _send(sender, documents[half:])
        return {name: first[name] + second[name] for name in ("received", "duplicates_skipped", "dead_lettered")}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            answer: dict[str, Any] = json.loads(receive_logs(sender=sender, received=ReceivedBody(body)).body)
            return answer
        except Unavailable as error:
            if attempt == ATTEMPTS:
                raise CommandError(f"{error.detail} Run the command again to go on.") from error
            time.sleep(min(attempt, 5))
        except TooLarge:  # A single line: its beginning is a dead letter.
            return {"received": 0, "duplicates_skipped": 0, "dead_lettered": len(documents)}
        except Problem as problem:
            raise CommandError(problem.detail) from problem
    raise AssertionError("unreachable")
