"""Lets the runtime role COPY into a day's partition, without letting it choose whose rows they are.

Row-level security refuses COPY FROM on the parent. A partition has no policy of its own, so the wall there is the
grant: the runtime role may name every column but the organization, which comes from the scope's setting by default,
and cannot be empty. It may read nothing there.
"""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

OPEN_PARTITION = """
CREATE FUNCTION ingestion_open_partition(class smallint, partition text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $function$
BEGIN
    EXECUTE format(
        'ALTER TABLE public.%%I ALTER organization_id'
        ' SET DEFAULT NULLIF(current_setting(''app.organization_id'', true), '''')::bigint,'
        ' ALTER retention_days SET DEFAULT %%s', partition, class);
    EXECUTE format(
        'GRANT INSERT (service_id, "timestamp", received_at, hash, level, message, metadata, trace_id)'
        ' ON public.%%I TO %(runtime)s', partition);
END
$function$;
REVOKE ALL ON FUNCTION ingestion_open_partition(smallint, text) FROM PUBLIC;
"""

CREATE_PARTITION = """
CREATE OR REPLACE FUNCTION ingestion_create_partition(class smallint, day date) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
    parent text := format('log_entry_%s', class);
    partition text := format('log_entry_%s_%s', class, to_char(day, 'YYYYMMDD'));
BEGIN
    IF to_regclass(format('public.%I', partition)) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ingestion_create_partition'));
    -- Not to_regclass: its cache need not know yet what was committed while this waited for the lock.
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition AND relnamespace = 'public'::regnamespace) THEN
        RETURN false;
    END IF;
    -- Created apart and then attached: unlike CREATE TABLE ... PARTITION OF, that does not lock out readers and writers.
    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS)', partition, parent);
    PERFORM ingestion_open_partition(class, partition);
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, partition, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
    RETURN true;
END
$function$;
"""

# Partitions from before this migration.
OPEN_ALL = """
SELECT ingestion_open_partition(split_part(relname, '_', 3)::smallint, relname)
  FROM pg_class WHERE relkind = 'r' AND relispartition AND relname ~ '^log_entry_[0-9]+_[0-9]{8}$'
"""


def open_partitions(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(OPEN_PARTITION % {"runtime": runtime}, params=None)
    schema_editor.execute(CREATE_PARTITION, params=None)
    schema_editor.execute(OPEN_ALL, params=None)


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0004_log_search")]

    operations = [migrations.RunPython(open_partitions, migrations.RunPython.noop)]
