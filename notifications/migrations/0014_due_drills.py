"""What the sweep asks over all organizations: which have a drill that is due, and nothing else."""

from django.conf import settings
from django.db import migrations

FUNCTION = """
CREATE FUNCTION due_drills(moment timestamptz, most int)
RETURNS TABLE (organization_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT channel.organization_id FROM notifications_channel AS channel
   WHERE channel.next_drill_at <= moment AND channel.enabled AND channel.removed_at IS NULL
  UNION
  SELECT contact.organization_id FROM notifications_contact AS contact
   WHERE contact.next_drill_at <= moment AND contact.removed_at IS NULL AND contact.verified_at IS NOT NULL
     AND EXISTS (SELECT FROM organizations_membership AS membership
                  WHERE membership.organization_id = contact.organization_id
                    AND membership.user_id = contact.user_id AND membership.is_active)
  UNION
  SELECT drill.organization_id FROM notifications_drill AS drill
   WHERE drill.finished_at IS NULL AND drill.next_look_at <= moment
  LIMIT most
$function$;
"""
SIGNATURE = "due_drills(timestamptz, int)"


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(FUNCTION, params=None)
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC", params=None)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {runtime}", params=None)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP FUNCTION {SIGNATURE}", params=None)


class Migration(migrations.Migration):
    dependencies = [("notifications", "0013_page_drills")]
    operations = [migrations.RunPython(create, drop)]
