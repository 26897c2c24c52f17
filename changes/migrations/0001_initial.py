import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField(null=True)),
                ("xid", models.BigIntegerField()),
                ("subject_type", models.TextField()),
                ("subject_id", models.UUIDField()),
                ("subject_version", models.BigIntegerField()),
                (
                    "operation",
                    models.TextField(choices=[("created", "Created"), ("updated", "Updated"), ("deleted", "Deleted")]),
                ),
                ("old", models.JSONField(null=True)),
                ("new", models.JSONField(null=True)),
                ("actor", models.TextField()),
                ("reason", models.TextField()),
                ("request_id", models.TextField()),
                ("occurred_at", models.DateTimeField()),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(condition=models.Q(("seq__isnull", True)), fields=["id"], name="changes_unnumbered"),
                    models.Index(fields=["subject_type", "subject_id", "id"], name="changes_of_subject"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("seq__isnull", False)), fields=("seq",), name="changes_seq_unique"
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="change",
            trigger=pgtrigger.compiler.Trigger(
                name="written_by_triggers_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (pg_trigger_depth() = 0)",
                    func="RAISE EXCEPTION '% is written by the triggers of the logged tables only.', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';",
                    hash="dcec83ff48b53986b06923d125c49a32d5a7b737",
                    level="STATEMENT",
                    operation='INSERT OR UPDATE OF "id", "xid", "subject_type", "subject_id", "subject_version", "operation", "actor", "request_id", "occurred_at"',
                    pgid="pgtrigger_written_by_triggers_only_65028",
                    table="changes_change",
                    when="BEFORE",
                ),
            ),
        ),
    ]
