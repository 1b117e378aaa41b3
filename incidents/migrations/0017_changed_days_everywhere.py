"""What the sweeps of analytics ask over all organizations."""

from django.conf import settings
from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION organizations_with_changed_days(most int)
RETURNS TABLE (organization_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT organization.id
    FROM organizations_organization AS organization
   WHERE EXISTS (SELECT FROM incidents_changedday AS changed WHERE changed.organization_id = organization.id)
      OR NOT EXISTS (SELECT FROM incidents_figuresstate AS state
                      WHERE state.organization_id = organization.id AND state.timezone = organization.timezone)
   LIMIT most
$function$;
CREATE FUNCTION figures_of_installation(since date)
RETURNS TABLE (measure text, key text, number bigint, seconds float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT figure.measure, figure.key, sum(figure.number), sum(figure.seconds)
    FROM incidents_dailyfigure AS figure
   WHERE figure.is_total AND figure.day >= since
     AND figure.measure IN
         ('acknowledged', 'acknowledged_bin', 'resolved', 'resolved_bin', 'sla_met', 'sla_missed')
   GROUP BY figure.measure, figure.key
$function$;
"""
SIGNATURES = ("organizations_with_changed_days(int)", "figures_of_installation(date)")


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(FUNCTIONS, params=None)
    for signature in SIGNATURES:
        schema_editor.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC", params=None)
        schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {runtime}", params=None)


def drop(apps, schema_editor):
    for signature in SIGNATURES:
        schema_editor.execute(f"DROP FUNCTION {signature}", params=None)


class Migration(migrations.Migration):
    dependencies = [("incidents", "0016_daily_figures")]
    operations = [migrations.RunPython(create, drop)]
