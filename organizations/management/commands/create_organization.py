from __future__ import annotations

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from incident_center.kernel.api.problems import Problem
from incident_center.kernel.scope import organization_scope
from organizations.actions.found_organization import organization_found
from organizations.models import Organization


class Command(BaseCommand):
    help = "Founds an organization with its first owner, also where strangers may not. Prints the login once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organization", help="its name")
        parser.add_argument("--email", required=True, help="the owner's e-mail address")
        parser.add_argument("--name", required=True, help="the owner's name")
        parser.add_argument("--timezone", default="UTC")
        parser.add_argument("--password", help="made up and printed when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        password = options["password"] or secrets.token_urlsafe(15)
        try:
            membership = organization_found(
                email=options["email"],
                password=password,
                name=options["name"],
                organization_name=options["organization"],
                time_zone=options["timezone"],
                by_operator=True,
            )
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        with organization_scope(membership.organization_id, actor=None):
            organization = Organization.objects.get(pk=membership.organization_id)
        self.stdout.write(f"organization {organization.name} ({organization.slug})")
        self.stdout.write(f"owner        {membership.user.email}")
        if not options["password"]:
            self.stdout.write(f"password     {password}   (shown this once)")
