"""What the sweep asks over all organizations."""

from django.conf import settings
from django.db import migrations

FUNCTION = """
CREATE FUNCTION report_files_due() RETURNS TABLE (organization_id bigint, file_id uuid, is_expired boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  (SELECT organization_id, id, true FROM incidents_reportfile
    WHERE expires_at <= now() ORDER BY expires_at LIMIT 50)
  UNION ALL
  (SELECT organization_id, id, false FROM incidents_reportfile
    WHERE finished_at IS NULL AND expires_at > now() AND (claimed_until IS NULL OR claimed_until < now())
    ORDER BY requested_at LIMIT 10)
$function$;
"""


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(FUNCTION, params=None)
    schema_editor.execute("REVOKE ALL ON FUNCTION report_files_due() FROM PUBLIC", params=None)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION report_files_due() TO {runtime}", params=None)


def drop(apps, schema_editor):
    schema_editor.execute("DROP FUNCTION report_files_due()", params=None)


class Migration(migrations.Migration):
    dependencies = [("incidents", "0018_keep_reports_until_they_expire")]
    operations = [migrations.RunPython(create, drop)]
