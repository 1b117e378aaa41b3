"""What each channel asked for becomes the route of its name."""

from django.db import migrations

ROUTES = """
INSERT INTO notifications_route
       (id, organization_id, name, position, enabled, services, environments, severities, teams, events, targets, stops,
        created_at)
SELECT uuid7_now(), channel.organization_id, channel.name,
       row_number() OVER (PARTITION BY channel.organization_id ORDER BY channel.created_at, channel.id) - 1,
       true,
       CASE WHEN service.public_id IS NULL THEN '{}'::uuid[] ELSE ARRAY[service.public_id] END,
       CASE WHEN channel.environment = '' THEN '{}'::varchar[] ELSE ARRAY[channel.environment] END,
       CASE channel.minimum_severity
            WHEN 'critical' THEN ARRAY['critical'] WHEN 'high' THEN ARRAY['high', 'critical']
            WHEN 'medium' THEN ARRAY['medium', 'high', 'critical'] ELSE '{}'::varchar[] END::varchar(10)[],
       '{}'::uuid[], channel.events,
       jsonb_build_array(jsonb_build_object('type', 'channel', 'id', channel.id::text)), false, now()
  FROM notifications_channel AS channel
  LEFT JOIN organizations_service AS service ON service.id = channel.service_id
 WHERE channel.removed_at IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0007_routes")]
    operations = [migrations.RunSQL(ROUTES, migrations.RunSQL.noop)]
