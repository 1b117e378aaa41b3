"""The sweep finds pages to people too, which do not wait for one another."""

from django.conf import settings
from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION due_deliveries(most int)
RETURNS TABLE (organization_id bigint, delivery_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  -- A few of each channel and contact, so that one's backlog does not stand in the way of all others.
  SELECT due.organization_id, due.id
    FROM (SELECT delivery.organization_id, delivery.id, delivery.next_attempt_at,
                 row_number() OVER (PARTITION BY coalesce(delivery.channel_id, delivery.contact_id)
                                        ORDER BY delivery.next_attempt_at) AS place
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


def replace(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(FUNCTION, params=None)
    schema_editor.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC", params=None)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {runtime}", params=None)


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_contacts_and_notification_rules")]
    operations = [migrations.RunPython(replace, migrations.RunPython.noop)]
