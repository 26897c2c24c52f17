"""The trace of the call that enqueued a job."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0009_live_jobs")]

    operations = [
        migrations.AddField(
            "job", "traceparent", models.CharField(max_length=55, null=True, blank=True, editable=False)
        ),
    ]
