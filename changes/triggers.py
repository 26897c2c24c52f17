"""Triggers of a logged table, by which the database itself writes every change to the log.

    class Task(Versioned):
        class Meta:
            triggers = logged("task", exclude=["search_words"])

For every writer (a service, the admin, a bulk statement, COPY, psql), each row that an INSERT, UPDATE, DELETE or
TRUNCATE affects becomes one row of `changes.Change`, in the transaction of the write. An UPDATE also sets the row's
next `version` and, unless the writer set a later one, a new `updated_at`. So versions have no gaps: each version of a
subject is logged once. An UPDATE that sets a column to its former value is logged like any other; a service that
changes nothing must not write.

The triggers are created by the migrations of the model's app, the functions they run by `changes.0002_functions`, on
which the migration that adds the triggers must depend.
"""

from collections.abc import Collection
from typing import Any

import pgtrigger
from django.db import models

#: Columns that the functions read of each row. `id` is the primary key, a UUID, and never changes.
NEEDED_FIELDS = ("id", "version", "updated_at")


class SharedFunctionTrigger(pgtrigger.Trigger):
    """Trigger that runs a function created by the migrations of `changes`, with the arguments of its model.

    pgtrigger creates a function per trigger that `pgtrigger.ignore` can disable, and that checks this in a
    subtransaction at each run. No write may escape the log, so that function stays empty and is never run.
    """

    func = "RETURN NULL;"

    def __init__(self, function: str, *, subject_type: str = "", exclude: Collection[str] = (), **event: Any) -> None:
        super().__init__(**event)
        self.function = function
        self.subject_type = subject_type
        self.exclude = tuple(exclude)

    def render_execute(self, model: Any) -> str:
        """Return the call of the function for this model class.

        Raises:
            FieldDoesNotExist: the model lacks a needed field, or a field to exclude (a former or misspelt name).
        """
        for name in NEEDED_FIELDS:
            model._meta.get_field(name)
        columns = [model._meta.get_field(name).column for name in self.exclude]
        arguments = [self.subject_type, *columns] if self.subject_type else []
        return f"{self.function}({', '.join(_literal(argument) for argument in arguments)})"


def logged(subject_type: str, *, exclude: Collection[str] = ()) -> list[pgtrigger.Trigger]:
    """Return the triggers that log a model's table, for its `Meta.triggers`.

    Args:
        subject_type: name of the model's rows in the feed, such as `user` or `task`.
        exclude: names of the fields that are never logged: secrets, and generated columns, which repeat other columns.
    """

    def log(name: str, operation: pgtrigger.Operation, **rows: str) -> pgtrigger.Trigger:
        return SharedFunctionTrigger(
            "changes_log",
            subject_type=subject_type,
            exclude=exclude,
            name=name,
            level=pgtrigger.Statement,
            # A TRUNCATE trigger gets no transition tables, so it logs the rows before they are deleted.
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
    """Return the subject type of this model's rows; None if the model is not logged."""
    triggers = getattr(model._meta, "triggers", ())
    types = (trigger.subject_type for trigger in triggers if isinstance(trigger, SharedFunctionTrigger))
    return next(filter(None, types), None)


def written_by_triggers_only(*columns: str) -> pgtrigger.Trigger:
    """Return a trigger that rejects INSERTs into a table and UPDATEs of these columns, unless a trigger makes them.

    It is checked once per statement. Deletions (past the retention) are allowed.
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
