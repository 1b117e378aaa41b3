"""What the sweep asks over all organizations: one narrow function that answers with ids and nothing else."""

from django.conf import settings
from django.db import migrations

FUNCTION = """
CREATE FUNCTION detection_services_to_evaluate(received_since timestamptz)
RETURNS TABLE (organization_id bigint, service_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  WITH watched AS (
    SELECT rule.organization_id,
           min(CASE rule.match ->> 'min_level'
                 WHEN 'FATAL' THEN 50 WHEN 'ERROR' THEN 40 WHEN 'WARN' THEN 30 WHEN 'INFO' THEN 20 ELSE 10 END) AS level,
           max((rule.parameters ->> 'window_seconds')::int) AS window_seconds
      FROM detection_detectionrule AS rule WHERE rule.enabled GROUP BY rule.organization_id
  ), recent AS (
    -- Event times bound which partitions are looked into; what is older than that opens nothing.
    SELECT entry.organization_id, entry.service_id, max(entry.level) AS level
      FROM log_entry AS entry
     WHERE entry.received_at > received_since
       AND entry.level >= (SELECT min(level) FROM watched)
       AND entry."timestamp" >= received_since - interval '10 minutes'
                                - make_interval(secs => (SELECT max(window_seconds) FROM watched))
     GROUP BY entry.organization_id, entry.service_id
  )
  SELECT recent.organization_id, recent.service_id
    FROM recent JOIN watched USING (organization_id) WHERE recent.level >= watched.level
  UNION
  SELECT watch.organization_id, watch.service_id FROM detection_watch AS watch WHERE watch.due_at <= now()
$function$;
REVOKE ALL ON FUNCTION detection_services_to_evaluate(timestamptz) FROM PUBLIC;
"""


def grant(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION detection_services_to_evaluate(timestamptz) TO {runtime}")


class Migration(migrations.Migration):
    dependencies = [
        ("detection", "0001_detection_rules_and_watches"),
        ("ingestion", "0004_log_search"),
    ]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION detection_services_to_evaluate(timestamptz)"),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
