"""What the sweep asks over all organizations, and a first digest for those that exist already."""

from django.conf import settings
from django.db import migrations
from django.utils import timezone

FUNCTION = """
CREATE FUNCTION due_coverage_digests(moment timestamptz, most int)
RETURNS TABLE (organization_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT digest.organization_id
    FROM incidents_coveragedigest AS digest
   WHERE digest.next_at <= moment
   ORDER BY digest.next_at
   LIMIT most
$function$;
"""
SIGNATURE = "due_coverage_digests(timestamptz, int)"


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(FUNCTION, params=None)
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC", params=None)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {runtime}", params=None)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP FUNCTION {SIGNATURE}", params=None)


def plan_first_digests(apps, schema_editor):
    digest = apps.get_model("incidents", "CoverageDigest")
    for organization in apps.get_model("organizations", "Organization").objects.all():
        digest.objects.create(organization=organization, next_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("incidents", "0013_coverage_digests")]
    operations = [
        migrations.RunPython(create, drop),
        migrations.RunPython(plan_first_digests, migrations.RunPython.noop),
    ]
