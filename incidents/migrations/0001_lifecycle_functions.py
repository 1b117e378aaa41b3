"""The functions behind the triggers on incidents; they stand before the table."""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION incident_guard_lifecycle() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $function$
DECLARE
  allowed text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    allowed := ARRAY['open'];
  ELSIF NEW.status = OLD.status THEN
    RETURN NEW;
  ELSE
    allowed := CASE OLD.status
      WHEN 'open' THEN ARRAY['investigating', 'mitigated', 'resolved']
      WHEN 'investigating' THEN ARRAY['mitigated', 'resolved']
      WHEN 'mitigated' THEN ARRAY['resolved', 'investigating']
      WHEN 'resolved' THEN ARRAY['investigating']
    END;
  END IF;
  IF NEW.status = ANY (allowed) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'an incident cannot go from % to %',
      CASE TG_OP WHEN 'INSERT' THEN 'nothing' ELSE OLD.status END, NEW.status
    USING ERRCODE = '23514', CONSTRAINT = 'incident_status_transition', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA,
          HINT = 'allowed: ' || array_to_string(allowed, ', ');
END
$function$;

CREATE FUNCTION incident_guard_identity() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $function$
BEGIN
  IF (NEW.id, NEW.number, NEW.opened_at, NEW.organization_id)
     IS NOT DISTINCT FROM (OLD.id, OLD.number, OLD.opened_at, OLD.organization_id) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'number, opening time and organization of an incident never change'
    USING ERRCODE = '23514', CONSTRAINT = 'incident_identity', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
END
$function$;
"""

DROP = """
DROP FUNCTION incident_guard_identity();
DROP FUNCTION incident_guard_lifecycle();
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("kernel", "0001_audit_functions")]
    operations = [migrations.RunSQL(FUNCTIONS, DROP)]
