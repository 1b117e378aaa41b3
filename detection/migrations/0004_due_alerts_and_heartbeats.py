"""What is asked over all organizations about alerts and heartbeats: narrow functions that answer with ids."""

from django.conf import settings
from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION detection_heartbeat_by_token(hash bytea)
RETURNS TABLE (organization_id bigint, heartbeat_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT heartbeat.organization_id, heartbeat.id FROM detection_heartbeat AS heartbeat WHERE heartbeat.token_hash = hash
$function$;

CREATE FUNCTION detection_heartbeats_due()
RETURNS TABLE (organization_id bigint, heartbeat_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT heartbeat.organization_id, heartbeat.id FROM detection_heartbeat AS heartbeat
   WHERE heartbeat.due_at <= now() ORDER BY heartbeat.due_at LIMIT 1000
$function$;

CREATE FUNCTION detection_groups_with_expired_alerts()
RETURNS TABLE (organization_id bigint, group_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT DISTINCT alert.organization_id, alert.group_id FROM detection_alert AS alert
   WHERE alert.expires_at <= now() AND alert.status <> 'resolved' LIMIT 1000
$function$;
"""
SIGNATURES = (
    "detection_heartbeat_by_token(bytea)",
    "detection_heartbeats_due()",
    "detection_groups_with_expired_alerts()",
)


def grant(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    for signature in SIGNATURES:
        schema_editor.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {runtime}")


class Migration(migrations.Migration):
    dependencies = [("detection", "0003_alerts_mapping_and_heartbeats")]
    operations = [
        migrations.RunSQL(FUNCTIONS, "".join(f"DROP FUNCTION {signature};" for signature in SIGNATURES)),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
