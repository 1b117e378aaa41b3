"""Which days were brought back from an archive, and until when they stay. The owner's alone."""

from django.db import migrations

CREATE = """
CREATE TABLE log_restored_day (
    retention_days smallint NOT NULL,
    day date NOT NULL,
    keep_until timestamptz NOT NULL,
    PRIMARY KEY (retention_days, day)
);
"""


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0010_dead_letters_of_alerts")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE log_restored_day")]
