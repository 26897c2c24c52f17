from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0007_ranks_of_former_tasks")]

    operations = [
        migrations.AddIndex(model_name="task", index=models.Index(fields=["rank", "id"], name="tasks_by_rank")),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("project__isnull", False)),
                fields=["project", "rank", "id"],
                name="tasks_of_project_by_rank",
            ),
        ),
    ]
