"""The silences of all organizations that begin or end: a narrow function that answers with ids."""

from django.conf import settings
from django.db import migrations

SIGNATURE = "detection_silences_due(timestamptz)"
FUNCTION = """
CREATE FUNCTION detection_silences_due(due_by timestamptz)
RETURNS TABLE (organization_id bigint, silence_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT silence.organization_id, silence.id FROM detection_silence AS silence
   WHERE silence.next_change_at <= due_by ORDER BY silence.next_change_at LIMIT 1000
$function$;
"""


def grant(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {runtime}")


class Migration(migrations.Migration):
    dependencies = [("detection", "0005_silences_and_mutes")]
    operations = [
        migrations.RunSQL(FUNCTION, f"DROP FUNCTION {SIGNATURE};"),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
