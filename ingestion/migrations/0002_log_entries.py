"""The table of all logs: a list of retention classes, each a range of UTC days."""

import django.contrib.postgres.indexes
import django.db.models
from django.db import migrations, models

import incident_center.kernel.constraints

RETENTION_CLASSES = (7, 30, 90, 400)

CREATE = """
CREATE TABLE log_entry (
    organization_id bigint NOT NULL,
    service_id bigint NOT NULL,
    "timestamp" timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    hash bigint NOT NULL,
    retention_days smallint NOT NULL,
    level smallint NOT NULL,
    message text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    trace_id text,
    PRIMARY KEY (service_id, "timestamp", hash, retention_days)
) PARTITION BY LIST (retention_days);
""" + "".join(
    f'CREATE TABLE log_entry_{days} PARTITION OF log_entry FOR VALUES IN ({days}) PARTITION BY RANGE ("timestamp");\n'
    for days in RETENTION_CLASSES
)


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0001_dead_letters")]

    operations = [
        migrations.SeparateDatabaseAndState(
            # Django cannot declare partitions; all that comes after the table is declared in the model again.
            database_operations=[migrations.RunSQL(CREATE, "DROP TABLE log_entry")],
            state_operations=[
                migrations.CreateModel(
                    name="LogEntry",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "service_id",
                                "timestamp",
                                "hash",
                                "retention_days",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("organization_id", models.BigIntegerField()),
                        ("service_id", models.BigIntegerField()),
                        ("retention_days", models.SmallIntegerField()),
                        ("timestamp", models.DateTimeField()),
                        ("received_at", models.DateTimeField()),
                        (
                            "level",
                            models.SmallIntegerField(
                                choices=[
                                    (10, "DEBUG"),
                                    (20, "INFO"),
                                    (30, "WARN"),
                                    (40, "ERROR"),
                                    (50, "FATAL"),
                                ]
                            ),
                        ),
                        ("message", models.TextField()),
                        ("metadata", models.JSONField(default=dict)),
                        ("trace_id", models.TextField(null=True)),
                        ("hash", models.BigIntegerField()),
                    ],
                    options={"db_table": "log_entry"},
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="logentry",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization_id", name="log_entry_wall", privileges="SELECT, INSERT"
            ),
        ),
        migrations.AddIndex(
            model_name="logentry",
            index=models.Index(
                condition=django.db.models.Q(("level__gte", 40)),
                fields=["service_id", "timestamp", "hash"],
                name="log_entry_errors",
            ),
        ),
        migrations.AddIndex(
            model_name="logentry",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["received_at"], name="log_entry_received"
            ),
        ),
        migrations.AddIndex(
            model_name="logentry",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["trace_id"], name="log_entry_trace", opclasses=["text_bloom_ops"]
            ),
        ),
    ]
