from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion.archive import files
from ingestion.archive.files import DamagedArchiveError
from ingestion.archive.logs import KIND, restore_day

DEFAULT_DAYS = 7


class Command(BaseCommand):
    help = "Puts archived logs back among the others, where they can be searched, for some days."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, nargs="+", help="a manifest (….json), or a folder with archives")
        parser.add_argument("--keep-days", type=int, default=DEFAULT_DAYS, help=f"default {DEFAULT_DAYS}")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["keep_days"] <= 400:
            raise CommandError("--keep-days is a whole number from 1 to 400.")
        manifests = [one for path in options["path"] for one in ([path] if path.is_file() else files.find(path))]
        total = 0
        for path in manifests:
            try:
                if len(manifests) > 1 and files.read_manifest(path).kind != KIND:
                    continue  # A folder holds dead letters too.
                manifest, restored = restore_day(path, keep_for=timedelta(days=options["keep_days"]))
            except (DamagedArchiveError, LookupError) as error:
                raise CommandError(f"{path}: {error}.") from error
            total += restored
            known = manifest.rows - restored
            self.stdout.write(f"{manifest.day}  {restored:,} logs restored, {known:,} were there already")
        if not manifests:
            raise CommandError("There are no archives there.")
        self.stdout.write(f"{total:,} logs restored, kept for {options['keep_days']} days")
