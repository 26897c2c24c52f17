import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# At once and for every writer, as with users (0001): also for whoever puts something into a project that is just being
# deleted. One statement for all rows, whose triggers log each of them.
EMPTIED = """
ALTER TABLE meetings_meeting
    ADD CONSTRAINT meetings_project FOREIGN KEY (project_id) REFERENCES projects_project ON DELETE SET NULL
"""
NOT_EMPTIED = "ALTER TABLE meetings_meeting DROP CONSTRAINT meetings_project"


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0019_waveforms"),
        ("projects", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="meeting",
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
            model_name="meeting",
            index=models.Index(
                condition=models.Q(("project__isnull", False)),
                fields=["project", "created_at", "id"],
                name="meetings_newest_of_project",
            ),
        ),
    ]
