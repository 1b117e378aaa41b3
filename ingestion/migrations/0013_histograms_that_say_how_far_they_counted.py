"""Histograms over text, trace or metadata count from the newest logs back, for two seconds; then they say how far they came."""

from django.db import migrations

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
    has_filters boolean := cardinality(included) + cardinality(rejected) + jsonb_array_length(metadata) > 0
                           OR trace IS NOT NULL;
    statement text;
    deadline timestamptz := clock_timestamp() + interval '2 seconds';
    span interval;
    piece record;
    counted_from timestamptz;
BEGIN
    IF organization IS NULL THEN
        RETURN;
    END IF;
    IF NOT has_filters AND extract(epoch FROM bucket)::bigint % 60 = 0 AND whole_since < whole_until THEN
        RETURN QUERY SELECT * FROM ingestion_histogram_from_minutes(organization, services, levels, minimum_level,
            since, whole_since, whole_until, until, bucket);
        RETURN;
    END IF;
    statement := 'SELECT date_bin($11, "timestamp", timestamptz ''1970-01-01 00:00:00+00''), level, count(*)'
        || ' FROM log_entry WHERE service_id = ANY ($1) AND'
        || ingestion_log_conditions(cardinality(included), cardinality(rejected), metadata)
        || ' GROUP BY 1, 2 ORDER BY 1, 2';
    FOR piece IN SELECT lower, upper FROM ingestion_log_pieces(organization, since, until, has_filters) ORDER BY upper DESC
    LOOP
        span := '6 hours';
        WHILE piece.lower < piece.upper LOOP
            IF clock_timestamp() > deadline THEN
                -- No level: nothing before this moment was counted.
                RETURN QUERY VALUES (piece.upper, NULL::smallint, 0::bigint);
                RETURN;
            END IF;
            counted_from := greatest(piece.lower, piece.upper - span);
            RETURN QUERY EXECUTE statement USING services, levels, minimum_level, counted_from, piece.upper, included,
                rejected, trace, metadata, organization, bucket;
            piece.upper := counted_from;
            span := span * 2;
        END LOOP;
    END LOOP;
END
$function$;
"""


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0012_log_patterns")]

    operations = [migrations.RunSQL(HISTOGRAM, migrations.RunSQL.noop)]
