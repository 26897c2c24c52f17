"""Versions in order, where one statement changes a row more than once."""

from django.db import migrations

# A user is deleted who made a task and has it: both references are emptied, by two updates within the one DELETE.
# PostgreSQL runs the triggers of both after the second, with the rows of both in one transition table. A row's versions
# are dense, so the version says which row before belongs to which after; joined by the id alone, each went with each.
LOG = """
CREATE OR REPLACE FUNCTION changes_log() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT
SET timezone = 'UTC'
AS $$
-- Arguments: the subject's type, then the columns that are not logged.
DECLARE
    this_type CONSTANT text := TG_ARGV[0];
    not_logged CONSTANT text[] := TG_ARGV[1:];
    this_xid CONSTANT bigint := pg_current_xact_id()::text::bigint;
    this_actor CONSTANT text := coalesce(nullif(current_setting('tandem.actor', true), ''), 'system');
    this_reason CONSTANT text := coalesce(current_setting('tandem.reason', true), '');
    this_request CONSTANT text := coalesce(current_setting('tandem.request_id', true), '');
    this_moment CONSTANT timestamptz := clock_timestamp();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO changes_change (xid, subject_type, subject_id, subject_version, operation, old, new,
                                    actor, reason, request_id, occurred_at)
        SELECT this_xid, this_type, n.id, n.version, 'created', NULL, to_jsonb(n) - not_logged,
               this_actor, this_reason, this_request, this_moment
        FROM new_rows n;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO changes_change (xid, subject_type, subject_id, subject_version, operation, old, new,
                                    actor, reason, request_id, occurred_at)
        SELECT this_xid, this_type, n.id, n.version, 'updated', to_jsonb(o) - not_logged, to_jsonb(n) - not_logged,
               this_actor, this_reason, this_request, this_moment
        FROM old_rows o FULL JOIN new_rows n ON {joined_and_ordered};
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO changes_change (xid, subject_type, subject_id, subject_version, operation, old, new,
                                    actor, reason, request_id, occurred_at)
        SELECT this_xid, this_type, o.id, o.version + 1, 'deleted', to_jsonb(o) - not_logged, NULL,
               this_actor, this_reason, this_request, this_moment
        FROM old_rows o;
    ELSE
        EXECUTE format(
            'INSERT INTO changes_change (xid, subject_type, subject_id, subject_version, operation, old, new,
                                         actor, reason, request_id, occurred_at)
             SELECT $1, $2, o.id, o.version + 1, ''deleted'', to_jsonb(o) - $3, NULL, $4, $5, $6, $7
             FROM %I.%I o', TG_TABLE_SCHEMA, TG_TABLE_NAME)
        USING this_xid, this_type, not_logged, this_actor, this_reason, this_request, this_moment;
    END IF;
    RETURN NULL;
END
$$
"""
PAIRED = "n.id = o.id AND n.version = o.version + 1 ORDER BY n.version"


def log(joined_and_ordered: str) -> str:
    return LOG.replace("{joined_and_ordered}", joined_and_ordered)


class Migration(migrations.Migration):
    dependencies = [("changes", "0003_head")]

    operations = [migrations.RunSQL(log(PAIRED), log("n.id = o.id"))]
