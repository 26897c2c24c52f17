from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0008_lists_by_rank")]

    operations = [
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("completed_at__isnull", False)), fields=["completed_at"], name="tasks_completed"
            ),
        ),
    ]
