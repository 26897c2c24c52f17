from django.db import migrations

# No change of a task: the messages of images without a rank show the same one (tasks.messages). So the log gets no
# event for each task.
RANK_ALL = [
    "ALTER TABLE tasks_task DISABLE TRIGGER USER",
    "UPDATE tasks_task SET rank = tasks_rank_at(created_at)",
    "ALTER TABLE tasks_task ENABLE TRIGGER USER",
]


class Migration(migrations.Migration):
    dependencies = [("tasks", "0006_ranks")]

    operations = [migrations.RunSQL(RANK_ALL, migrations.RunSQL.noop)]
