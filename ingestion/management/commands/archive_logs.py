from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion.archive.files import DamagedArchiveError
from ingestion.archive.logs import archive_day
from ingestion.logstore.postgresql.days import partitions


class Command(BaseCommand):
    help = (
        "Archives the logs of days that are over, as the maintenance worker does before it drops them. Drops nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="since", type=date.fromisoformat, help="first day, YYYY-MM-DD; default all")
        parser.add_argument("--to", dest="until", type=date.fromisoformat, help="last day; default yesterday")
        parser.add_argument("--directory", type=Path, help="instead of LOG_ARCHIVE_DIRECTORY")

    def handle(self, *args: Any, **options: Any) -> None:
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        since, until = options["since"] or date.min, min(options["until"] or yesterday, yesterday)
        rows = written = 0
        for partition in partitions():
            if not since <= partition.day <= until:
                continue
            try:
                manifests = archive_day(partition, options["directory"])
            except (OSError, DamagedArchiveError) as error:
                raise CommandError(f"The logs of {partition.day} could not be archived: {error}") from error
            for manifest in manifests:
                written += 1
                rows += manifest.rows
                self.stdout.write(
                    f"{manifest.day}  {manifest.retention_days:>3} days  {manifest.organization['slug']}  "
                    f"{manifest.rows:,} logs  {manifest.bytes:,} bytes"
                )
        self.stdout.write(f"{rows:,} logs in {written} archives")
