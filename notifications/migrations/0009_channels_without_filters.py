from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("notifications", "0008_channel_filters_become_routes")]

    operations = [
        migrations.RemoveConstraint(
            model_name="channel",
            name="channel_service",
        ),
        migrations.RemoveField(
            model_name="channel",
            name="environment",
        ),
        migrations.RemoveField(
            model_name="channel",
            name="events",
        ),
        migrations.RemoveField(
            model_name="channel",
            name="minimum_severity",
        ),
        migrations.RemoveField(
            model_name="channel",
            name="service",
        ),
    ]
