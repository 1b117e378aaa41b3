"""The narrow door of ``manage.py ingest_file``: from an organization's short name to its number, and nothing else."""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FUNCTION = """
CREATE FUNCTION ingestion_organization_of_slug(wanted varchar) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
    SELECT id FROM organizations_organization WHERE slug = wanted
$function$;
REVOKE ALL ON FUNCTION ingestion_organization_of_slug(varchar) FROM PUBLIC;
"""


def grant(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION ingestion_organization_of_slug(varchar) TO {runtime}")


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0013_histograms_that_say_how_far_they_counted")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION ingestion_organization_of_slug(varchar)"),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
