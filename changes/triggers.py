"""The triggers of a logged table: the database itself writes every change of it to the log.

    class Task(Versioned):
        class Meta:
            triggers = logged("task", exclude=["search_words"])

Whoever writes (a service, the admin, a bulk statement, COPY, psql), each row an INSERT, UPDATE, DELETE or TRUNCATE
touches is one row of `changes.Change`, in the transaction of the write. An UPDATE also gives a row its next `version`
and, where the writer gave no later one, a new `updated_at`. So versions are dense: each version of a subject stands in
the log once. An UPDATE that sets a column to what it was is a write like any other; a service that wants nothing to
happen does not write.

The triggers stand in the migrations of the model's app, the functions they run in `changes.0002_functions`: the
migration that adds the triggers must depend on that one.
"""

from collections.abc import Collection
from typing import Any

import pgtrigger
from django.db import models

#: What the functions read of each row. `id` is the primary key, a UUID, and never changes.
NEEDED_FIELDS = ("id", "version", "updated_at")


class SharedFunctionTrigger(pgtrigger.Trigger):
    """Runs a function that the migrations of `changes` made, with this model's arguments.

    pgtrigger makes a function for each trigger that `pgtrigger.ignore` can switch off and that asks whether it is, in a
    subtransaction, each time. No write may escape the log, so the function it makes stays empty and never runs.
    """

    func = "RETURN NULL;"

    def __init__(self, function: str, *, subject_type: str = "", exclude: Collection[str] = (), **event: Any) -> None:
        super().__init__(**event)
        self.function = function
        self.subject_type = subject_type
        self.exclude = tuple(exclude)

    def render_execute(self, model: Any) -> str:
        """The call, for this model class.

        Raises:
            FieldDoesNotExist: the model lacks a needed field, or a field to exclude (an old or a misspelt name).
        """
        for name in NEEDED_FIELDS:
            model._meta.get_field(name)
        columns = [model._meta.get_field(name).column for name in self.exclude]
        arguments = [self.subject_type, *columns] if self.subject_type else []
        return f"{self.function}({', '.join(_literal(argument) for argument in arguments)})"


def logged(subject_type: str, *, exclude: Collection[str] = ()) -> list[pgtrigger.Trigger]:
    """The triggers that log a model's table, for its `Meta.triggers`.

    Args:
        subject_type: what the feed calls the model's rows: `user`, `task`.
        exclude: names of the fields that never enter the log: whatever is secret, and generated columns, which only
            repeat what is there.
    """

    def log(name: str, operation: pgtrigger.Operation, **rows: str) -> pgtrigger.Trigger:
        return SharedFunctionTrigger(
            "changes_log",
            subject_type=subject_type,
            exclude=exclude,
            name=name,
            level=pgtrigger.Statement,
            # TRUNCATE hands over no rows, so it is logged while they are still there.
            when=pgtrigger.After if rows else pgtrigger.Before,
            operation=operation,
            referencing=pgtrigger.Referencing(**rows) if rows else None,  # type: ignore[no-untyped-call]
        )

    return [
        SharedFunctionTrigger(
            "changes_next_version", name="version", when=pgtrigger.Before, operation=pgtrigger.Update
        ),
        log("log_insert", pgtrigger.Insert, new="new_rows"),
        log("log_update", pgtrigger.Update, old="old_rows", new="new_rows"),
        log("log_delete", pgtrigger.Delete, old="old_rows"),
        log("log_truncate", pgtrigger.Truncate),
    ]


def subject_type_of(model: type[models.Model]) -> str | None:
    """What the log calls the rows of this model; None when it is not logged."""
    triggers = getattr(model._meta, "triggers", ())
    types = (trigger.subject_type for trigger in triggers if isinstance(trigger, SharedFunctionTrigger))
    return next(filter(None, types), None)


def written_by_triggers_only(*columns: str) -> pgtrigger.Trigger:
    """Refuses every INSERT into a table, and every UPDATE of these columns, that no trigger does.

    Checked once per statement; what is deleted (past its retention) is nobody's business here.
    """
    return pgtrigger.Trigger(
        name="written_by_triggers_only",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf(*columns),  # type: ignore[no-untyped-call]
        condition=pgtrigger.Condition("pg_trigger_depth() = 0"),
        func="RAISE EXCEPTION '% is written by the triggers of the logged tables only.', TG_TABLE_NAME"
        " USING ERRCODE = 'insufficient_privilege';",
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
