"""What the sweep asks over all organizations, and the default policy for those that exist already."""

from django.conf import settings
from django.db import migrations

FUNCTION = """
CREATE FUNCTION due_sla_clocks(until timestamptz, most int)
RETURNS TABLE (organization_id bigint, clock_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT clock.organization_id, clock.id
    FROM incidents_slaclock AS clock
   WHERE clock.next_check_at <= until
   ORDER BY clock.next_check_at
   LIMIT most
$function$;
"""
SIGNATURE = "due_sla_clocks(timestamptz, int)"
TARGETS = {
    "P1": {"response_minutes": 15, "resolution_minutes": 240},
    "P2": {"response_minutes": 60, "resolution_minutes": 480},
    "P3": {"response_minutes": 240, "resolution_minutes": 4320},
    "P4": {"response_minutes": 1440, "resolution_minutes": 7200},
}


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(FUNCTION, params=None)
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC", params=None)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {runtime}", params=None)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP FUNCTION {SIGNATURE}", params=None)


def give_default_policy(apps, schema_editor):
    policy = apps.get_model("incidents", "SlaPolicy")
    for organization in apps.get_model("organizations", "Organization").objects.all():
        policy.objects.create(
            organization=organization,
            name="Standard",
            description="Around the clock; the resolution clock stands still while an incident is mitigated.",
            targets=TARGETS,
            pause_while=["mitigated"],
            is_default=True,
        )


class Migration(migrations.Migration):
    dependencies = [("incidents", "0007_sla_policies_calendars_and_clocks")]
    operations = [
        migrations.RunPython(create, drop),
        migrations.RunPython(give_default_policy, migrations.RunPython.noop),
    ]
