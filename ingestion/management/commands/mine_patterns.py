from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion.patterns.miner import PatternMiner


class Command(BaseCommand):
    help = "Mines the patterns of a file's lines: pattern_id<TAB>template for each line, in order. - is standard input."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="one message a line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Templates grow more general as lines come, so they are written when all lines have been read."""
        numbers = count(1)
        miner: PatternMiner[int] = PatternMiner(lambda: next(numbers))
        try:
            with sys.stdin.buffer if options["file"] == "-" else Path(options["file"]).open("rb") as lines:
                found = [miner.assign(line.decode("utf-8", "replace").rstrip("\r\n")) for line in lines]
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        for template in found:
            self.stdout.write(f"{template.id}\t{template.text}")
