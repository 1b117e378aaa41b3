import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import incident_center.kernel.constraints
import incident_center.kernel.models
import incidents.lifecycle


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("incidents", "0001_lifecycle_functions"),
        ("organizations", "0002_lookups"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField(editable=False)),
                ("title", models.CharField(max_length=500)),
                ("description", models.TextField(blank=True, default="")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("investigating", "Investigating"),
                            ("mitigated", "Mitigated"),
                            ("resolved", "Resolved"),
                        ],
                        default=incidents.lifecycle.Status["OPEN"],
                        max_length=20,
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")],
                        max_length=10,
                    ),
                ),
                (
                    "priority",
                    models.CharField(choices=[("P1", "P1"), ("P2", "P2"), ("P3", "P3"), ("P4", "P4")], max_length=2),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[("manual", "manual"), ("rule", "rule"), ("alert", "alert")],
                        default=incidents.lifecycle.Source["MANUAL"],
                        max_length=10,
                    ),
                ),
                ("source_id", models.UUIDField(blank=True, null=True)),
                ("dedup_key", models.CharField(blank=True, max_length=255, null=True)),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("acknowledged_at", models.DateTimeField(editable=False, null=True)),
                ("mitigated_at", models.DateTimeField(editable=False, null=True)),
                ("resolved_at", models.DateTimeField(editable=False, null=True)),
                ("withdrawn_at", models.DateTimeField(editable=False, null=True)),
                ("withdrawn_reason", models.TextField(blank=True, default="")),
                ("merged_at", models.DateTimeField(editable=False, null=True)),
                ("first_occurrence_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_occurrence_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("touched_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("version", models.PositiveIntegerField(default=1)),
                ("occurrence_count", models.PositiveIntegerField(default=1)),
                ("log_count", models.PositiveBigIntegerField(default=0)),
                ("event_count", models.PositiveIntegerField(default=0)),
                ("note_count", models.PositiveIntegerField(default=0)),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "assignee",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "merged_into",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="incidents.incident",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
            name="IncidentCounter",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="organizations.organization",
                    ),
                ),
                ("last_number", models.PositiveIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    incident_center.kernel.constraints.RowLevelSecurity(
                        field="organization", name="incident_counter_wall", privileges="SELECT, INSERT, UPDATE"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IncidentLog",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("timestamp", models.DateTimeField()),
                ("hash", models.BigIntegerField()),
                ("retention_days", models.PositiveSmallIntegerField()),
                ("level", models.PositiveSmallIntegerField()),
                ("message", models.TextField()),
                ("metadata", models.JSONField(default=dict)),
                ("trace_id", models.TextField(null=True)),
                (
                    "incident",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
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
                    "service",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organizations.service",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TimelineEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sequence", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("opened", "Opened"),
                            ("acknowledged", "Acknowledged"),
                            ("status_changed", "Status Changed"),
                            ("note", "Note"),
                            ("assigned", "Assigned"),
                            ("severity_changed", "Severity Changed"),
                            ("priority_changed", "Priority Changed"),
                            ("edited", "Edited"),
                            ("recurred", "Recurred"),
                            ("logs_linked", "Logs Linked"),
                            ("merged", "Merged"),
                            ("withdrawn", "Withdrawn"),
                            ("notification_sent", "Notification Sent"),
                            ("notification_failed", "Notification Failed"),
                        ],
                        max_length=30,
                    ),
                ),
                ("actor", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
                ("data", models.JSONField(default=dict)),
                (
                    "incident",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="timeline",
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
            ],
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["organization", "-opened_at", "-id"], name="incident_newest"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["organization", "status", "-opened_at"], name="incident_by_status"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["organization", "service", "-opened_at"], name="incident_by_service"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["organization", "assignee", "-opened_at"], name="incident_by_assignee"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["organization", "opened_by", "-opened_at"], name="incident_by_opener"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["organization", "dedup_key", "-opened_at"], name="incident_by_key"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(
                condition=models.Q(("merged_into", None), _negated=True),
                fields=["organization", "merged_into"],
                name="incident_merged",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="incident_wall", privileges="SELECT, INSERT, UPDATE"
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="incident_organization_key"),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.UniqueConstraint(fields=("organization", "number"), name="incident_number_once"),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    models.Q(("status", incidents.lifecycle.Status["RESOLVED"]), _negated=True),
                    ("withdrawn_at", None),
                    ("merged_into", None),
                ),
                fields=("organization", "dedup_key"),
                name="incident_one_open_problem",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            incidents.lifecycle.Status["OPEN"],
                            incidents.lifecycle.Status["INVESTIGATING"],
                            incidents.lifecycle.Status["MITIGATED"],
                            incidents.lifecycle.Status["RESOLVED"],
                        ],
                    )
                ),
                name="incident_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
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
                name="incident_severity_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "priority__in",
                        [
                            incidents.lifecycle.Priority["P1"],
                            incidents.lifecycle.Priority["P2"],
                            incidents.lifecycle.Priority["P3"],
                            incidents.lifecycle.Priority["P4"],
                        ],
                    )
                ),
                name="incident_priority_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged_into", models.F("id")), _negated=True),
                name="incident_not_merged_into_itself",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolved_at__isnull", False), ("status", incidents.lifecycle.Status["RESOLVED"])),
                    models.Q(
                        models.Q(("status", incidents.lifecycle.Status["RESOLVED"]), _negated=True),
                        ("resolved_at", None),
                    ),
                    _connector="OR",
                ),
                name="incident_resolved_has_time",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="incident",
            trigger=pgtrigger.compiler.Trigger(
                name="audit",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="audit_capture('incidents_incident', 'organization_id', 'id', 'first_occurrence_at,last_occurrence_at,touched_at,updated_at,version,occurrence_count,log_count,event_count,note_count', '')",
                    func="RETURN NULL;",
                    hash="98824b2adebd6cc2f6f7014cd11a9267ffeb66b6",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_audit_5aaeb",
                    table="incidents_incident",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="incident",
            trigger=pgtrigger.compiler.Trigger(
                name="lifecycle",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="incident_guard_lifecycle()",
                    func="RETURN NEW;",
                    hash="e2d0ba57f541c2202ffb68d080ce6d9657e62e49",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_lifecycle_964f5",
                    table="incidents_incident",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="incident",
            trigger=pgtrigger.compiler.Trigger(
                name="identity",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="incident_guard_identity()",
                    func="RETURN NEW;",
                    hash="49aae39f82f8ea95e4f87dd5072a4dcd53c1c64e",
                    operation='UPDATE OF "id", "number", "opened_at", "organization_id"',
                    pgid="pgtrigger_identity_2f9ec",
                    table="incidents_incident",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="incidentlog",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="incident_log_wall", privileges="SELECT, INSERT, DELETE"
            ),
        ),
        migrations.AddConstraint(
            model_name="incidentlog",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="incident_log_organization_key"),
        ),
        migrations.AddConstraint(
            model_name="incidentlog",
            constraint=models.UniqueConstraint(
                fields=("organization", "incident", "timestamp", "service", "hash"), name="incident_log_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="timelineevent",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="timeline_event_wall", privileges="SELECT, INSERT"
            ),
        ),
        migrations.AddConstraint(
            model_name="timelineevent",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="timeline_event_organization_key"),
        ),
        migrations.AddConstraint(
            model_name="timelineevent",
            constraint=models.UniqueConstraint(
                fields=("organization", "incident", "sequence"), name="timeline_event_in_order"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="timelineevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="refuse_change('incidents_timelineevent')",
                    func="RETURN NULL;",
                    hash="20ace314a3c57cb492c1a5aa85abe17314f43783",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_44507",
                    table="incidents_timelineevent",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="timelineevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="refuse_change('incidents_timelineevent')",
                    func="RETURN NULL;",
                    hash="b12a042988528148b946363eccbc77eaa2397471",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_append_only_truncate_b5f42",
                    table="incidents_timelineevent",
                    when="BEFORE",
                ),
            ),
        ),
        # Composite references need the unique keys that they point at, so they come last.
        migrations.AddConstraint(
            model_name="incident",
            constraint=incident_center.kernel.constraints.SameOrganization(field="service", name="incident_service"),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=incident_center.kernel.constraints.SameOrganization(
                field="merged_into", name="incident_merged_into"
            ),
        ),
        migrations.AddConstraint(
            model_name="incidentlog",
            constraint=incident_center.kernel.constraints.SameOrganization(
                field="incident", name="incident_log_incident"
            ),
        ),
        migrations.AddConstraint(
            model_name="incidentlog",
            constraint=incident_center.kernel.constraints.SameOrganization(
                field="service", name="incident_log_service"
            ),
        ),
        migrations.AddConstraint(
            model_name="timelineevent",
            constraint=incident_center.kernel.constraints.SameOrganization(
                field="incident", name="timeline_event_incident"
            ),
        ),
    ]
