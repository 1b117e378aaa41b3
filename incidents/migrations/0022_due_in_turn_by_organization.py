"""Of what is due, each organization's longest due first: one organization's thousand do not keep another's one waiting."""

from django.db import migrations

ESCALATIONS = """
CREATE OR REPLACE FUNCTION due_escalations(most int, moment timestamptz)
RETURNS TABLE (organization_id bigint, escalation_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT due.organization_id, due.id
    FROM (SELECT either.organization_id, either.id, either.at,
                 row_number() OVER (PARTITION BY either.organization_id ORDER BY either.at) AS turn
            FROM (SELECT escalation.organization_id, escalation.id, escalation.next_due_at AS at
                    FROM incidents_escalation AS escalation WHERE escalation.next_due_at <= moment
                  UNION ALL
                  SELECT escalation.organization_id, escalation.id, escalation.acknowledgement_expires_at
                    FROM incidents_escalation AS escalation
                   WHERE escalation.acknowledgement_expires_at <= moment) AS either) AS due
   ORDER BY due.turn, due.at
   LIMIT most
$function$;
"""
CLOCKS = """
CREATE OR REPLACE FUNCTION due_sla_clocks(until timestamptz, most int)
RETURNS TABLE (organization_id bigint, clock_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT due.organization_id, due.id
    FROM (SELECT clock.organization_id, clock.id, clock.next_check_at,
                 row_number() OVER (PARTITION BY clock.organization_id ORDER BY clock.next_check_at) AS turn
            FROM incidents_slaclock AS clock
           WHERE clock.next_check_at <= until) AS due
   ORDER BY due.turn, due.next_check_at
   LIMIT most
$function$;
"""


def replace(apps, schema_editor):
    for function in (ESCALATIONS, CLOCKS):
        schema_editor.execute(function, params=None)


class Migration(migrations.Migration):
    dependencies = [("incidents", "0021_due_scheduled_reports")]
    operations = [migrations.RunPython(replace, migrations.RunPython.noop)]
