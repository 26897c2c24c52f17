from django.db import migrations

from core.db.word_frequencies import with_frequencies


class Migration(migrations.Migration):
    dependencies = [("tasks", "0009_completed_tasks")]

    operations = [with_frequencies("tasks_task", "search_words")]
