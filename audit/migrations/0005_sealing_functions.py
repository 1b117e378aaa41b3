"""Sealing, in the database: it computes and writes a seal itself, so that the runtime role has no say in what a seal
vouches for. ``audit.verification`` computes the same anew, in Python, and docs/audit.md gives the formats.
"""

from django.conf import settings
from django.db import migrations

# Which triggers and functions write and keep the record, as PostgreSQL itself numbers every change of theirs: made
# anew, or switched off and on again, they are others. Each seal says which they were, and ``audit_guard`` why they
# changed. The same query is in ``audit.guard``.
GUARD = """
CREATE FUNCTION audit_guard_fingerprint() RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT sha256(convert_to(string_agg(part, E'\\n' ORDER BY part), 'UTF8'))
    FROM (SELECT concat_ws(' ', 'trigger', class.relname, entry.tgname, entry.oid, entry.xmin, entry.tgenabled) AS part
            FROM pg_trigger AS entry JOIN pg_class AS class ON class.oid = entry.tgrelid
            JOIN pg_proc AS called ON called.oid = entry.tgfoid
           WHERE NOT entry.tgisinternal AND entry.tgparentid = 0
             AND called.pronamespace = 'public'::regnamespace
             AND called.proname IN ('audit_capture', 'refuse_change')
          UNION ALL
          SELECT concat_ws(' ', 'function', proname, oid, xmin) FROM pg_proc
           WHERE pronamespace = 'public'::regnamespace
             AND proname IN ('audit_capture', 'refuse_change', 'audit_seal', 'audit_guard_fingerprint')) AS parts
$function$;

CREATE TABLE audit_guard (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- NULL: a migration begins, after which the guard may be any until it ends.
  fingerprint bytea,
  reason text NOT NULL
);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON audit_guard
  FOR EACH ROW EXECUTE FUNCTION audit_capture('audit_guard', '', 'id', '', '');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_guard
  FOR EACH ROW EXECUTE FUNCTION refuse_change('audit_guard');

-- Runs as whoever changed the guard, who owns it. Says nothing where nothing changed.
CREATE FUNCTION audit_guard_record(reason text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $function$
  INSERT INTO audit_guard (fingerprint, reason)
  SELECT present, $1 FROM audit_guard_fingerprint() AS present
   WHERE present IS DISTINCT FROM (SELECT fingerprint FROM audit_guard ORDER BY at DESC LIMIT 1)
$function$;
REVOKE ALL ON FUNCTION audit_guard_record(text) FROM PUBLIC;

-- What verification asks: the reason of a change that was recorded.
CREATE FUNCTION audit_guard_reason(found bytea, at timestamptz) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT coalesce(
    (SELECT reason FROM audit_guard WHERE fingerprint = $1 ORDER BY at LIMIT 1),
    (SELECT reason FROM (SELECT fingerprint, reason FROM audit_guard AS guard WHERE guard.at <= $2
                          ORDER BY guard.at DESC LIMIT 1) AS last WHERE last.fingerprint IS NULL))
$function$;
"""

# One seal, over at most so many entries (a transaction of more is one seal all the same); NULL: nothing to seal.
SEAL = """
CREATE FUNCTION audit_seal(organization bigint, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
  whose text := CASE WHEN organization IS NULL THEN 'organization_id IS NULL'
                     ELSE format('organization_id = %s', organization) END;
  present audit_epoch;
  earlier audit_seal;
  made audit_seal;
  open_from bigint;
  first_epoch integer;
  first_transaction bigint;
  beyond bigint;
  nodes bytea[];
  node bytea;
  size bigint;
BEGIN
  -- One at a time, until commit: so seals become visible in the order of their ids, and publishing misses none.
  PERFORM pg_advisory_xact_lock(7301964004);
  SELECT * INTO STRICT present FROM audit_epoch ORDER BY epoch DESC LIMIT 1;
  IF present.system_identifier <> (SELECT system_identifier FROM pg_control_system()) THEN
    RAISE EXCEPTION 'this record comes from another database cluster: run migrate, which begins its next epoch'
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  -- No transaction before this one is still running: none of their entries can appear any more.
  open_from := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  EXECUTE format('SELECT * FROM audit_seal WHERE %s ORDER BY number DESC LIMIT 1', whose) INTO earlier;
  EXECUTE format('SELECT epoch, transaction_id FROM audit_entry WHERE %s AND (epoch, transaction_id) >= ($1, $2)
                   ORDER BY epoch, transaction_id, position LIMIT 1', whose)
    INTO first_epoch, first_transaction
   USING coalesce(earlier.epoch, 0), coalesce(earlier.until_transaction, 0);
  IF first_epoch IS NULL OR (first_epoch = present.epoch AND first_transaction >= open_from) THEN
    RETURN NULL;
  END IF;
  made.organization_id := organization;
  made.number := coalesce(earlier.number, 0) + 1;
  made.epoch := first_epoch;
  made.from_transaction := CASE WHEN earlier.epoch = first_epoch THEN earlier.until_transaction ELSE 0 END;
  -- An epoch that is over is sealed to its end.
  made.until_transaction := CASE WHEN first_epoch = present.epoch THEN open_from ELSE 9223372036854775807 END;
  EXECUTE format('SELECT transaction_id FROM audit_entry
                   WHERE %s AND epoch = $1 AND transaction_id >= $2 AND transaction_id < $3
                   ORDER BY transaction_id, position OFFSET $4 LIMIT 1', whose)
    INTO beyond USING made.epoch, first_transaction, made.until_transaction, most;
  IF beyond IS NOT NULL THEN
    made.until_transaction := CASE WHEN beyond > first_transaction THEN beyond ELSE beyond + 1 END;
  END IF;
  EXECUTE format($query$
    SELECT array_agg(leaf ORDER BY transaction_id, position),
           string_agg(uuid_send(id) || substring(leaf FOR 16), ''::bytea ORDER BY transaction_id, position)
      FROM (SELECT id, transaction_id, position,
                   sha256('\\x00'::bytea || convert_to(row_to_json(line)::text, 'UTF8')) AS leaf
              FROM (SELECT id, organization_id, epoch, transaction_id, position,
                           to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
                           actor, table_name, operation, object_id, before, after
                      FROM audit_entry
                     WHERE %s AND epoch = $1 AND transaction_id >= $2 AND transaction_id < $3) AS line) AS leaves
    $query$, whose)
    INTO nodes, made.contents USING made.epoch, made.from_transaction, made.until_transaction;
  made.entries := cardinality(nodes);
  made.total := coalesce(earlier.total, 0) + made.entries;
  -- Level by level, an odd last node moving up unchanged: the tree of RFC 6962.
  WHILE cardinality(nodes) > 1 LOOP
    SELECT array_agg(coalesce(sha256('\\x01'::bytea || one || other), one) ORDER BY place) INTO nodes
      FROM (SELECT one, lead(one) OVER (ORDER BY place) AS other, place
              FROM unnest(nodes) WITH ORDINALITY AS level (one, place)) AS pair
     WHERE place % 2 = 1;
  END LOOP;
  made.root := nodes[1];
  -- The root of the tree of all earlier seals, from its complete subtrees, the smallest last.
  made.frontier := coalesce(earlier.frontier, ''::bytea);
  made.history := sha256(''::bytea);
  FOR place IN REVERSE length(made.frontier) / 32 - 1 .. 0 LOOP
    node := substring(made.frontier FROM place * 32 + 1 FOR 32);
    made.history := CASE WHEN place = length(made.frontier) / 32 - 1 THEN node
                         ELSE sha256('\\x01'::bytea || node || made.history) END;
  END LOOP;
  made.previous := coalesce(earlier.hash, decode(repeat('00', 32), 'hex'));
  made.guard := audit_guard_fingerprint();
  made.sealed_at := date_trunc('second', clock_timestamp());
  SELECT sha256('\\x02'::bytea || convert_to(row_to_json(document)::text, 'UTF8')) INTO made.hash
    FROM (SELECT 'incident-center/audit-seal/1' AS format, made.organization_id, made.number, made.epoch,
                 made.from_transaction, made.until_transaction, made.entries, made.total,
                 encode(made.root, 'hex') AS root, encode(made.history, 'hex') AS history,
                 encode(made.previous, 'hex') AS previous, encode(made.guard, 'hex') AS guard,
                 to_char(made.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS sealed_at) AS document;
  node := made.hash;
  size := made.number;
  WHILE size % 2 = 0 LOOP
    node := sha256('\\x01'::bytea || substring(made.frontier FROM length(made.frontier) - 31) || node);
    made.frontier := substring(made.frontier FOR length(made.frontier) - 32);
    size := size / 2;
  END LOOP;
  made.frontier := made.frontier || node;
  INSERT INTO audit_seal (organization_id, number, epoch, from_transaction, until_transaction, entries, total,
                          root, history, previous, guard, sealed_at, hash, frontier, contents)
  VALUES (made.organization_id, made.number, made.epoch, made.from_transaction, made.until_transaction, made.entries,
          made.total, made.root, made.history, made.previous, made.guard, made.sealed_at, made.hash, made.frontier,
          made.contents);
  RETURN made.number;
END
$function$;
"""

# Whose record has entries after its last seal. Those of transactions that still run are among them.
TO_SEAL = """
CREATE FUNCTION audit_organizations_to_seal() RETURNS TABLE (organization_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT organization.id FROM organizations_organization AS organization
    LEFT JOIN LATERAL (SELECT seal.epoch, seal.until_transaction FROM audit_seal AS seal
                        WHERE seal.organization_id = organization.id ORDER BY seal.number DESC LIMIT 1) AS last ON true
   WHERE EXISTS (SELECT FROM audit_entry AS entry
                  WHERE entry.organization_id = organization.id
                    AND (entry.epoch, entry.transaction_id)
                        >= (coalesce(last.epoch, 0), coalesce(last.until_transaction, 0)))
  UNION ALL
  SELECT NULL
   WHERE EXISTS (SELECT FROM audit_entry AS entry
                   LEFT JOIN (SELECT seal.epoch, seal.until_transaction FROM audit_seal AS seal
                               WHERE seal.organization_id IS NULL ORDER BY seal.number DESC LIMIT 1) AS last ON true
                  WHERE entry.organization_id IS NULL
                    AND (entry.epoch, entry.transaction_id)
                        >= (coalesce(last.epoch, 0), coalesce(last.until_transaction, 0)))
$function$;
"""

# What is published: a seal says nothing of what an entry says.
TO_PUBLISH = """
CREATE FUNCTION audit_seals_after(after bigint, most integer)
RETURNS TABLE (id bigint, organization_id bigint, number bigint, epoch integer, from_transaction bigint,
               until_transaction bigint, entries bigint, total bigint, root bytea, history bytea, previous bytea,
               guard bytea, sealed_at timestamptz, hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT id, organization_id, number, epoch, from_transaction, until_transaction, entries, total, root, history,
         previous, guard, sealed_at, hash
    FROM audit_seal WHERE id > after ORDER BY id LIMIT most
$function$;
"""

VERIFICATIONS = """
CREATE FUNCTION audit_verifications_due() RETURNS TABLE (organization_id bigint, verification_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT organization_id, id FROM audit_verification
   WHERE finished_at IS NULL AND (claimed_until IS NULL OR claimed_until < now()) ORDER BY requested_at LIMIT 10
$function$;
"""

# Whose records there are, for the command that verifies all of them.
RECORDS = """
CREATE FUNCTION audit_records() RETURNS TABLE (organization_id bigint, slug text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
  SELECT id, slug FROM organizations_organization ORDER BY id
$function$;
"""

# As the owner, who alone may alter the table. The lock waits for whoever is writing, so that nobody goes on in the
# former epoch.
BEGIN_EPOCH = """
CREATE FUNCTION audit_begin_epoch(reason text) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
  begun integer;
BEGIN
  INSERT INTO audit_epoch (epoch, system_identifier, reason)
  SELECT max(epoch) + 1, (SELECT system_identifier FROM pg_control_system()), $1 FROM audit_epoch
  RETURNING epoch INTO begun;
  EXECUTE format('ALTER TABLE audit_entry ALTER COLUMN epoch SET DEFAULT %s', begun);
  RETURN begun;
END
$function$;
REVOKE ALL ON FUNCTION audit_begin_epoch(text) FROM PUBLIC;
"""

FUNCTIONS = {
    "audit_guard_fingerprint()": None,
    "audit_guard_reason(bytea, timestamptz)": None,
    "audit_seal(bigint, integer)": SEAL,
    "audit_organizations_to_seal()": TO_SEAL,
    "audit_seals_after(bigint, integer)": TO_PUBLISH,
    "audit_verifications_due()": VERIFICATIONS,
    "audit_records()": RECORDS,
}


def create(apps, schema_editor):
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    schema_editor.execute(GUARD, params=None)
    for signature, body in FUNCTIONS.items():
        if body is not None:
            schema_editor.execute(body, params=None)
        schema_editor.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC", params=None)
        schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {runtime}", params=None)
    schema_editor.execute(BEGIN_EPOCH, params=None)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE audit_guard", params=None)
    for signature in (*FUNCTIONS, "audit_begin_epoch(text)", "audit_guard_record(text)"):
        schema_editor.execute(f"DROP FUNCTION {signature}", params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_seals_verifications_and_accesses")]
    operations = [migrations.RunPython(create, drop)]
