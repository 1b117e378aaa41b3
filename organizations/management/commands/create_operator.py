from __future__ import annotations

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from incident_center.kernel.api.problems import Problem
from organizations.actions.people import operator_create


class Command(BaseCommand):
    help = "Makes an operator of the installation: belongs to no organization, sees the list of them in /admin/."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--password", help="made up and printed when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        password = options["password"] or secrets.token_urlsafe(15)
        try:
            operator = operator_create(email=options["email"], password=password, name=options["name"])
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        self.stdout.write(f"operator {operator.email}")
        if not options["password"]:
            self.stdout.write(f"password {password}   (shown this once)")
