from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from organizations.events import OrganizationRemoved, organization_removed
from organizations.models import Organization
from organizations.off_boarding import export_organization, remove_organization


class Command(BaseCommand):
    help = "Off-boards an organization: exports all its data, removes it, and records that. Runs as the owner role."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the organization's short name")
        parser.add_argument("--export", type=Path, required=True, help="a folder, made anew, for the export")
        parser.add_argument("--yes", action="store_true", help="do not ask for the name again")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(slug=options["slug"]).first()
        if organization is None:
            raise CommandError(f"There is no organization {options['slug']!r}.")
        if not options["yes"] and input(f"Type {organization.slug} to remove it for good: ") != organization.slug:
            raise CommandError("Nothing was removed.")
        try:
            exported = export_organization(organization, options["export"])
        except OSError as error:
            raise CommandError(f"The export failed and nothing was removed: {error}") from error
        self.stdout.write(f"exported {sum(one.rows for one in exported)} rows to {options['export']}")
        remove_organization(organization, actor=f"system:operator/{getpass.getuser()}", exported=exported)
        organization_removed.emit(OrganizationRemoved(organization, options["export"]))
        self.stdout.write(f"removed {organization.name}; the audit log of the installation says so")
