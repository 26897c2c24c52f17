import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models

_WORDS = "array_to_tsvector(core_words(%(expressions)s))"


class Migration(migrations.Migration):
    """The words of a text are the database function's. What a generated column says cannot be altered: it is replaced."""

    dependencies = [("core", "0007_text_functions"), ("meetings", "0005_tus_metadata")]

    operations = [
        migrations.RemoveIndex(model_name="meeting", name="meetings_words"),
        migrations.RemoveField(model_name="meeting", name="search_words"),
        migrations.AddField(
            model_name="meeting",
            name="search_words",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func("title", arg_joiner=" || ' ' || ", template=_WORDS),
                output_field=django.contrib.postgres.search.SearchVectorField(),
            ),
        ),
        migrations.AddIndex(
            model_name="meeting",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search_words"], name="meetings_words"),
        ),
        migrations.RemoveIndex(model_name="segment", name="meetings_segments_words"),
        migrations.RemoveField(model_name="segment", name="search_words"),
        migrations.AddField(
            model_name="segment",
            name="search_words",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func("text", arg_joiner=" || ' ' || ", template=_WORDS),
                output_field=django.contrib.postgres.search.SearchVectorField(),
            ),
        ),
        migrations.AddIndex(
            model_name="segment",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search_words"], name="meetings_segments_words"),
        ),
    ]
