from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from audit.actions.seal import seal_everything
from audit.verification import Verdict, verify_record
from incident_center.kernel.scope import Actor, no_scope, organization_scope

ACTOR = Actor.system("verify_audit")


class Command(BaseCommand):
    help = (
        "Seals the audit log as far as it goes and verifies all of it, for every organization."
        " Exit status: 0 intact, 1 something was changed, removed, added or reordered, 2 it could not be verified."
        " As the owner (DATABASE_AS=owner) it also verifies the installation's own record."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", help="the short name of the one organization to verify")
        parser.add_argument("--seals", type=Path, help="a copy of the published seals, kept elsewhere, to compare with")
        parser.add_argument("--without-sealing", action="store_true", help="write nothing: verify what is sealed")

    def handle(self, *args: Any, **options: Any) -> None:
        records = self._records(options["organization"])
        if not options["without_sealing"]:
            self._seal()
        verdicts = []
        for organization_id, name in records:
            scope = (
                no_scope(actor=ACTOR) if organization_id is None else organization_scope(organization_id, actor=ACTOR)
            )
            with scope:
                verdicts.append(self._verify(organization_id, name, options["seals"]))
        if not all(verdict.valid for verdict in verdicts):
            sys.exit(1)
        if options["seals"] and not any(verdict.published for verdict in verdicts):
            raise CommandError(f"{options['seals']} has no seal of what was verified.", returncode=2)

    def _records(self, slug: str | None) -> list[tuple[int | None, str]]:
        """Whose records to verify. The installation's own is visible to the owner role only."""
        with no_scope(), connection.cursor() as cursor:
            cursor.execute("SELECT organization_id, slug FROM audit_records()")
            records: list[tuple[int | None, str]] = [(row[0], row[1]) for row in cursor.fetchall()]
        if slug:
            records = [record for record in records if record[1] == slug]
            if not records:
                raise CommandError(f"There is no organization {slug!r}.", returncode=2)
        elif settings.DATABASE_AS == "owner":
            records.append((None, "the installation"))
        return records

    def _seal(self) -> None:
        try:
            seal_everything()
        except DatabaseError as error:
            self.stderr.write(f"nothing was sealed: {error}")

    def _verify(self, organization_id: int | None, name: str, seals: Path | None) -> Verdict:
        began = time.monotonic()
        progress = _Progress(name) if sys.stderr.isatty() else None
        try:
            verdict = verify_record(organization_id, published=seals, progress=progress)
        except OSError as error:
            raise CommandError(f"The published seals cannot be read: {error}", returncode=2) from error
        if progress:
            progress.clear()
        seconds = time.monotonic() - began
        if verdict.first_invalid:
            self.stdout.write(f"{name}: INVALID: {verdict.first_invalid.detail}")
        else:
            against = f", {verdict.published} compared with those published" if verdict.published else ""
            for change in verdict.guard_changes:
                self.stdout.write(f"{name}: the guard was changed before seal {change.seal}: {change.reason}")
            self.stdout.write(
                f"{name}: intact: {verdict.entries} entries under {verdict.seals} seals{against},"
                f" {verdict.unsealed} not sealed yet ({seconds:.1f} s)"
            )
        return verdict


class _Progress:
    """One line that counts, for whoever watches a terminal."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, checked: int) -> None:
        sys.stderr.write(f"\r{self._name}: {checked} entries …")
        sys.stderr.flush()

    def clear(self) -> None:
        sys.stderr.write("\r\x1b[K")
