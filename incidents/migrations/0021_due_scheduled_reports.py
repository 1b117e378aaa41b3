"""What the sweep asks over all organizations."""

from django.conf import settings
from django.db import migrations

FUNCTION = """
CREATE FUNCTION report_schedules_due(moment timestamptz, most int)
RETURNS TABLE (organization_id bigint, schedule_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT organization_id, id FROM incidents_reportschedule
   WHERE next_at <= moment ORDER BY next_at LIMIT most
$function$;
"""
SIGNATURE = "report_schedules_due(timestamptz, int)"


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(FUNCTION, params=None)
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC", params=None)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {runtime}", params=None)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP FUNCTION {SIGNATURE}", params=None)


class Migration(migrations.Migration):
    dependencies = [("incidents", "0020_scheduled_reports")]
    operations = [migrations.RunPython(create, drop)]
