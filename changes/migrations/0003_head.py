from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("changes", "0002_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Head",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField()),
                ("oldest", models.BigIntegerField()),
                ("epoch", models.UUIDField()),
                ("system_identifier", models.BigIntegerField()),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.CheckConstraint(condition=models.Q(("pk", 1)), name="changes_one_head")],
            },
        ),
    ]
