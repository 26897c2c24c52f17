import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models

_WORDS = "array_to_tsvector(core_words(%(expressions)s))"


class Migration(migrations.Migration):
    """The words of a text are the database function's. What a generated column says cannot be altered: it is replaced."""

    dependencies = [("core", "0007_text_functions"), ("tasks", "0002_count_what_one_is_to_do")]

    operations = [
        migrations.RemoveIndex(model_name="task", name="tasks_words"),
        migrations.RemoveField(model_name="task", name="search_words"),
        migrations.AddField(
            model_name="task",
            name="search_words",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func("title", "description", arg_joiner=" || ' ' || ", template=_WORDS),
                output_field=django.contrib.postgres.search.SearchVectorField(),
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search_words"], name="tasks_words"),
        ),
    ]
