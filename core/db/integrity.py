"""Translation of violated constraints to the errors of the rules that they stand for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from core.db.versioned import Versioned
from core.errors import AlreadyExists, Conflict, invalid


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
