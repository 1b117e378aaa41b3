"""What must be read before an organization is known: few, named, narrow functions.

Each takes something that only its rightful holder has (a user id behind a valid credential, the hash of a secret)
and answers for that alone. They are SECURITY DEFINER: the owner of the tables reads, the caller gets one answer.
"""

from django.conf import settings
from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION membership_of_user(person uuid)
RETURNS TABLE (membership_id uuid, organization_id bigint, role varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT id, organization_id, role FROM organizations_membership WHERE user_id = person AND is_active
$function$;

CREATE FUNCTION api_key_identity(hash bytea)
RETURNS TABLE (key_id uuid, organization_id bigint, service_id bigint, retention_days int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
#variable_conflict use_column
BEGIN
  UPDATE organizations_apikey SET last_used_at = now()
   WHERE secret_hash = hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
     AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute');
  RETURN QUERY
    SELECT key.id, key.organization_id, key.service_id, organization.log_retention_days::int
      FROM organizations_apikey AS key
      JOIN organizations_organization AS organization ON organization.id = key.organization_id
      LEFT JOIN organizations_service AS service ON service.id = key.service_id
     WHERE key.secret_hash = hash AND key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > now())
       AND service.retired_at IS NULL;
END
$function$;

CREATE FUNCTION join_code_invitation(hash bytea)
RETURNS TABLE (join_code_id uuid, organization_id bigint, organization_name varchar, role varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT code.id, code.organization_id, organization.name, code.role
    FROM organizations_joincode AS code
    JOIN organizations_organization AS organization ON organization.id = code.organization_id
   WHERE code.code_hash = hash AND code.revoked_at IS NULL AND code.expires_at > now() AND code.uses < code.max_uses
$function$;

CREATE FUNCTION password_link_holder(hash bytea)
RETURNS TABLE (link_id uuid, organization_id bigint, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT link.id, link.organization_id, link.user_id
    FROM organizations_passwordlink AS link
    JOIN organizations_membership AS membership ON membership.user_id = link.user_id AND membership.is_active
   WHERE link.token_hash = hash AND link.used_at IS NULL AND link.expires_at > now()
$function$;

CREATE FUNCTION slug_is_taken(wanted varchar) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT EXISTS (SELECT FROM organizations_organization WHERE slug = wanted)
$function$;
"""

SIGNATURES = (
    "membership_of_user(uuid)",
    "api_key_identity(bytea)",
    "join_code_invitation(bytea)",
    "password_link_holder(bytea)",
    "slug_is_taken(varchar)",
)


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
    dependencies = [("organizations", "0001_organizations_people_services_keys")]
    operations = [migrations.RunPython(create, drop)]
