"""Log search that knows which stretches of time have text, metadata and trace indexes, and reads the others by service.

The indexes are built behind the stream (``ingestion/logstore/postgresql/indexing.py``): one set on each closed day, and on
the present day partial ones over finished quarters, hours and six hours. ``log_index_block`` says which there are.

The planner cannot know how rare a word is: it guesses from the pattern's length. So the function decides. It first
reads the newest few thousand logs of the range in their order, which finds a page of anything common; what that
does not find is rare, and looked up in the index where there is one. Two settings, local to the function, hold the
planner to the decision.
"""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SEARCH = (
    "bigint[], smallint[], smallint, timestamptz, timestamptz, text[], text[], text, jsonb, boolean, timestamptz,"
    " bigint, bigint, integer"
)

BLOCKS = """
-- The owner's alone: stretches of time of one class whose logs are indexed by text, metadata and trace.
CREATE TABLE log_index_block (
    retention_days smallint NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (retention_days, starts_at, ends_at)
);
"""

FUNCTIONS = r"""
-- How many logs a reading by service would pass in [since, until). Those of the last second are missing: an estimate.
CREATE FUNCTION ingestion_rows_between(organization bigint, services bigint[], only_errors boolean,
    since timestamptz, until timestamptz) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $function$
    SELECT coalesce(sum(CASE WHEN only_errors THEN error + fatal ELSE debug + info + warn + error + fatal END), 0)::bigint
      FROM log_minute
     WHERE organization_id = organization AND service_id = ANY (services)
       AND minute >= date_trunc('minute', since, 'UTC') AND minute < until
$function$;

-- The range cut where blocks begin and end; a piece is indexed when it is in each class that holds the organization's logs.
CREATE FUNCTION ingestion_log_pieces(organization bigint, since timestamptz, until timestamptz, can_use_index boolean)
RETURNS TABLE (lower timestamptz, upper timestamptz, is_indexed boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $function$
    WITH classes AS (
        SELECT class FROM unnest('{7,30,90,400}'::smallint[]) AS class
         WHERE EXISTS (SELECT FROM log_minute WHERE organization_id = organization AND retention_days = class)
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

-- How a search reads one piece of its range: by service along the key, or along the text, metadata and trace indexes.
CREATE FUNCTION ingestion_search_windows(organization bigint, services bigint[], only_errors boolean,
    since timestamptz, until timestamptz, is_indexed boolean, is_sampled boolean, newest_first boolean)
RETURNS TABLE (lower timestamptz, upper timestamptz, by_index boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
    -- What is read first, whatever it is: a page of anything common is in there, and it takes some ten milliseconds.
    sample_rows CONSTANT bigint := 10000;
    -- Where others' logs are left out, theirs may be full of a word that is rare here: reading by service costs no more
    -- than this, whatever the word.
    few_rows CONSTANT bigint := CASE WHEN only_errors OR cardinality(services) <
        (SELECT count(*) FROM organizations_service WHERE organization_id = organization) THEN 50000 ELSE 1000 END;
    span interval := '1 minute';
    edge_from timestamptz := since;
    edge_until timestamptz := until;
BEGIN
    IF is_indexed AND ingestion_rows_between(organization, services, only_errors, since, until) > few_rows THEN
        IF NOT is_sampled THEN
            LOOP
                IF newest_first THEN
                    edge_from := greatest(since, until - span);
                ELSE
                    edge_until := least(until, since + span);
                END IF;
                EXIT WHEN (edge_from, edge_until) = (since, until) OR sample_rows <=
                    ingestion_rows_between(organization, services, only_errors, edge_from, edge_until);
                span := span * 2;
            END LOOP;
            RETURN QUERY VALUES (edge_from, edge_until, false);
        END IF;
        IF newest_first THEN
            RETURN QUERY VALUES (since, CASE WHEN is_sampled THEN until ELSE edge_from END, true);
        ELSE
            RETURN QUERY VALUES (CASE WHEN is_sampled THEN since ELSE edge_until END, until, true);
        END IF;
        RETURN;
    END IF;
    -- Widened step by step, so that a full page of recent logs never touches, nor even plans, last month's partitions.
    span := '6 hours';
    WHILE since < until LOOP
        IF newest_first THEN
            RETURN QUERY VALUES (greatest(since, until - span), until, false);
            until := greatest(since, until - span);
        ELSE
            RETURN QUERY VALUES (since, least(until, since + span), false);
            since := least(until, since + span);
        END IF;
        span := span * 4;
    END LOOP;
END
$function$;

-- The matches next to a position (or to the end of the range), newest first or oldest first, at most row_limit.
CREATE OR REPLACE FUNCTION ingestion_search_logs(services bigint[], levels smallint[], minimum_level smallint,
    since timestamptz, until timestamptz, words text[], excluded text[], trace text, metadata jsonb,
    newest_first boolean, position_timestamp timestamptz, position_service bigint, position_hash bigint,
    row_limit integer) RETURNS SETOF log_entry
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_bitmapscan = off SET enable_seqscan = off AS $function$
#variable_conflict use_variable
DECLARE
    organization bigint := NULLIF(current_setting('app.organization_id', true), '')::bigint;
    included text[] := ingestion_like_patterns(words);
    rejected text[] := ingestion_like_patterns(excluded);
    conditions text := ingestion_log_conditions(cardinality(included), cardinality(rejected), metadata);
    direction text := CASE WHEN newest_first THEN 'DESC' ELSE 'ASC' END;
    -- A trigram index helps where a word has three letters or digits in a row.
    can_use_index boolean := trace IS NOT NULL OR jsonb_array_length(metadata) > 0
        OR EXISTS (SELECT FROM unnest(words) AS word WHERE word ~ '[[:alnum:]]{3}');
    only_errors boolean := coalesce(minimum_level >= 40, false) OR (cardinality(levels) > 0 AND 40 <= ALL (levels));
    by_service text;
    along_index text;
    remaining integer := least(row_limit, 10001);
    found_rows integer;
    is_sampled boolean := trace IS NOT NULL;
    piece record;
    reading record;
BEGIN
    IF organization IS NULL THEN
        RETURN;
    END IF;
    IF position_timestamp IS NOT NULL THEN
        conditions := conditions || format(' AND ("timestamp", service_id, hash) %s ($11, $12, $13)',
                                           CASE WHEN newest_first THEN '<' ELSE '>' END);
        IF newest_first THEN
            until := least(until, position_timestamp + interval '1 microsecond');
        ELSE
            since := greatest(since, position_timestamp);
        END IF;
    END IF;
    IF since >= until THEN
        RETURN;
    END IF;
    -- Each service along its own index, which is in the order wanted, so that each stops early.
    by_service := 'SELECT entry.* FROM unnest($1) AS service (id) CROSS JOIN LATERAL ('
        || 'SELECT * FROM log_entry WHERE service_id = service.id AND' || conditions
        || format(' ORDER BY "timestamp" %1$s, hash %1$s LIMIT $14) AS entry', direction)
        || format(' ORDER BY entry."timestamp" %1$s, entry.service_id %1$s, entry.hash %1$s LIMIT $14', direction);
    -- "+ 0" keeps the planner from the index by service.
    along_index := 'SELECT * FROM log_entry WHERE service_id + 0 = ANY ($1) AND' || conditions
        || format(' ORDER BY "timestamp" %1$s, service_id %1$s, hash %1$s LIMIT $14', direction);
    FOR piece IN SELECT * FROM ingestion_log_pieces(organization, since, until, can_use_index)
                  ORDER BY (CASE WHEN newest_first THEN upper END) DESC, lower
    LOOP
        FOR reading IN SELECT * FROM ingestion_search_windows(organization, services, only_errors, piece.lower,
                                                              piece.upper, piece.is_indexed, is_sampled, newest_first)
        LOOP
            EXIT WHEN remaining <= 0;
            PERFORM set_config('enable_bitmapscan', CASE WHEN reading.by_index THEN 'on' ELSE 'off' END, true);
            RETURN QUERY EXECUTE CASE WHEN reading.by_index THEN along_index ELSE by_service END
                USING services, levels, minimum_level, reading.lower, reading.upper, included, rejected, trace,
                metadata, organization, position_timestamp, position_service, position_hash, remaining;
            GET DIAGNOSTICS found_rows = ROW_COUNT;
            remaining := remaining - found_rows;
            is_sampled := is_sampled OR reading.by_index;
        END LOOP;
        EXIT WHEN remaining <= 0;
        is_sampled := is_sampled OR 10000 <=
            ingestion_rows_between(organization, services, only_errors, piece.lower, piece.upper);
    END LOOP;
END
$function$;
"""

INTERNAL = (
    "ingestion_rows_between(bigint, bigint[], boolean, timestamptz, timestamptz)",
    "ingestion_log_pieces(bigint, timestamptz, timestamptz, boolean)",
    "ingestion_search_windows(bigint, bigint[], boolean, timestamptz, timestamptz, boolean, boolean, boolean)",
)


def close(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for name in INTERNAL:
        schema_editor.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(f"GRANT EXECUTE ON FUNCTION ingestion_search_logs({SEARCH}) TO {runtime}")


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0008_saved_searches_columns_and_exports")]

    operations = [
        migrations.RunSQL(BLOCKS, "DROP TABLE log_index_block"),
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunPython(close, migrations.RunPython.noop),
    ]
