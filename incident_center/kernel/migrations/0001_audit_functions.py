"""The functions behind the audit and append-only triggers; they stand before any table that is audited."""

from django.db import migrations

# UUIDv7 (RFC 9562): 48 bits of milliseconds in front of random bits. PostgreSQL has its own from version 18 on.
UUID7 = """
CREATE FUNCTION uuid7_now() RETURNS uuid LANGUAGE sql VOLATILE SET search_path = pg_catalog AS $function$
  SELECT encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
              PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
              FROM 1 FOR 6),
      52, 1), 53, 1), 'hex')::uuid
$function$;
"""

# SECURITY DEFINER: the runtime role may not write entries, only this function may.
# Arguments: table, organization column ('' = the row is a person), key column, excluded columns, redacted columns.
CAPTURE = """
CREATE FUNCTION audit_capture() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
  excluded text[] := string_to_array(TG_ARGV[3], ',');
  redacted text[] := string_to_array(TG_ARGV[4], ',');
  before jsonb;
  after jsonb;
  source jsonb;
  organization bigint;
BEGIN
  IF TG_OP <> 'INSERT' THEN before := to_jsonb(OLD); END IF;
  IF TG_OP <> 'DELETE' THEN after := to_jsonb(NEW); END IF;
  source := coalesce(after, before);
  IF TG_OP = 'UPDATE' THEN
    SELECT jsonb_object_agg(old_value.key, old_value.value), jsonb_object_agg(old_value.key, new_value.value)
      INTO before, after
      FROM jsonb_each(before) AS old_value JOIN jsonb_each(after) AS new_value USING (key)
     WHERE old_value.value IS DISTINCT FROM new_value.value AND NOT key = ANY (excluded);
    IF after IS NULL THEN RETURN NULL; END IF;
  ELSE
    before := before - excluded;
    after := after - excluded;
  END IF;
  IF cardinality(redacted) > 0 THEN
    SELECT jsonb_object_agg(key, CASE WHEN key = ANY (redacted) AND value <> 'null' THEN '"[redacted]"' ELSE value END)
      INTO before FROM jsonb_each(before);
    SELECT jsonb_object_agg(key, CASE WHEN key = ANY (redacted) AND value <> 'null' THEN '"[redacted]"' ELSE value END)
      INTO after FROM jsonb_each(after);
  END IF;
  IF TG_ARGV[1] = '' THEN
    SELECT organization_id INTO organization FROM organizations_membership
     WHERE user_id = (source ->> TG_ARGV[2])::uuid;
    -- A person is written a moment before their membership.
    organization := coalesce(organization, nullif(current_setting('app.organization_id', true), '')::bigint);
  ELSE
    organization := (source ->> TG_ARGV[1])::bigint;
  END IF;
  INSERT INTO audit_entry
    (id, organization_id, at, transaction_id, actor, table_name, operation, object_id, before, after)
  VALUES
    (uuid7_now(), organization, clock_timestamp(), pg_current_xact_id()::text::bigint,
     coalesce(nullif(current_setting('app.actor', true), ''), 'database:' || session_user),
     TG_ARGV[0], lower(TG_OP), source ->> TG_ARGV[2], before, after);
  RETURN NULL;
END
$function$;
REVOKE ALL ON FUNCTION audit_capture() FROM PUBLIC;
"""

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $function$
BEGIN
  RAISE EXCEPTION '% on % is refused: the table is append-only', TG_OP, TG_ARGV[0]
    USING ERRCODE = 'insufficient_privilege';
END
$function$;
"""

DROP = """
DROP FUNCTION refuse_change();
DROP FUNCTION audit_capture();
DROP FUNCTION uuid7_now();
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(UUID7 + CAPTURE + REFUSE, DROP)]
