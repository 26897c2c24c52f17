import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models

_WORDS = "array_to_tsvector(core_words(%(expressions)s))"


class Migration(migrations.Migration):
    """The words of a text are the database function's. What a generated column says cannot be altered: it is replaced."""

    dependencies = [("core", "0007_text_functions"), ("users", "0007_change_email_tokens")]

    operations = [
        migrations.RemoveIndex(model_name="user", name="users_words"),
        migrations.RemoveField(model_name="user", name="search_words"),
        migrations.AddField(
            model_name="user",
            name="search_words",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func(
                    "first_name", "last_name", "display_name", "email", arg_joiner=" || ' ' || ", template=_WORDS
                ),
                output_field=django.contrib.postgres.search.SearchVectorField(),
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search_words"], name="users_words"),
        ),
        migrations.RemoveIndex(model_name="user", name="users_name_words"),
        migrations.RemoveField(model_name="user", name="name_words"),
        migrations.AddField(
            model_name="user",
            name="name_words",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func(
                    "first_name", "last_name", "display_name", arg_joiner=" || ' ' || ", template=_WORDS
                ),
                output_field=django.contrib.postgres.search.SearchVectorField(),
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=django.contrib.postgres.indexes.GinIndex(fields=["name_words"], name="users_name_words"),
        ),
    ]
