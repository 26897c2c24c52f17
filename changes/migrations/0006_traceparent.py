"""The trace of the call that wrote a change."""

from importlib import import_module

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

before = import_module("changes.migrations.0004_versions_in_order")

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
    this_trace CONSTANT text := nullif(current_setting('tandem.traceparent', true), '');
    this_moment CONSTANT timestamptz := clock_timestamp();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO changes_change (xid, subject_type, subject_id, subject_version, operation, old, new,
                                    actor, reason, request_id, traceparent, occurred_at)
        SELECT this_xid, this_type, n.id, n.version, 'created', NULL, to_jsonb(n) - not_logged,
               this_actor, this_reason, this_request, this_trace, this_moment
        FROM new_rows n;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO changes_change (xid, subject_type, subject_id, subject_version, operation, old, new,
                                    actor, reason, request_id, traceparent, occurred_at)
        SELECT this_xid, this_type, n.id, n.version, 'updated', to_jsonb(o) - not_logged, to_jsonb(n) - not_logged,
               this_actor, this_reason, this_request, this_trace, this_moment
        FROM old_rows o FULL JOIN new_rows n ON n.id = o.id AND n.version = o.version + 1 ORDER BY n.version;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO changes_change (xid, subject_type, subject_id, subject_version, operation, old, new,
                                    actor, reason, request_id, traceparent, occurred_at)
        SELECT this_xid, this_type, o.id, o.version + 1, 'deleted', to_jsonb(o) - not_logged, NULL,
               this_actor, this_reason, this_request, this_trace, this_moment
        FROM old_rows o;
    ELSE
        EXECUTE format(
            'INSERT INTO changes_change (xid, subject_type, subject_id, subject_version, operation, old, new,
                                         actor, reason, request_id, traceparent, occurred_at)
             SELECT $1, $2, o.id, o.version + 1, ''deleted'', to_jsonb(o) - $3, NULL, $4, $5, $6, $7, $8
             FROM %I.%I o', TG_TABLE_SCHEMA, TG_TABLE_NAME)
        USING this_xid, this_type, not_logged, this_actor, this_reason, this_request, this_trace, this_moment;
    END IF;
    RETURN NULL;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("changes", "0005_memberships")]

    operations = [
        migrations.AddField("change", "traceparent", models.TextField(null=True)),
        migrations.RunSQL(LOG, before.log(before.PAIRED)),
        pgtrigger.migrations.RemoveTrigger(model_name="change", name="written_by_triggers_only"),
        pgtrigger.migrations.AddTrigger(
            model_name="change",
            trigger=pgtrigger.compiler.Trigger(
                name="written_by_triggers_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (pg_trigger_depth() = 0)",
                    func="RAISE EXCEPTION '% is written by the triggers of the logged tables only.', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';",
                    hash="13bd51ed6818cb2f96214889373e47e4737fd04f",
                    level="STATEMENT",
                    operation='INSERT OR UPDATE OF "id", "xid", "subject_type", "subject_id", "subject_version", "operation", "actor", "request_id", "traceparent", "occurred_at"',
                    pgid="pgtrigger_written_by_triggers_only_65028",
                    table="changes_change",
                    when="BEFORE",
                ),
            ),
        ),
    ]
