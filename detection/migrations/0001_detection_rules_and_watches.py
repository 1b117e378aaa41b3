import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import incident_center.kernel.constraints
import incident_center.kernel.models
import incidents.lifecycle


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("incidents", "0002_incidents_timeline_and_linked_logs"),
        ("organizations", "0002_lookups"),
    ]

    operations = [
        migrations.CreateModel(
            name="DetectionRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("kind", models.CharField(choices=[("threshold", "Threshold")], default="threshold", max_length=20)),
                ("enabled", models.BooleanField(default=True)),
                ("environment", models.CharField(blank=True, default="", max_length=100)),
                ("match", models.JSONField(default=dict)),
                ("parameters", models.JSONField(default=dict)),
                (
                    "severity",
                    models.CharField(
                        choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")],
                        max_length=10,
                    ),
                ),
                ("group_by", models.CharField(choices=[("service", "Per service")], default="service", max_length=20)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organizations.service",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Watch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("counted_from", models.DateTimeField(null=True)),
                ("counted_after", models.DateTimeField(null=True)),
                ("counted", models.PositiveBigIntegerField(default=0)),
                ("settled_until", models.DateTimeField(null=True)),
                ("settled_count", models.PositiveBigIntegerField(default=0)),
                ("last_breach_at", models.DateTimeField(null=True)),
                ("untold_since", models.DateTimeField(null=True)),
                ("recount_at", models.DateTimeField(null=True)),
                ("due_at", models.DateTimeField(null=True)),
                (
                    "incident",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="incidents.incident",
                    ),
                ),
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
                    "rule",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="detection.detectionrule",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.service",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="detectionrule",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="detection_rule_wall", privileges="SELECT, INSERT, UPDATE, DELETE"
            ),
        ),
        migrations.AddConstraint(
            model_name="detectionrule",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="detection_rule_organization_key"),
        ),
        migrations.AddConstraint(
            model_name="detectionrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "severity__in",
                        [
                            incidents.lifecycle.Severity["CRITICAL"],
                            incidents.lifecycle.Severity["HIGH"],
                            incidents.lifecycle.Severity["MEDIUM"],
                            incidents.lifecycle.Severity["LOW"],
                        ],
                    )
                ),
                name="detection_rule_severity_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="detectionrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["threshold"])), name="detection_rule_kind_known"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="detectionrule",
            trigger=pgtrigger.compiler.Trigger(
                name="audit",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="audit_capture('detection_detectionrule', 'organization_id', 'id', 'updated_at', '')",
                    func="RETURN NULL;",
                    hash="0cceafa5196bc4856de1d72eadea4ab43038ba47",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_audit_4bd7a",
                    table="detection_detectionrule",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="watch",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="detection_watch_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="detection_watch_wall", privileges="SELECT, INSERT, UPDATE, DELETE"
            ),
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="detection_watch_organization_key"),
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=models.UniqueConstraint(fields=("organization", "rule", "service"), name="detection_watch_once"),
        ),
        # Composite references need the unique keys that they point at, so they come last.
        migrations.AddConstraint(
            model_name="detectionrule",
            constraint=incident_center.kernel.constraints.SameOrganization(
                field="service", name="detection_rule_service"
            ),
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=incident_center.kernel.constraints.SameOrganization(field="rule", name="detection_watch_rule"),
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=incident_center.kernel.constraints.SameOrganization(
                field="service", name="detection_watch_service"
            ),
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=incident_center.kernel.constraints.SameOrganization(
                field="incident", name="detection_watch_incident"
            ),
        ),
    ]
