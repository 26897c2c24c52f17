from django.db import migrations, models

# The same as tasks.fields.rank_at: microseconds since 1970 in base 62, and the digit in the middle.
FUNCTION = """
CREATE FUNCTION tasks_rank_at(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT string_agg(
        substr('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
               (div(extract(epoch FROM moment) * 1000000, power(62::numeric, place)) % 62)::int + 1, 1),
        '' ORDER BY place DESC) || 'V'
    FROM generate_series(0, 8) AS place
$$
"""
# For writers that do not name the column.
DEFAULT = "ALTER TABLE tasks_task ALTER COLUMN rank SET DEFAULT tasks_rank_at(clock_timestamp())"
NO_DEFAULT = "ALTER TABLE tasks_task ALTER COLUMN rank DROP DEFAULT"


class Migration(migrations.Migration):
    dependencies = [("tasks", "0005_of_projects")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION tasks_rank_at"),
        migrations.AddField(
            model_name="task",
            name="rank",
            field=models.CharField(db_collation="C", default="", max_length=200),
            preserve_default=False,
        ),
        migrations.RunSQL(DEFAULT, NO_DEFAULT),
    ]
