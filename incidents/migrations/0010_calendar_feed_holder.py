"""Whose secret a calendar's address holds: read before an organization is known, so through a narrow function."""

from django.conf import settings
from django.db import migrations

FUNCTION = """
CREATE FUNCTION calendar_feed_holder(hash bytea)
RETURNS TABLE (user_id uuid, schedule_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT feed.user_id, feed.schedule_id
    FROM incidents_calendarfeed AS feed
    JOIN organizations_membership AS membership
      ON membership.user_id = feed.user_id AND membership.organization_id = feed.organization_id
   WHERE feed.token_hash = hash AND membership.is_active
$function$;
"""
SIGNATURE = "calendar_feed_holder(bytea)"


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(FUNCTION, params=None)
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC", params=None)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {runtime}", params=None)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP FUNCTION {SIGNATURE}", params=None)


class Migration(migrations.Migration):
    dependencies = [("incidents", "0009_on_call_schedules")]
    operations = [migrations.RunPython(create, drop)]
