from django.db import migrations, models

# Not a model: nothing but functions and migrate reads it. A database that was restored into another cluster still
# carries the identifier of the old one, which initdb gave.
EPOCHS = """
CREATE TABLE audit_epoch (
  epoch integer PRIMARY KEY,
  system_identifier bigint NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT now(),
  reason text NOT NULL
);
INSERT INTO audit_epoch (epoch, system_identifier, reason)
SELECT 1, system_identifier, 'installed' FROM pg_control_system();
ALTER TABLE audit_entry ADD COLUMN epoch integer NOT NULL DEFAULT 1;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_order_entries_by_position")]

    operations = [
        # The column's default is the present epoch: a constant, which costs a write nothing.
        migrations.RunSQL(
            EPOCHS,
            "ALTER TABLE audit_entry DROP COLUMN epoch; DROP TABLE audit_epoch",
            state_operations=[migrations.AddField("auditentry", "epoch", models.IntegerField(editable=False))],
        ),
    ]
