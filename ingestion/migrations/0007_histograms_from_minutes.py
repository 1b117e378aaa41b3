"""The function that follows the stream of logs and counts them by minute, and histograms that add up its counts.

Exactness rests on transaction numbers. A log carries the number of the transaction that stored it; all transactions
below ``pg_snapshot_xmin`` have ended, so a log below it will never appear later. The function counts the logs between
the last such horizon and the present one, each once, however late or out of order they came. What lies at or above
the horizon is counted live by whoever asks, in the same snapshot.
"""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PROGRESS = """
-- The owner's alone. After a restore transaction numbers mean nothing: another cluster, or numbers ahead of the
-- server's, say so, and everything is counted anew.
CREATE TABLE log_minute_progress (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    cluster text NOT NULL,
    horizon bigint NOT NULL,
    received_from timestamptz NOT NULL
);
INSERT INTO log_minute_progress (cluster, horizon, received_from) VALUES ('', 0, '-infinity');
"""

COUNT = """
CREATE FUNCTION ingestion_this_cluster() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
    SELECT format('%s/%s', (SELECT system_identifier FROM pg_control_system()),
                  (SELECT oid FROM pg_database WHERE datname = current_database()))
$function$;

CREATE FUNCTION ingestion_add_minutes(logs text, horizon bigint, next_horizon bigint, received_from timestamptz)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $function$
DECLARE
    added bigint;
BEGIN
    -- EXECUTE: planned for these numbers, so that the block ranges of the newest logs are all that is read.
    EXECUTE '
        WITH fresh AS (
            SELECT organization_id, service_id, date_trunc(''minute'', "timestamp", ''UTC'') AS minute, retention_days,
                   count(*) FILTER (WHERE level < 20) AS debug, count(*) FILTER (WHERE level >= 20 AND level < 30) AS info,
                   count(*) FILTER (WHERE level >= 30 AND level < 40) AS warn,
                   count(*) FILTER (WHERE level >= 40 AND level < 50) AS error, count(*) FILTER (WHERE level >= 50) AS fatal
              FROM log_entry
             WHERE ' || logs || '
             GROUP BY 1, 2, 3, 4
        ), kept AS (
            INSERT INTO log_minute AS known
                   (organization_id, service_id, minute, retention_days, debug, info, warn, error, fatal)
            SELECT organization_id, service_id, minute, retention_days, debug, info, warn, error, fatal
              FROM fresh ORDER BY service_id, minute
            ON CONFLICT (service_id, minute, retention_days) DO UPDATE
               SET debug = known.debug + excluded.debug, info = known.info + excluded.info,
                   warn = known.warn + excluded.warn, error = known.error + excluded.error,
                   fatal = known.fatal + excluded.fatal
        )
        SELECT coalesce(sum(debug + info + warn + error + fatal), 0)::bigint FROM fresh'
        INTO added USING horizon, next_horizon, received_from;
    RETURN added;
END
$function$;

-- Counts what was stored since the last call; returns how many logs that were. A second caller returns at once.
CREATE FUNCTION ingestion_count_logs() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
    progress log_minute_progress;
    next_horizon bigint;
    added bigint;
BEGIN
    SELECT * INTO progress FROM log_minute_progress FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    next_horizon := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    IF progress.cluster <> ingestion_this_cluster() OR progress.horizon > next_horizon THEN
        RETURN ingestion_count_logs_anew(next_horizon, progress.cluster <> '');
    END IF;
    IF next_horizon = progress.horizon THEN
        RETURN 0;
    END IF;
    added := ingestion_add_minutes('transaction_id >= $1 AND transaction_id < $2 AND received_at >= $3',
                                   progress.horizon, next_horizon, progress.received_from);
    UPDATE log_minute_progress SET horizon = next_horizon;
    RETURN added;
END
$function$;

-- On a new installation, after an upgrade and after a restore. The numbers of restored logs may lie above the present
-- ones: the time of their arrival tells them apart, with a quarter of an hour for clocks that differ.
CREATE FUNCTION ingestion_count_logs_anew(next_horizon bigint, was_restored boolean) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
    arrived_from timestamptz := CASE WHEN was_restored THEN now() - interval '15 minutes' ELSE '-infinity' END;
BEGIN
    DELETE FROM log_minute;
    UPDATE log_minute_progress
       SET cluster = ingestion_this_cluster(), horizon = next_horizon, received_from = arrived_from;
    RETURN ingestion_add_minutes('transaction_id < $2 OR received_at < $3', 0, next_horizon, arrived_from);
END
$function$;
"""

HISTOGRAM = r"""
CREATE OR REPLACE FUNCTION ingestion_log_histogram(services bigint[], levels smallint[], minimum_level smallint,
    since timestamptz, until timestamptz, words text[], excluded text[], trace text, metadata jsonb,
    bucket interval) RETURNS TABLE (bucket_start timestamptz, bucket_level smallint, entries bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
#variable_conflict use_variable
DECLARE
    organization bigint := NULLIF(current_setting('app.organization_id', true), '')::bigint;
    included text[] := ingestion_like_patterns(words);
    rejected text[] := ingestion_like_patterns(excluded);
    whole_since timestamptz := date_trunc('minute', since + interval '59.999999 seconds', 'UTC');
    whole_until timestamptz := date_trunc('minute', until, 'UTC');
BEGIN
    IF organization IS NULL THEN
        RETURN;
    END IF;
    IF cardinality(included) + cardinality(rejected) + jsonb_array_length(metadata) = 0 AND trace IS NULL
       AND extract(epoch FROM bucket)::bigint % 60 = 0 AND whole_since < whole_until THEN
        RETURN QUERY SELECT * FROM ingestion_histogram_from_minutes(organization, services, levels, minimum_level,
            since, whole_since, whole_until, until, bucket);
        RETURN;
    END IF;
    RETURN QUERY EXECUTE
        'SELECT date_bin($11, "timestamp", timestamptz ''1970-01-01 00:00:00+00''), level, count(*)'
        || ' FROM log_entry WHERE service_id = ANY ($1) AND'
        || ingestion_log_conditions(cardinality(included), cardinality(rejected), metadata)
        || ' GROUP BY 1, 2 ORDER BY 1, 2'
        USING services, levels, minimum_level, since, until, included, rejected, trace, metadata, organization, bucket;
END
$function$;

-- Whole minutes from log_minute and, above its horizon, from the newest logs; the two broken minutes at the ends of
-- the range from the logs themselves. A caller's one snapshot holds all three together.
CREATE FUNCTION ingestion_histogram_from_minutes(organization bigint, services bigint[], levels smallint[],
    minimum_level smallint, since timestamptz, whole_since timestamptz, whole_until timestamptz, until timestamptz,
    bucket interval) RETURNS TABLE (bucket_start timestamptz, bucket_level smallint, entries bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $function$
#variable_conflict use_variable
DECLARE
    progress log_minute_progress;
BEGIN
    SELECT * INTO progress FROM log_minute_progress;
    RETURN QUERY EXECUTE '
        WITH counted AS (
            SELECT date_bin($9, minute, ''1970-01-01 00:00:00+00'') AS start, sum(debug) AS debug, sum(info) AS info,
                   sum(warn) AS warn, sum(error) AS error, sum(fatal) AS fatal
              FROM log_minute
             WHERE organization_id = $1 AND service_id = ANY ($2) AND minute >= $6 AND minute < $7
             GROUP BY 1
        ), parts AS (
            SELECT start, level, entries FROM counted CROSS JOIN LATERAL (VALUES
                   (10::smallint, debug), (20::smallint, info), (30::smallint, warn), (40::smallint, error),
                   (50::smallint, fatal)) AS by_level (level, entries)
            UNION ALL
            -- "+ 0" keeps the planner from the index by service: the newest logs are found by their block ranges.
            SELECT date_bin($9, "timestamp", ''1970-01-01 00:00:00+00''), level, count(*) FROM log_entry
             WHERE organization_id = $1 AND service_id + 0 = ANY ($2) AND "timestamp" >= $6 AND "timestamp" < $7
               AND transaction_id >= $10 AND received_at >= $11
             GROUP BY 1, 2
            UNION ALL
            SELECT date_bin($9, "timestamp", ''1970-01-01 00:00:00+00''), level, count(*) FROM log_entry
             WHERE organization_id = $1 AND service_id = ANY ($2) AND "timestamp" >= $5 AND "timestamp" < $6
             GROUP BY 1, 2
            UNION ALL
            SELECT date_bin($9, "timestamp", ''1970-01-01 00:00:00+00''), level, count(*) FROM log_entry
             WHERE organization_id = $1 AND service_id = ANY ($2) AND "timestamp" >= $7 AND "timestamp" < $8
             GROUP BY 1, 2
        )
        SELECT start, level, sum(entries)::bigint FROM parts
         WHERE entries > 0 AND ($4 IS NULL OR level >= $4) AND (cardinality($3) = 0 OR level = ANY ($3))
         GROUP BY 1, 2 ORDER BY 1, 2'
        USING organization, services, levels, minimum_level, since, whole_since, whole_until, until, bucket,
              progress.horizon, progress.received_from;
END
$function$;
"""

MINUTES = (
    "ingestion_histogram_from_minutes(bigint, bigint[], smallint[], smallint, timestamptz, timestamptz, timestamptz,"
    " timestamptz, interval)"
)
INTERNAL = (
    "ingestion_this_cluster()",
    "ingestion_add_minutes(text, bigint, bigint, timestamptz)",
    "ingestion_count_logs_anew(bigint, boolean)",
    MINUTES,
)
FOR_RUNTIME = "ingestion_count_logs()"


def grant(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for name in (*INTERNAL, FOR_RUNTIME):
        schema_editor.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {FOR_RUNTIME} TO {runtime}")


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0006_count_logs_by_minute")]

    operations = [
        migrations.RunSQL(PROGRESS, "DROP TABLE log_minute_progress"),
        migrations.RunSQL(COUNT + HISTOGRAM, migrations.RunSQL.noop),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
