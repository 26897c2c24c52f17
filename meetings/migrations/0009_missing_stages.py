from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0008_uploads_that_replace"),
    ]

    operations = [
        migrations.AddField(
            model_name="meeting",
            name="missing",
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
    ]
