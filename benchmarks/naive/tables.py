"""Making the naive way's tables, which no migration knows."""

from __future__ import annotations

import os

from django.db import models


def make_tables(*kinds: type[models.Model]) -> None:
    """As the owner, with the grants that any table of the runtime role needs."""
    import psycopg
    from django.conf import settings
    from django.db import connection

    with connection.schema_editor(collect_sql=True) as editor:
        for kind in kinds:
            editor.create_model(kind)
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        for statement in editor.collected_sql:
            owner.execute(statement)
        for kind in kinds:
            owner.execute(
                f"GRANT SELECT, INSERT, UPDATE ON {kind._meta.db_table} TO {settings.RUNTIME_ROLE};"  # type: ignore[arg-type]
                f" GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {settings.RUNTIME_ROLE}"
            )
