import django.db.models.deletion
from django.db import migrations, models

# At once and for every writer, as with the users of tasks (0001).
EMPTIED = """
ALTER TABLE tasks_taskorigin
    ADD CONSTRAINT tasks_origin_of_task FOREIGN KEY (task_id) REFERENCES tasks_task ON DELETE SET NULL
"""
NOT_EMPTIED = "ALTER TABLE tasks_taskorigin DROP CONSTRAINT tasks_origin_of_task"


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0003_search_words"),
    ]

    operations = [
        migrations.CreateModel(
            name="TaskOrigin",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("source", models.CharField(max_length=100)),
                ("external_id", models.CharField(max_length=300)),
                ("digests", models.JSONField(default=dict)),
                (
                    "task",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tasks.task",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("source", "external_id"), name="tasks_origin_unique")],
            },
        ),
        migrations.RunSQL(EMPTIED, NOT_EMPTIED),
    ]
