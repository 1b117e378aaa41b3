#!/usr/bin/env python
"""Django's command line. ``migrate`` and maintenance run as the database's owner, the rest as the runtime role."""

import os
import sys

OWNER_COMMANDS = frozenset(
    {"migrate", "migrate_schemas", "makemigrations", "sqlmigrate", "showmigrations", "check", "delete_organization"}
    | {"archive_logs", "restore_logs"}
)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "incident_center.settings")
    if len(sys.argv) > 1 and sys.argv[1] in OWNER_COMMANDS:
        os.environ.setdefault("DATABASE_AS", "owner")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
