"""The functions that make a day's partition: the owner's, and the narrow one that the runtime role may call."""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FUNCTIONS = """
CREATE FUNCTION ingestion_create_partition(class smallint, day date) RETURNS boolean
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
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, partition, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
    RETURN true;
END
$function$;

CREATE FUNCTION ingestion_ensure_partition(class smallint, day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
BEGIN
    IF class NOT IN (7, 30, 90, 400) THEN
        RAISE EXCEPTION 'there is no retention class of % days', class USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF day < today - class OR day > today + 1 THEN
        RAISE EXCEPTION 'no partition of class % is made for %', class, day USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN ingestion_create_partition(class, day);
END
$function$;

REVOKE ALL ON FUNCTION ingestion_create_partition(smallint, date) FROM PUBLIC;
REVOKE ALL ON FUNCTION ingestion_ensure_partition(smallint, date) FROM PUBLIC;
"""

DROP = """
DROP FUNCTION ingestion_ensure_partition(smallint, date);
DROP FUNCTION ingestion_create_partition(smallint, date);
"""


def grant(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION ingestion_ensure_partition(smallint, date) TO {runtime}")


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0002_log_entries")]

    operations = [
        migrations.RunSQL(FUNCTIONS, DROP),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
