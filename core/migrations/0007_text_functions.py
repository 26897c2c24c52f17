from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """The words of a text, and the key that it is sorted by: the same on every server."""

    dependencies = [("core", "0006_forgotten_answers")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_name("text_functions.sql").read_text(encoding="utf-8"),
            "DROP FUNCTION core_sort_key(text), core_search_pattern(text), core_words(text)",
        )
    ]
