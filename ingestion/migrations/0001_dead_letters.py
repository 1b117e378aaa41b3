"""What could not become a log."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import incident_center.kernel.constraints
import incident_center.kernel.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organizations", "0002_lookups"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeadLetter",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.CharField(choices=[("entry", "entry"), ("body", "body")], max_length=10)),
                ("reason", models.TextField()),
                ("content", models.BinaryField()),
                ("content_type", models.CharField(blank=True, default="", max_length=200)),
                ("content_encoding", models.CharField(blank=True, default="", max_length=40)),
                ("size", models.PositiveIntegerField()),
                ("digest", models.BinaryField(max_length=16)),
                ("occurrences", models.PositiveIntegerField(default=1)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("replayed_at", models.DateTimeField(null=True)),
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
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.service",
                    ),
                ),
            ],
            options={
                "constraints": [
                    incident_center.kernel.constraints.RowLevelSecurity(
                        field="organization",
                        name="dead_letter_wall",
                        privileges="SELECT, INSERT, UPDATE, DELETE",
                    ),
                    models.UniqueConstraint(fields=("organization", "id"), name="dead_letter_organization_key"),
                    incident_center.kernel.constraints.SameOrganization(field="service", name="dead_letter_service"),
                    models.UniqueConstraint(
                        fields=("organization", "service", "digest"),
                        name="dead_letter_once",
                        nulls_distinct=False,
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deadletter",
            trigger=pgtrigger.compiler.Trigger(
                name="audit",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="audit_capture('ingestion_deadletter', 'organization_id', 'id', 'occurrences,last_seen_at', 'content,digest')",
                    func="RETURN NULL;",
                    hash="4cf9b69ed46125e66f5ad659c24166776dbebd99",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_audit_06937",
                    table="ingestion_deadletter",
                    when="AFTER",
                ),
            ),
        ),
    ]
