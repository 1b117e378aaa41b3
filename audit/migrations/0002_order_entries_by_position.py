from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_entries")]

    operations = [
        # An identity column: neither the ORM nor a forged INSERT chooses the position.
        migrations.RunSQL(
            "ALTER TABLE audit_entry ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY",
            "ALTER TABLE audit_entry DROP COLUMN position",
            state_operations=[
                migrations.AddField("auditentry", "position", models.BigIntegerField(editable=False)),
            ],
        ),
        *(migrations.RemoveIndex("auditentry", f"audit_entry_{name}") for name in ("newest", "object", "actor")),
        migrations.AddIndex(
            "auditentry", models.Index(fields=["organization", "-position"], name="audit_entry_newest")
        ),
        migrations.AddIndex(
            "auditentry",
            models.Index(fields=["organization", "table_name", "object_id", "-position"], name="audit_entry_object"),
        ),
        migrations.AddIndex(
            "auditentry", models.Index(fields=["organization", "actor", "-position"], name="audit_entry_actor")
        ),
    ]
