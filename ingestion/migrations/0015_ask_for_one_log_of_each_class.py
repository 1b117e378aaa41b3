"""Which classes hold an organization's logs is one look into an index for each, not a pass over all its minutes.

LIMIT keeps the planner from turning the question into a join that reads every minute of the organization.
"""

from django.db import migrations

PIECES = """
CREATE OR REPLACE FUNCTION ingestion_log_pieces(organization bigint, since timestamptz, until timestamptz, can_use_index boolean)
RETURNS TABLE (lower timestamptz, upper timestamptz, is_indexed boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $function$
    WITH classes AS MATERIALIZED (
        SELECT class FROM unnest('{7,30,90,400}'::smallint[]) AS class CROSS JOIN LATERAL (
               SELECT FROM log_minute WHERE organization_id = organization AND retention_days = class LIMIT 1) AS one_minute
    ), blocks AS (
        SELECT retention_days, greatest(starts_at, since) AS starts_at, least(ends_at, until) AS ends_at
          FROM log_index_block
         WHERE can_use_index AND starts_at < until AND ends_at > since AND retention_days IN (SELECT class FROM classes)
    ), edges AS (
        SELECT since AS edge UNION SELECT until UNION SELECT starts_at FROM blocks UNION SELECT ends_at FROM blocks
    ), pieces AS (
        SELECT edge AS lower, lead(edge) OVER (ORDER BY edge) AS upper FROM edges
    )
    SELECT lower, upper, EXISTS (SELECT FROM classes) AND NOT EXISTS (
               SELECT FROM classes WHERE NOT EXISTS (
                   SELECT FROM blocks WHERE retention_days = class AND starts_at <= lower AND ends_at >= upper))
      FROM pieces WHERE upper IS NOT NULL
$function$;
"""


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0014_find_an_organization_for_a_file")]

    operations = [migrations.RunSQL(PIECES, migrations.RunSQL.noop)]
