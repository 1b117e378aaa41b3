from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0015_ask_for_one_log_of_each_class")]
    operations = [
        migrations.AddField(
            model_name="deadletter",
            name="protocol",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
    ]
