"""The tables that every app shares, and the one way to save."""

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
    #: None = forgotten, with what it was about.
    answer = models.BinaryField(null=True)
    #: The user, task or meeting that the answer is about; None = none of them, or one of many in a stream.
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
    """One row = one thing to do once the write it belongs to is committed, and how far that is (see `core.jobs`).

    Its times are the database's, so that workers on several machines agree.
    """

    id = Id()
    #: The app and the function in its `jobs`, with a dot between.
    kind = models.CharField(max_length=100)
    #: By name. Never a secret: the row outlives what it asks for. Emptied when it is done.
    arguments = models.JSONField(default=dict, blank=True)
    #: It may take minutes or hours: a worker runs few of these at once.
    slow = models.BooleanField(default=False)
    #: Slow jobs of one key share the workers with those of other keys; empty = of no key, each by itself.
    fairness_key = models.CharField(max_length=100, blank=True)
    #: The round in which a slow job is due: see `core.jobs.fair_queue`.
    turn = models.BigIntegerField(default=0)
    #: Of the call that asked for it.
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    next_try_at = models.DateTimeField(db_default=Now())
    #: Until then it belongs to a worker, who puts this off while it lives.
    lease_until = models.DateTimeField(null=True, blank=True)
    #: Only ever grows, so it also tells one worker's try from the next one's.
    attempts = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField()
    last_error = models.TextField(blank=True)
    #: When it was done, or given up.
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
        """In a word, for people."""
        if self.ended_at:
            return "failed" if self.failed else "done"
        return "running" if self.lease_until and self.lease_until > timezone.now() else "waiting"


class Versioned(models.Model):
    """A row that carries its own optimistic lock. The database keeps `version` and `updated_at` even for writers that
    do not know of them (see `changes.triggers`).
    """

    #: Constraint name → what AlreadyExists says when it is broken; formatted with the instance.
    already_exists: dict[str, str] = {}
    #: Name of a reference's constraint → what Conflict says when what a row refers to is to be deleted.
    kept_by: dict[str, str] = {}

    version = models.BigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=Versioned)


def save_clean(instance: Row, *, also: Mapping[str, Any] | None = None, **fields: Any) -> Row:
    """Sets the fields, checks the model's rules, and saves: the only way a service writes a row.

    A new row is inserted; of a row that was loaded only what changed is written, with the next version and only over
    the version that was loaded. Nothing changed, nothing written.

    Args:
        also: what is written beside the fields when one of them changed, e.g. who changed it.
        fields: of a map also a `MapChange`.

    Raises:
        ValidationError: a rule is broken; every broken field is named.
        AlreadyExists: a unique constraint named in `already_exists` is broken.
        Stale: somebody wrote the row since it was loaded.
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
    """Runs the model's rules but those that the database checks itself (foreign keys, constraints).

    As `full_clean`, which would go through every field of the model to check one.

    Args:
        only: the fields to check; None = all. The rules across fields run either way.

    Raises:
        ValidationError: every broken field is named.
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
    """A row that is not saved yet: as `model(**values)`, at a third of its cost.

    Args:
        values: by column; what is not given has its default.
    """
    instance = model.__new__(model)
    known, made = _defaults(model)
    instance.__dict__.update(known, _state=ModelState(), **values)
    for name, make in made:
        if name not in values:
            instance.__dict__[name] = make()
    return instance


@cache
def _defaults(model: type[models.Model]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """By attribute, the defaults that are the same for all rows, and what makes those of each."""
    fields: list[Any] = [field for field in model._meta.concrete_fields if not field.generated]
    made = [(field.attname, field.default) for field in fields if callable(field.default) and field.has_default()]
    each = {name for name, _ in made}
    return {field.attname: field.get_default() for field in fields if field.attname not in each}, made


def insert_many(model: type[models.Model], rows: Sequence[Mapping[str, Any]], *, skip_taken: bool = False) -> set[Any]:
    """Inserts rows that were checked (`clean`), in one statement; of each the model's attributes, as `vars` gives them.

    What `bulk_create` does, at a tenth of its cost in Python (that prepares each value of each row by itself): the rows
    go to the database as one JSON text, and it makes values of them. Nothing is read back; columns that the database
    itself fills (generated ones, those with a default of its own) are left to it.

    Args:
        skip_taken: leaves out the rows whose primary key is taken, instead of failing.

    Returns:
        The primary keys of what was left out.
    """
    statement, columns = _insertion(model, skip_taken)
    values = [{column: row[name] for column, name in columns} for row in rows]
    with connection.cursor() as cursor:
        # Many rows have the same author; a UUID as text costs more than finding it again.
        cursor.execute(statement, [json.dumps(values, default=cache(_as_text) if len(values) > 1 else _as_text)])
        if cursor.rowcount == len(rows):
            return set()
        key = model._meta.pk.attname
        return {row[key] for row in rows} - {key for (key,) in cursor.fetchall()}


@cache
def _insertion(model: type[models.Model], skip_taken: bool) -> tuple[str, list[tuple[str, str]]]:
    """The statement, and of each column its name and the attribute whose value it takes."""
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
    """A value that JSON does not know, as PostgreSQL reads it: UUIDs, dates and times as they are written."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


def _update(instance: Versioned, changed: dict[str, Any]) -> None:
    loaded_version, now = instance.version, timezone.now()
    rows = type(instance)._base_manager.filter(pk=instance.pk)
    with translate_integrity_errors(instance), transaction.atomic():
        written = rows.filter(version=loaded_version).update(**changed, version=loaded_version + 1, updated_at=now)
    if not written:
        raise Stale(rows.values_list("version", flat=True).get())
    instance.version, instance.updated_at = loaded_version + 1, now


@contextmanager
def translate_integrity_errors(instance: Versioned) -> Iterator[None]:
    """Turns a broken constraint into the error that the rule it stands for would have given."""
    try:
        yield
    except IntegrityError as exc:
        error = _error_of(instance, exc.__cause__.diag)  # type: ignore[union-attr]  # psycopg2's own error
        if error is None:
            raise
        raise error from exc


@contextmanager
def deleting() -> Iterator[None]:
    """Turns the database's refusal to delete what rows of another app refer to into a Conflict (see `kept_by`)."""
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
    if told := instance.already_exists.get(diagnosis.constraint_name):
        return AlreadyExists(told.format(instance))
    for constraint in instance._meta.constraints:
        if constraint.name == diagnosis.constraint_name:
            code = constraint.violation_error_code or "invalid"
            return ValidationError(constraint.get_violation_error_message(), code=code)
    for field in instance._meta.fields:
        if field.remote_field and f"({field.column})=" in (diagnosis.message_detail or ""):
            return invalid(field.name, "unknown", "There is no such record.")
    return None
