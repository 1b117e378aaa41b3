"""What the operator of the installation may know of all organizations: that they are there, and how many belong."""

from django.conf import settings
from django.db import migrations

FUNCTION = """
CREATE FUNCTION installation_organizations(operator uuid)
RETURNS TABLE (id bigint, public_id uuid, name varchar, slug varchar, created_at timestamptz, members bigint, services bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT organization.id, organization.public_id, organization.name, organization.slug, organization.created_at,
         (SELECT count(*) FROM organizations_membership AS m WHERE m.organization_id = organization.id AND m.is_active),
         (SELECT count(*) FROM organizations_service AS s WHERE s.organization_id = organization.id
           AND s.retired_at IS NULL)
    FROM organizations_organization AS organization
   WHERE EXISTS (SELECT FROM organizations_user AS person
                  WHERE person.id = operator AND person.is_operator AND person.is_active)
   ORDER BY organization.name
$function$;
"""


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(FUNCTION, params=None)
    schema_editor.execute("REVOKE ALL ON FUNCTION installation_organizations(uuid) FROM PUBLIC", params=None)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION installation_organizations(uuid) TO {runtime}", params=None)


def drop(apps, schema_editor):
    schema_editor.execute("DROP FUNCTION installation_organizations(uuid)", params=None)


class Migration(migrations.Migration):
    dependencies = [("organizations", "0002_lookups")]
    operations = [migrations.RunPython(create, drop)]
