import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import incident_center.kernel.constraints
import incident_center.kernel.models
import notifications.models.route


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0006_due_deliveries_of_contacts"),
        ("organizations", "0003_installation_overview"),
    ]

    operations = [
        migrations.CreateModel(
            name="Route",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=incident_center.kernel.models.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("position", models.PositiveIntegerField()),
                ("enabled", models.BooleanField(default=True)),
                (
                    "services",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), blank=True, default=list, size=None
                    ),
                ),
                (
                    "environments",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100), blank=True, default=list, size=None
                    ),
                ),
                (
                    "severities",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")],
                            max_length=10,
                        ),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "teams",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), blank=True, default=list, size=None
                    ),
                ),
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=30),
                        default=notifications.models.route.default_topics,
                        size=None,
                    ),
                ),
                ("targets", models.JSONField(default=list)),
                ("stops", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
        ),
        migrations.AddField(
            model_name="route",
            name="organization",
            field=incident_center.kernel.models.OrganizationKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organizations.organization",
            ),
        ),
        migrations.AddIndex(
            model_name="route",
            index=models.Index(
                condition=models.Q(("enabled", True)), fields=["organization", "position", "id"], name="route_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=incident_center.kernel.constraints.RowLevelSecurity(
                field="organization", name="route_wall", privileges="SELECT, INSERT, UPDATE, DELETE"
            ),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="route_organization_key"),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.UniqueConstraint(
                models.F("organization"), django.db.models.functions.text.Lower("name"), name="route_name_once"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="route",
            trigger=pgtrigger.compiler.Trigger(
                name="audit",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="audit_capture('notifications_route', 'organization_id', 'id', '', '')",
                    func="RETURN NULL;",
                    hash="aeac80957e2349acc6851654250916276e2da128",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_audit_53acc",
                    table="notifications_route",
                    when="AFTER",
                ),
            ),
        ),
    ]
