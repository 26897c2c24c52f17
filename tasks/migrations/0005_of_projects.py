import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# At once and for every writer, as with users (0001): also for whoever puts something into a project that is just being
# deleted. One statement for all rows, whose triggers log each of them.
EMPTIED = """
ALTER TABLE tasks_task
    ADD CONSTRAINT tasks_project FOREIGN KEY (project_id) REFERENCES projects_project ON DELETE SET NULL
"""
NOT_EMPTIED = "ALTER TABLE tasks_task DROP CONSTRAINT tasks_project"


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0001_initial"),
        ("tasks", "0004_task_origins"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="task",
            name="project",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="projects.project",
            ),
        ),
        migrations.RunSQL(EMPTIED, NOT_EMPTIED),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("project__isnull", False)),
                fields=["project", "created_at", "id"],
                include=("created_by", "assigned_to"),
                name="tasks_of_project_newest",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("project__isnull", False)),
                fields=["project", "updated_at", "id"],
                name="tasks_of_project_by_updated_at",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("project__isnull", False)),
                fields=["project", "due_date", "id"],
                name="tasks_of_project_by_due_date",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("project__isnull", False)),
                fields=["project", "priority", "id"],
                name="tasks_of_project_by_priority",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("project__isnull", False)),
                fields=["project", "status", "priority", "assigned_to", "due_date"],
                include=("created_by",),
                name="tasks_of_project_figures",
            ),
        ),
    ]
