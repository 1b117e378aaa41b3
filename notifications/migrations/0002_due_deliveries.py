"""The sweep over all organizations: which deliveries are due, and nothing else of them."""

from django.conf import settings
from django.db import migrations

FUNCTION = """
CREATE FUNCTION due_deliveries(most int)
RETURNS TABLE (organization_id bigint, delivery_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  -- A few of each channel, so that one channel's backlog does not stand in the way of all others.
  SELECT due.organization_id, due.id
    FROM (SELECT delivery.organization_id, delivery.id, delivery.next_attempt_at,
                 row_number() OVER (PARTITION BY delivery.channel_id ORDER BY delivery.next_attempt_at) AS place
            FROM notifications_delivery AS delivery
           WHERE delivery.state = 'pending' AND delivery.next_attempt_at <= now()
             AND (delivery.lease_until IS NULL OR delivery.lease_until <= now())
             AND NOT EXISTS (SELECT FROM notifications_delivery AS earlier
                              WHERE earlier.state = 'pending' AND earlier.channel_id = delivery.channel_id
                                AND earlier.incident_id = delivery.incident_id
                                AND earlier.sequence < delivery.sequence)) AS due
   WHERE due.place <= 8
   ORDER BY due.next_attempt_at
   LIMIT most
$function$;
"""
SIGNATURE = "due_deliveries(int)"


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(FUNCTION, params=None)
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC", params=None)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {runtime}", params=None)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP FUNCTION {SIGNATURE}", params=None)


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_inbox_channels_and_outbox")]
    operations = [migrations.RunPython(create, drop)]
