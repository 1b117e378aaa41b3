"""Patterns of messages, their counts, and the functions by which mining finds what is new."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import incident_center.kernel.constraints
import incident_center.kernel.models

FUNCTIONS = """
-- The owner's alone: below it, the logs of all organizations have been mined.
CREATE TABLE log_pattern_horizon (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    cluster text NOT NULL,
    horizon bigint NOT NULL
);
INSERT INTO log_pattern_horizon (cluster, horizon) VALUES ('', 0);

-- Which organizations have logs above the common horizon, beside the horizon to mine them to; with none, that alone.
CREATE FUNCTION ingestion_organizations_to_mine() RETURNS TABLE (organization_id bigint, horizon bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $function$
#variable_conflict use_column
DECLARE
    known log_pattern_horizon;
    next_horizon bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
BEGIN
    SELECT * INTO known FROM log_pattern_horizon;
    IF known.cluster <> ingestion_this_cluster() THEN
        RETURN QUERY SELECT id, next_horizon FROM organizations_organization;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE
        'SELECT DISTINCT organization_id, $2 FROM log_entry WHERE transaction_id >= $1 AND transaction_id < $2'
        USING known.horizon, next_horizon;
    IF NOT FOUND THEN
        RETURN QUERY SELECT NULL::bigint, next_horizon;
    END IF;
END
$function$;

CREATE FUNCTION ingestion_mined_until(reached bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
    UPDATE log_pattern_horizon
       SET horizon = CASE WHEN cluster = ingestion_this_cluster() THEN greatest(horizon, reached) ELSE reached END,
           cluster = ingestion_this_cluster()
$function$;
"""
DROP = """
DROP FUNCTION ingestion_mined_until(bigint);
DROP FUNCTION ingestion_organizations_to_mine();
DROP TABLE log_pattern_horizon;
"""
FOR_RUNTIME = ("ingestion_organizations_to_mine()", "ingestion_mined_until(bigint)", "ingestion_this_cluster()")


def grant(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    runtime = schema_editor.quote_name(settings.RUNTIME_ROLE)
    for name in FOR_RUNTIME:
        schema_editor.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {runtime}")


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0011_restored_days"),
        ("organizations", "0003_installation_overview"),
    ]

    operations = [
        migrations.CreateModel(
            name="LogPatternMinute",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "pattern_id", "minute", "level", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("organization_id", models.BigIntegerField()),
                ("pattern_id", models.UUIDField()),
                ("minute", models.DateTimeField()),
                (
                    "level",
                    models.SmallIntegerField(
                        choices=[(10, "DEBUG"), (20, "INFO"), (30, "WARN"), (40, "ERROR"), (50, "FATAL")]
                    ),
                ),
                ("count", models.BigIntegerField(default=0)),
            ],
            options={
                "db_table": "log_pattern_minute",
                "indexes": [models.Index(fields=["minute"], name="log_pattern_minute_age")],
                "constraints": [
                    incident_center.kernel.constraints.RowLevelSecurity(
                        field="organization_id",
                        name="log_pattern_minute_wall",
                        privileges="SELECT, INSERT, UPDATE, DELETE",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LogPattern",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("template", models.TextField()),
                ("sample", models.TextField()),
                (
                    "level",
                    models.SmallIntegerField(
                        choices=[(10, "DEBUG"), (20, "INFO"), (30, "WARN"), (40, "ERROR"), (50, "FATAL")]
                    ),
                ),
                ("count", models.BigIntegerField(default=0)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                (
                    "organization",
                    incident_center.kernel.models.OrganizationKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.service",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "-last_seen_at", "-id"], name="log_pattern_newest")],
                "constraints": [
                    incident_center.kernel.constraints.RowLevelSecurity(
                        field="organization", name="log_pattern_wall", privileges="SELECT, INSERT, UPDATE, DELETE"
                    ),
                    models.UniqueConstraint(fields=("organization", "id"), name="log_pattern_organization_key"),
                    incident_center.kernel.constraints.SameOrganization(field="service", name="log_pattern_service"),
                ],
            },
        ),
        migrations.CreateModel(
            name="PatternProgress",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("horizon", models.BigIntegerField(default=0)),
                ("cluster", models.TextField(default="")),
                ("mined_at", models.DateTimeField(null=True)),
                ("chunks", models.BigIntegerField(default=0)),
                (
                    "organization",
                    incident_center.kernel.models.OrganizationKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    incident_center.kernel.constraints.RowLevelSecurity(
                        field="organization", name="pattern_progress_wall", privileges="SELECT, INSERT, UPDATE, DELETE"
                    ),
                    models.UniqueConstraint(fields=("organization", "id"), name="pattern_progress_organization_key"),
                    models.UniqueConstraint(fields=("organization",), name="pattern_progress_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ServiceRelease",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.CharField(max_length=200)),
                ("first_seen_at", models.DateTimeField()),
                (
                    "organization",
                    incident_center.kernel.models.OrganizationKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.service",
                    ),
                ),
            ],
            options={
                "constraints": [
                    incident_center.kernel.constraints.RowLevelSecurity(
                        field="organization", name="service_release_wall", privileges="SELECT, INSERT, UPDATE, DELETE"
                    ),
                    models.UniqueConstraint(fields=("organization", "id"), name="service_release_organization_key"),
                    incident_center.kernel.constraints.SameOrganization(
                        field="service", name="service_release_service"
                    ),
                    models.UniqueConstraint(fields=("organization", "service", "version"), name="service_release_once"),
                ],
            },
        ),
        migrations.RunSQL(FUNCTIONS, DROP),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
