"""A change whose audit entry was swallowed, by a rule or another trigger on the entries, does not happen either."""

from django.db import migrations

# As in 0001, but for what follows the INSERT.
CAPTURE = """
CREATE OR REPLACE FUNCTION audit_capture() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
  IF NOT FOUND THEN
    RAISE EXCEPTION '% on % is refused: its audit entry was not written', TG_OP, TG_ARGV[0]
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  RETURN NULL;
END
$function$;
"""


class Migration(migrations.Migration):
    dependencies = [("kernel", "0002_idempotent_requests")]
    operations = [migrations.RunSQL(CAPTURE, migrations.RunSQL.noop)]
