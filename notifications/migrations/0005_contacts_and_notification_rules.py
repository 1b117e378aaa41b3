import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import incident_center.kernel.constraints
import incident_center.kernel.models
import incident_center.kernel.secrets


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0008_due_clocks_and_default_policies"),
        ("notifications", "0004_channel_credentials_and_remote_ids"),
        ("organizations", "0003_installation_overview"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="NotificationRules",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("quiet_from", models.TimeField(null=True)),
                ("quiet_until", models.TimeField(null=True)),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="NotificationStep",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("urgency", models.CharField(choices=[("high", "High"), ("low", "Low")], max_length=4)),
                ("after_minutes", models.PositiveSmallIntegerField()),
            ],
        ),
        migrations.AlterField(
            model_name="delivery",
            name="channel",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deliveries",
                to="notifications.channel",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="state",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("delivered", "Delivered"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                ],
                default="pending",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="topic",
            field=models.CharField(
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
                    ("sla_warning", "SLA target is near"),
                    ("sla_breached", "SLA breached"),
                    ("paged", "Paged"),
                    ("notification_failed", "Notification failed"),
                ],
                max_length=30,
            ),
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("label", models.CharField(blank=True, default="", max_length=100)),
                ("address", incident_center.kernel.secrets.EncryptedTextField(blank=True, default="")),
                ("is_account", models.BooleanField(default=False)),
                ("verified_at", models.DateTimeField(null=True)),
                ("code_hash", models.BinaryField(max_length=32, null=True)),
                ("code_expires_at", models.DateTimeField(null=True)),
                ("code_tries", models.PositiveSmallIntegerField(default=0)),
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
        migrations.AddField(
            model_name="delivery",
            name="contact",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="notifications.contact",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=("organization", "contact", "event"), name="delivery_once_a_contact"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("channel__isnull", False), ("contact", None)),
                    models.Q(("channel", None), ("contact__isnull", False)),
                    _connector="OR",
                ),
                name="delivery_to_one",
            ),
        ),
        migrations.AddField(
            model_name="notificationrules",
            name="organization",
            field=incident_center.kernel.models.OrganizationKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organizations.organization",
            ),
        ),
        migrations.AddField(
            model_name="notificationrules",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="notificationstep",
            name="contact",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="notifications.contact",
            ),
        ),
        migrations.AddField(
            model_name="notificationstep",
            name="organization",
            field=incident_center.kernel.models.OrganizationKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organizations.organization",
            ),
        ),
        migrations.AddField(
            model_name="notificationstep",
            name="rules",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="steps",
                to="notifications.notificationrules",
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("removed_at", None)), fields=["organization", "user"], name="contact_by_user"
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="contact_wall", privileges="SELECT, INSERT, UPDATE"
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="contact_organization_key"),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_account", True), ("removed_at", None)),
                fields=("organization", "user"),
                name="contact_account_once",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="audit",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="audit_capture('notifications_contact', 'organization_id', 'id', 'code_tries,code_expires_at', 'address,code_hash')",
                    func="RETURN NULL;",
                    hash="48e44bcb289e6ac8caae347c572ba1424e358aec",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_audit_42f36",
                    table="notifications_contact",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationrules",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="notification_rules_wall", privileges="SELECT, INSERT, UPDATE"
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationrules",
            constraint=models.UniqueConstraint(
                fields=("organization", "id"), name="notification_rules_organization_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationrules",
            constraint=models.UniqueConstraint(fields=("organization", "user"), name="notification_rules_once"),
        ),
        migrations.AddConstraint(
            model_name="notificationrules",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("quiet_from", None), ("quiet_until", None)),
                    models.Q(("quiet_from__isnull", False), ("quiet_until__isnull", False)),
                    _connector="OR",
                ),
                name="notification_rules_quiet_whole",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="notificationrules",
            trigger=pgtrigger.compiler.Trigger(
                name="audit",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="audit_capture('notifications_notificationrules', 'organization_id', 'id', '', '')",
                    func="RETURN NULL;",
                    hash="151f765275e80734075d7d5626e1f23b274f96f7",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_audit_b686d",
                    table="notifications_notificationrules",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationstep",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="notification_step_wall", privileges="SELECT, INSERT, UPDATE, DELETE"
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationstep",
            constraint=models.UniqueConstraint(
                fields=("organization", "id"), name="notification_step_organization_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationstep",
            constraint=models.UniqueConstraint(
                fields=("organization", "rules", "urgency", "contact"), name="notification_step_once"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="notificationstep",
            trigger=pgtrigger.compiler.Trigger(
                name="audit",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="audit_capture('notifications_notificationstep', 'organization_id', 'id', '', '')",
                    func="RETURN NULL;",
                    hash="238d528f4fcef8fabace434b91e62cd03d714c89",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_audit_7c6c1",
                    table="notifications_notificationstep",
                    when="AFTER",
                ),
            ),
        ),
        # Composite references need the unique keys that they point at, so they come last.
        migrations.AddConstraint(
            model_name="delivery",
            constraint=incident_center.kernel.constraints.SameOrganization(field="contact", name="delivery_contact"),
        ),
        migrations.AddConstraint(
            model_name="notificationstep",
            constraint=incident_center.kernel.constraints.SameOrganization(
                field="rules", name="notification_step_rules"
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationstep",
            constraint=incident_center.kernel.constraints.SameOrganization(
                field="contact", name="notification_step_contact"
            ),
        ),
    ]
