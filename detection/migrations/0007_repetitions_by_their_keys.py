"""Counting repetitions looks its alerts up by their keys, with a plan that is made once. No gate mutes alerts any more:
silences mute incidents.
"""

from django.conf import settings
from django.db import migrations

SIGNATURE = (
    "detection_count_repetitions(uuid[], uuid[], text[], timestamptz[], timestamptz[], int[], timestamptz, timestamptz)"
)

# A group counts as a whole or not at all. The caller has locked its row, so nothing is decided about its alerts
# meanwhile; its incident is not locked: a change at the same moment counts as made after the repetition.
#
# The settings belong to it. In the first minutes of a table PostgreSQL has no figures about it, takes it for empty,
# and would read all alerts of the organization to count sixteen; and making that plan took longer than the rest.
FUNCTION = """
CREATE FUNCTION detection_count_repetitions(
    groups uuid[], incidents uuid[], fingerprints text[], starts timestamptz[], expirations timestamptz[], times int[],
    untouched_since timestamptz, received_at timestamptz
) RETURNS SETOF uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $function$
BEGIN
  RETURN QUERY
  WITH said AS (
      SELECT * FROM unnest(groups, incidents, fingerprints, starts, expirations, times)
          AS said(group_id, incident_id, fingerprint, starts_at, expires_at, times)
  ), known AS MATERIALIZED (
      SELECT said.group_id, said.expires_at, said.times, found.id
        FROM said
        LEFT JOIN LATERAL (
             SELECT alert.id
               FROM detection_alert AS alert JOIN incidents_incident AS incident ON incident.id = alert.incident_id
              WHERE alert.group_id = said.group_id AND alert.incident_id = said.incident_id
                AND alert.fingerprint = said.fingerprint
                AND alert.status <> 'resolved' AND alert.starts_at >= said.starts_at
                AND incident.status <> 'resolved' AND incident.withdrawn_at IS NULL
                AND incident.merged_into_id IS NULL
                AND (incident.acknowledged_at IS NOT NULL OR incident.touched_at > untouched_since)
             OFFSET 0
        ) AS found ON true
  ), whole AS (
      SELECT known.group_id FROM known GROUP BY known.group_id HAVING bool_and(known.id IS NOT NULL)
  )
  UPDATE detection_alert AS alert
     SET received_count = alert.received_count + known.times, last_received_at = received_at,
         expires_at = known.expires_at
    FROM known JOIN whole USING (group_id)
   WHERE alert.id = known.id
  RETURNING alert.group_id;
END
$function$;
"""


def grant(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {runtime}")


class Migration(migrations.Migration):
    dependencies = [("detection", "0006_due_silences")]
    operations = [
        migrations.RemoveField(model_name="alert", name="muted_reason"),
        migrations.RunSQL(FUNCTION, f"DROP FUNCTION {SIGNATURE};"),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
