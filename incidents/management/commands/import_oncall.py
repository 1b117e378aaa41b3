from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from incident_center.kernel.scope import organization_scope
from incidents.moving_in import grafana, opsgenie, pagerduty
from incidents.moving_in.move_in import Report, move_in
from incidents.moving_in.neutral import UnreadableExport
from incidents.moving_in.reading import read_export
from organizations.access import Action
from organizations.members import Member, member_of_user
from organizations.models import User

READERS = {"pagerduty": pagerduty.read, "opsgenie": opsgenie.read, "grafana": grafana.read}


class Command(BaseCommand):
    help = (
        "Takes over people, on-call schedules and escalation policies from another system's export."
        " Without --apply it changes nothing and reports what it would do."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a JSON file, or a folder or ZIP archive of JSON files")
        parser.add_argument("--from", dest="system", required=True, choices=sorted(READERS))
        parser.add_argument("--owner", required=True, help="the e-mail address of the owner in whose name it is done")
        parser.add_argument("--apply", action="store_true", help="really do it")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = _owner(options["owner"])
        now = timezone.now()
        try:
            export = READERS[options["system"]](read_export(options["file"]), now)
        except UnreadableExport as error:
            raise CommandError(str(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise CommandError(f"This is not an export of {options['system']}: {error!r}") from error
        if not (export.people or export.schedules or export.policies):
            raise CommandError(f"{options['file']} holds no users, schedules or policies of {options['system']}.")
        with organization_scope(owner.organization_id, actor=owner.actor):
            report = move_in(export=export, actor=owner.actor, now=now, apply=options["apply"])
        self._print(report)
        self.stdout.write("" if options["apply"] else "Nothing was changed. Run it with --apply to do it.")

    def _print(self, report: Report) -> None:
        for title, lines in (
            ("Made", report.made),
            ("Here already", report.found),
            ("Not taken over, or not as it was", report.not_mapped),
        ):
            self.stdout.write(f"{title}: {len(lines)}")
            for line in lines:
                self.stdout.write(f"  {line}")


def _owner(email: str) -> Member:
    user = User.objects.filter(email=email.strip().lower()).first()
    member = member_of_user(user) if user else None
    if member is None or not member.can(Action.MANAGE_MEMBERS):
        raise CommandError(f"{email} is not an owner here.")
    return member
