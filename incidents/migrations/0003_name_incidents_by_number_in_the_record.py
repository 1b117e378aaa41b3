import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0002_incidents_timeline_and_linked_logs"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="incident",
            name="audit",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="incident",
            trigger=pgtrigger.compiler.Trigger(
                name="audit",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="audit_capture('incidents_incident', 'organization_id', 'number', 'first_occurrence_at,last_occurrence_at,touched_at,updated_at,version,occurrence_count,log_count,event_count,note_count', '')",
                    func="RETURN NULL;",
                    hash="322e651ee54ab63d578a2edbbbc60ccb5038348f",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_audit_5aaeb",
                    table="incidents_incident",
                    when="AFTER",
                ),
            ),
        ),
    ]
