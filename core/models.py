"""The tables that all apps share, and the functions that save rows."""

import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault
from django.db.models.functions import Now
from django.utils import timezone

from core.db.fields import Id
from core.errors import AlreadyExists, Conflict, Stale, invalid
from core.merge_patch import MapChange


class IdempotencyRecord(models.Model):
    """One row = one write that was sent with an idempotency key, and its answer (see `core.idempotency`)."""

    id = models.BigAutoField(primary_key=True)
    principal = models.CharField(max_length=100)
    operation = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    request_hash = models.BinaryField(max_length=32)
    #: None = erased, because its subject was deleted.
    answer = models.BinaryField(null=True)
    #: The user, task or meeting that the answer is about; None = no such object, or one of many in a stream.
    subject = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["principal", "operation", "key"], name="core_idempotency_key_unique"),
        ]
        indexes = [
            models.Index(
                fields=["subject"], name="core_idempotency_subject", condition=models.Q(subject__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"


class RateWindow(models.Model):
    """One row = how often something was done since `started_at` (see `core.rate_limits`)."""

    key = models.CharField(max_length=200, primary_key=True)
    started_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


class Job(models.Model):
    """One row = one background job and its state; it starts once its write is committed (see `core.jobs`).

    Its times are the database's, so that workers on several machines agree.
    """

    id = Id()
    #: The app and the function in its `jobs` module, with a dot between.
    kind = models.CharField(max_length=100)
    #: By name. Never a secret: the row outlives the job. Emptied when the job is done.
    arguments = models.JSONField(default=dict, blank=True)
    #: The job may take minutes or hours: a worker runs few of these at once.
    slow = models.BooleanField(default=False)
    #: Slow jobs of different keys take turns; empty = the job takes its own turn.
    fairness_key = models.CharField(max_length=100, blank=True)
    #: The round in which a slow job is due: see `core.jobs.fair_queue`.
    turn = models.BigIntegerField(default=0)
    #: Of the call that enqueued it.
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    next_try_at = models.DateTimeField(db_default=Now())
    #: Until then the job belongs to a worker, which renews the lease while it lives.
    lease_until = models.DateTimeField(null=True, blank=True)
    #: Only ever grows, so it also distinguishes the attempts of different workers.
    attempts = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField()
    last_error = models.TextField(blank=True)
    #: When it succeeded, or failed permanently.
    ended_at = models.DateTimeField(null=True, blank=True)
    failed = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_try_at", "id"], name="core_jobs_quick", condition=models.Q(ended_at=None, slow=False)
            ),
            models.Index(
                fields=["turn", "next_try_at", "id"],
                name="core_jobs_turns",
                condition=models.Q(ended_at=None, slow=True),
            ),
            models.Index(
                fields=["fairness_key", "turn"], name="core_jobs_of_key", condition=models.Q(ended_at=None, slow=True)
            ),
            models.Index(fields=["ended_at"], name="core_jobs_ended"),
            models.Index(fields=["id"], name="core_jobs_failed", condition=models.Q(failed=True)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def state(self) -> str:
        """Human-readable state for the admin."""
        if self.ended_at:
            return "failed" if self.failed else "done"
        return "running" if self.lease_until and self.lease_until > timezone.now() else "waiting"


class Versioned(models.Model):
    """A row with an optimistic lock. The database maintains `version` and `updated_at` even for writes that do not set
    them (see `changes.triggers`).
    """

    #: Constraint name → the message of AlreadyExists when it is violated; formatted with the instance.
    already_exists: dict[str, str] = {}
    #: Name of a foreign key's constraint → the message of Conflict when the referenced row is to be deleted.
    kept_by: dict[str, str] = {}

    version = models.BigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=Versioned)


def save_clean(instance: Row, *, also: Mapping[str, Any] | None = None, **fields: Any) -> Row:
    """Set the fields, check the model's rules, and save the row. Services write rows by this function.

    A new row is inserted. Of a loaded row only the changed fields are written, with the next version, and only if the
    row is still at the loaded version. If no field changed, nothing is written.

    Args:
        also: values to write together with a change, e.g. the user that made it.
        fields: the new value of each; for a map also a `MapChange`.

    Raises:
        ValidationError: a rule is violated; names every invalid field.
        AlreadyExists: a unique constraint named in `already_exists` is violated.
        Stale: the row was modified since it was loaded.
    """
    before = {name: getattr(instance, name) for name in fields}
    for name, value in fields.items():
        setattr(instance, name, value.applied_to(before[name]) if isinstance(value, MapChange) else value)
    if instance._state.adding:
        clean(instance)
        with translate_integrity_errors(instance), transaction.atomic():
            instance.save(force_insert=True)
        return instance
    clean(instance, only=fields)
    changed = {name: getattr(instance, name) for name, value in before.items() if getattr(instance, name) != value}
    if changed:
        for name, value in (also or {}).items():
            setattr(instance, name, value)
        _update(instance, changed | dict(also or {}))
    return instance


def clean(instance: models.Model, only: Container[str] | None = None) -> None:
    """Check the model's rules, except for those that the database checks itself (foreign keys, constraints).

    Like `full_clean`, which would visit every field of the model to check one.

    Args:
        only: the fields to check; None = all. The rules across fields are always checked.

    Raises:
        ValidationError: names every invalid field.
    """
    errors: dict[str, Any] = {}
    for field in _checked_fields(type(instance)):
        if only is not None and field.name not in only:
            continue
        value = getattr(instance, field.attname)
        if (field.blank and value in field.empty_values) or isinstance(value, DatabaseDefault):
            continue
        try:
            setattr(instance, field.attname, field.clean(value, instance))
        except ValidationError as exc:
            errors[field.name] = exc.error_list
    try:
        instance.clean()
    except ValidationError as exc:
        errors = exc.update_error_dict(errors)
    if errors:
        raise ValidationError(errors)


@cache
def _checked_fields(model: type[models.Model]) -> list[Any]:
    return [field for field in model._meta.fields if not (field.remote_field or field.generated)]


def draft(model: type[Row], **values: Any) -> Row:
    """Make a row that is not saved yet: as `model(**values)`, at a third of its cost.

    Args:
        values: by column; the others have their defaults.
    """
    instance = model.__new__(model)
    constants, factories = _defaults(model)
    instance.__dict__.update(constants, _state=ModelState(), **values)
    for name, make in factories:
        if name not in values:
            instance.__dict__[name] = make()
    return instance


@cache
def _defaults(model: type[models.Model]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """Return the constant defaults by attribute, and the functions that make the others."""
    fields: list[Any] = [field for field in model._meta.concrete_fields if not field.generated]
    factories = [(field.attname, field.default) for field in fields if callable(field.default) and field.has_default()]
    each = {name for name, _ in factories}
    return {field.attname: field.get_default() for field in fields if field.attname not in each}, factories


def insert_many(model: type[models.Model], rows: Sequence[Mapping[str, Any]], *, skip_taken: bool = False) -> set[Any]:
    """Insert rows that were checked (`clean`), in one statement; each by its attributes, as `vars` returns them.

    Does what `bulk_create` does, at a tenth of its cost in Python, which prepares each value of each row: the rows are
    sent to the database as one JSON text, which it converts. Nothing is read back; the database itself fills generated
    columns and those with a database default.

    Args:
        skip_taken: skip the rows whose primary key is taken, instead of failing.

    Returns:
        The primary keys of the skipped rows.
    """
    statement, columns = _insertion(model, skip_taken)
    values = [{column: row[name] for column, name in columns} for row in rows]
    with connection.cursor() as cursor:
        # Many rows have the same author; converting a UUID to text costs more than a look-up.
        cursor.execute(statement, [json.dumps(values, default=cache(_as_text) if len(values) > 1 else _as_text)])
        if cursor.rowcount == len(rows):
            return set()
        key = model._meta.pk.attname
        return {row[key] for row in rows} - {key for (key,) in cursor.fetchall()}


@cache
def _insertion(model: type[models.Model], skip_taken: bool) -> tuple[str, list[tuple[str, str]]]:
    """Return the statement, and the name and attribute of each column."""
    fields: list[Any] = [
        field
        for field in model._meta.concrete_fields
        if not field.generated and not field.has_db_default() and not isinstance(field, models.AutoField)
    ]
    table = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    statement = f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s)"  # noqa: S608 - our own names
    if skip_taken:
        key = connection.ops.quote_name(str(model._meta.pk.column))
        statement += f" ON CONFLICT ({key}) DO NOTHING RETURNING {key}"
    return statement, [(field.column, field.attname) for field in fields]


def _as_text(value: Any) -> str:
    """Convert a value that JSON does not know to PostgreSQL's text form."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


def _update(instance: Versioned, changed: dict[str, Any]) -> None:
    loaded_version, now = instance.version, timezone.now()
    rows = type(instance)._base_manager.filter(pk=instance.pk)
    with translate_integrity_errors(instance), transaction.atomic():
        count = rows.filter(version=loaded_version).update(**changed, version=loaded_version + 1, updated_at=now)
    if not count:
        raise Stale(rows.values_list("version", flat=True).get())
    instance.version, instance.updated_at = loaded_version + 1, now


@contextmanager
def translate_integrity_errors(instance: Versioned) -> Iterator[None]:
    """Turn a violated constraint into the error of the rule that it stands for."""
    try:
        yield
    except IntegrityError as exc:
        error = _error_of(instance, exc.__cause__.diag)  # type: ignore[union-attr]  # psycopg2's own error
        if error is None:
            raise
        raise error from exc


@contextmanager
def deleting() -> Iterator[None]:
    """Turn the database's refusal to delete rows that another app references into a Conflict (see `kept_by`)."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as exc:
        broken = exc.__cause__.diag.constraint_name  # type: ignore[union-attr]  # psycopg2's own error
        for model in apps.get_models():
            if issubclass(model, Versioned) and broken in model.kept_by:
                raise Conflict(model.kept_by[broken]) from exc
        raise


def _error_of(instance: Versioned, diagnosis: Any) -> Exception | None:
    if message := instance.already_exists.get(diagnosis.constraint_name):
        return AlreadyExists(message.format(instance))
    for constraint in instance._meta.constraints:
        if constraint.name == diagnosis.constraint_name:
            code = constraint.violation_error_code or "invalid"
            return ValidationError(constraint.get_violation_error_message(), code=code)
    for field in instance._meta.fields:
        if field.remote_field and f"({field.column})=" in (diagnosis.message_detail or ""):
            return invalid(field.name, "unknown", "There is no such record.")
    return None
