"""A search asks an index for the rarest part of what it looks for, and reads fewer logs before it does."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FUNCTIONS = r"""
-- The part of the words that an index is asked for alone, as a pattern; NULL: it is asked for all of them.
--
-- An index by trigrams intersects the logs of every trigram of "user-4711", and half of all logs have those of "user":
-- reading these lists takes ten times what fetching the few with "4711" does. So the longest run of letters and digits
-- that has a digit is looked up alone, where no more than one in a thousand of the newest logs has it.
CREATE FUNCTION ingestion_rare_part(organization bigint, services bigint[], words text[], since timestamptz,
    until timestamptz) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
    asked_logs CONSTANT integer := 2000;
    part text;
    is_rare boolean;
BEGIN
    SELECT run INTO part
      FROM unnest(words) AS word CROSS JOIN LATERAL regexp_split_to_table(word, '[^[:alnum:]]+') AS run
     WHERE length(run) >= 4 AND run ~ '[0-9]' AND (length(run) < length(word) OR cardinality(words) > 1)
     ORDER BY length(run) DESC LIMIT 1;
    IF part IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT count(*) FILTER (WHERE entry.message ILIKE '%' || part || '%') * 1000 <= count(*) INTO is_rare
      FROM unnest(services) AS service (id) CROSS JOIN LATERAL (
           SELECT log.message FROM log_entry AS log
            WHERE log.organization_id = organization AND log.service_id = service.id
              AND log."timestamp" >= since AND log."timestamp" < until
            ORDER BY log."timestamp" DESC LIMIT 1 + asked_logs / cardinality(services)) AS entry;
    RETURN CASE WHEN is_rare THEN '%' || part || '%' END;
END
$function$;

-- How a search reads one piece of its range: by service along the key, or along the text, metadata and trace indexes.
CREATE OR REPLACE FUNCTION ingestion_search_windows(organization bigint, services bigint[], only_errors boolean,
    since timestamptz, until timestamptz, is_indexed boolean, is_sampled boolean, newest_first boolean)
RETURNS TABLE (lower timestamptz, upper timestamptz, by_index boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
    -- What is read first, whatever it is, up to twice as many: a page of anything common is in there, and it takes some
    -- milliseconds.
    sample_rows CONSTANT bigint := 6000;
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
            IF (edge_from, edge_until) = (since, until) THEN
                RETURN;
            END IF;
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
    along_key text;
    -- Part of a word that is looked for, and looked up alone where it is rare; see ingestion_rare_part.
    key text;
    is_key_known boolean := false;
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
    -- "|| ''" keeps it from the index by what is only compared.
    along_key := replace(replace(along_index, ' message ILIKE ($6)', ' (message || '''') ILIKE ($6)'),
                         ' ORDER BY ', ' AND message ILIKE $15 ORDER BY ');
    FOR piece IN SELECT * FROM ingestion_log_pieces(organization, since, until, can_use_index)
                  ORDER BY (CASE WHEN newest_first THEN upper END) DESC, lower
    LOOP
        FOR reading IN SELECT * FROM ingestion_search_windows(organization, services, only_errors, piece.lower,
                                                              piece.upper, piece.is_indexed, is_sampled, newest_first)
        LOOP
            EXIT WHEN remaining <= 0;
            IF reading.by_index AND NOT is_key_known THEN
                key := ingestion_rare_part(organization, services, words, reading.lower, reading.upper);
                is_key_known := true;
            END IF;
            PERFORM set_config('enable_bitmapscan', CASE WHEN reading.by_index THEN 'on' ELSE 'off' END, true);
            RETURN QUERY EXECUTE CASE WHEN NOT reading.by_index THEN by_service
                                      WHEN key IS NULL THEN along_index ELSE along_key END
                USING services, levels, minimum_level, reading.lower, reading.upper, included, rejected, trace,
                metadata, organization, position_timestamp, position_service, position_hash, remaining, key;
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


def close(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(
        "REVOKE ALL ON FUNCTION ingestion_rare_part(bigint, bigint[], text[], timestamptz, timestamptz) FROM PUBLIC"
    )


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0016_dead_letters_remember_the_protocol")]

    operations = [
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunPython(close, migrations.RunPython.noop),
    ]
