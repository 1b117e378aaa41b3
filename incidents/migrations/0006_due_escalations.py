"""The sweep over all organizations: which escalations have something due, and nothing else of them."""

from django.conf import settings
from django.db import migrations

FUNCTION = """
CREATE FUNCTION due_escalations(most int, moment timestamptz)
RETURNS TABLE (organization_id bigint, escalation_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT due.organization_id, due.id
    FROM (SELECT escalation.organization_id, escalation.id, escalation.next_due_at AS at
            FROM incidents_escalation AS escalation WHERE escalation.next_due_at <= moment
          UNION ALL
          SELECT escalation.organization_id, escalation.id, escalation.acknowledgement_expires_at
            FROM incidents_escalation AS escalation WHERE escalation.acknowledgement_expires_at <= moment) AS due
   ORDER BY due.at
   LIMIT most
$function$;
"""
SIGNATURE = "due_escalations(int, timestamptz)"


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(FUNCTION, params=None)
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC", params=None)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {runtime}", params=None)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP FUNCTION {SIGNATURE}", params=None)


class Migration(migrations.Migration):
    dependencies = [("incidents", "0005_escalation_policies_and_runs")]
    operations = [migrations.RunPython(create, drop)]
