from django.db import migrations

from core.db.word_frequencies import with_frequencies


class Migration(migrations.Migration):
    dependencies = [("users", "0009_sort_name")]

    operations = [with_frequencies("users_user", "search_words", "name_words")]
