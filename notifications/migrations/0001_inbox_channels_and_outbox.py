import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import incident_center.kernel.constraints
import incident_center.kernel.models
import incident_center.kernel.secrets
import incidents.lifecycle
import notifications.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("incidents", "0002_incidents_timeline_and_linked_logs"),
        ("organizations", "0002_lookups"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Channel",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("kind", models.CharField(max_length=30)),
                ("url", incident_center.kernel.secrets.EncryptedTextField()),
                ("secret", incident_center.kernel.secrets.EncryptedTextField(blank=True, default="")),
                ("previous_secret", incident_center.kernel.secrets.EncryptedTextField(blank=True, default="")),
                ("previous_secret_expires_at", models.DateTimeField(null=True)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=30),
                        default=notifications.models.default_topics,
                        size=None,
                    ),
                ),
                (
                    "minimum_severity",
                    models.CharField(
                        choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")],
                        default=incidents.lifecycle.Severity["LOW"],
                        max_length=10,
                    ),
                ),
                ("environment", models.CharField(blank=True, default="", max_length=100)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("removed_at", models.DateTimeField(editable=False, null=True)),
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
            name="Delivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("topic", models.CharField(max_length=30)),
                ("sequence", models.PositiveIntegerField()),
                ("payload", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Pending"), ("delivered", "Delivered"), ("failed", "Failed")],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("attempt_count", models.PositiveIntegerField(default=0)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("lease_until", models.DateTimeField(null=True)),
                ("give_up_at", models.DateTimeField()),
                ("failure", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="notifications.channel",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="incidents.timelineevent",
                    ),
                ),
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
            ],
        ),
        migrations.CreateModel(
            name="DeliveryAttempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField()),
                ("duration_ms", models.PositiveIntegerField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("delivered", "Delivered"),
                            ("retry", "Retry"),
                            ("failed", "Failed"),
                            ("lost", "Lost"),
                        ],
                        max_length=10,
                    ),
                ),
                ("status_code", models.PositiveSmallIntegerField(null=True)),
                ("answer", models.TextField(blank=True, default="")),
                ("error", models.TextField(blank=True, default="")),
                (
                    "delivery",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to="notifications.delivery",
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
        migrations.CreateModel(
            name="Notification",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "topic",
                    models.CharField(
                        choices=[
                            ("opened", "Opened"),
                            ("recurred", "Recurred"),
                            ("acknowledged", "Acknowledged"),
                            ("status_changed", "Status changed"),
                            ("resolved", "Resolved"),
                            ("reopened", "Reopened"),
                            ("severity_changed", "Severity changed"),
                            ("assigned", "Assigned"),
                            ("note", "Note written"),
                            ("merged", "Merged"),
                            ("withdrawn", "Withdrawn"),
                            ("notification_failed", "Notification failed"),
                        ],
                        max_length=30,
                    ),
                ),
                ("title", models.CharField(max_length=600)),
                ("body", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="incidents.timelineevent",
                    ),
                ),
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
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="channel_wall", privileges="SELECT, INSERT, UPDATE"
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="channel_organization_key"),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.UniqueConstraint(
                models.F("organization"),
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("removed_at", None)),
                name="channel_name_once",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="channel",
            trigger=pgtrigger.compiler.Trigger(
                name="audit",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="audit_capture('notifications_channel', 'organization_id', 'id', '', 'url,secret,previous_secret')",
                    func="RETURN NULL;",
                    hash="39abdaddae1809335d0f99bf7edcdbabfbd4dc83",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_audit_183f1",
                    table="notifications_channel",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("state", "pending")), fields=["next_attempt_at"], name="delivery_due"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("state", "pending")),
                fields=["channel", "incident", "sequence"],
                name="delivery_line",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["organization", "-id"], name="delivery_newest"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["organization", "channel", "-id"], name="delivery_by_channel"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["organization", "incident", "-id"], name="delivery_by_incident"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="delivery_wall", privileges="SELECT, INSERT, UPDATE"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="delivery_organization_key"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(fields=("organization", "channel", "event"), name="delivery_once"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at", None), ("state", "pending")),
                    models.Q(models.Q(("state", "pending"), _negated=True), ("finished_at__isnull", False)),
                    _connector="OR",
                ),
                name="delivery_finished_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="deliveryattempt",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="delivery_attempt_wall", privileges="SELECT, INSERT"
            ),
        ),
        migrations.AddConstraint(
            model_name="deliveryattempt",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="delivery_attempt_organization_key"),
        ),
        migrations.AddConstraint(
            model_name="deliveryattempt",
            constraint=models.UniqueConstraint(
                fields=("organization", "delivery", "number"), name="delivery_attempt_once"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deliveryattempt",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="refuse_change('notifications_deliveryattempt')",
                    func="RETURN NULL;",
                    hash="55fd999329c2e6dd8921c37f8f75db8372a62044",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_0ace5",
                    table="notifications_deliveryattempt",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deliveryattempt",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="refuse_change('notifications_deliveryattempt')",
                    func="RETURN NULL;",
                    hash="e68fd0aa618492c601aaa85f4a19d336d6ac6af5",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_append_only_truncate_a9c32",
                    table="notifications_deliveryattempt",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["organization", "user", "-id"], name="notification_newest"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("read_at", None)),
                fields=["organization", "user", "-id"],
                name="notification_unread",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="notification_wall", privileges="SELECT, INSERT, UPDATE"
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="notification_organization_key"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(fields=("organization", "user", "event"), name="notification_once"),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=incident_center.kernel.constraints.SameOrganization(field="service", name="channel_service"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=incident_center.kernel.constraints.SameOrganization(field="channel", name="delivery_channel"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=incident_center.kernel.constraints.SameOrganization(field="incident", name="delivery_incident"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=incident_center.kernel.constraints.SameOrganization(field="event", name="delivery_event"),
        ),
        migrations.AddConstraint(
            model_name="deliveryattempt",
            constraint=incident_center.kernel.constraints.SameOrganization(
                field="delivery", name="delivery_attempt_delivery"
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=incident_center.kernel.constraints.SameOrganization(
                field="incident", name="notification_incident"
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=incident_center.kernel.constraints.SameOrganization(field="event", name="notification_event"),
        ),
    ]
