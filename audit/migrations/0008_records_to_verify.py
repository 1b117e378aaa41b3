"""Whose record nobody verified for a day; and those that people wait for are verified before those."""

from django.conf import settings
from django.db import migrations

TO_VERIFY = """
CREATE FUNCTION audit_organizations_to_verify(since timestamptz, most integer) RETURNS TABLE (organization_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT organization.id FROM organizations_organization AS organization
   WHERE EXISTS (SELECT FROM audit_seal AS seal WHERE seal.organization_id = organization.id)
     AND NOT EXISTS (SELECT FROM audit_verification AS done
                      WHERE done.organization_id = organization.id
                        AND (done.finished_at IS NULL OR done.finished_at > since))
   ORDER BY organization.id LIMIT most
$function$;
"""
DUE = """
CREATE OR REPLACE FUNCTION audit_verifications_due() RETURNS TABLE (organization_id bigint, verification_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT organization_id, id FROM audit_verification
   WHERE finished_at IS NULL AND (claimed_until IS NULL OR claimed_until < now())
   ORDER BY starts_with(requested_by, 'system:'), requested_at LIMIT 10
$function$;
"""
SIGNATURE = "audit_organizations_to_verify(timestamptz, integer)"


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(TO_VERIFY, params=None)
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC", params=None)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {runtime}", params=None)
    schema_editor.execute(DUE, params=None)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP FUNCTION {SIGNATURE}", params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0007_find_the_seal_of_a_transaction")]
    operations = [migrations.RunPython(create, drop)]
