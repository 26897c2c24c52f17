"""The writing of rows: checked by the rules of the model, and only if the row is still as it was loaded."""

from collections.abc import Container, Mapping
from functools import cache
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.expressions import DatabaseDefault
from django.utils import timezone

from core.db.bulk_insert import insert
from core.db.integrity import translate_integrity_errors
from core.db.versioned import Versioned
from core.errors import Stale
from core.merge_patch import MapChange

Row = TypeVar("Row", bound=Versioned)


def save_clean(
    instance: Row,
    *,
    also: Mapping[str, Any] | None = None,
    extra_errors: Mapping[str, ValidationError] | None = None,
    **fields: Any,
) -> Row:
    """Set the fields, check the model's rules, and save the row. Services write the rows that clients edit by it.

    A new row is inserted; if that violates a constraint, the transaction cannot continue. Of a loaded row only the
    changed fields are written, with the next version, and only if the row is still at the loaded version. If no field
    changed, nothing is written.

    Args:
        also: values to write together with a change, e.g. the user that made it.
        extra_errors: by field, what the service found wrong; raised together with the errors of the model's rules.
        fields: the new value of each; for a map also a `MapChange`.

    Raises:
        ValidationError: a rule is violated; names every invalid field.
        AlreadyExists: a unique constraint named in `already_exists` is violated.
        Stale: the row was modified since it was loaded.
    """
    if instance._state.adding:
        for name, value in fields.items():
            setattr(instance, name, _applied(value, getattr(instance, name)))
        clean(instance, extra_errors=extra_errors)
        with translate_integrity_errors(instance):
            insert(instance)
        return instance
    changed = set_clean(instance, fields, extra_errors=extra_errors)
    if changed:
        for name, value in (also or {}).items():
            setattr(instance, name, value)
        _update(instance, changed | dict(also or {}))
    return instance


def set_clean(
    instance: models.Model, fields: Mapping[str, Any], *, extra_errors: Mapping[str, ValidationError] | None = None
) -> dict[str, Any]:
    """Set the fields of a loaded row, and check the model's rules, without saving it. Return the values that changed.

    Args:
        fields: as for `save_clean`.

    Raises:
        ValidationError: a rule is violated; names every invalid field.
    """
    before = {name: getattr(instance, name) for name in fields}
    for name, value in fields.items():
        setattr(instance, name, _applied(value, before[name]))
    clean(instance, only=fields, extra_errors=extra_errors)
    return {name: getattr(instance, name) for name, value in before.items() if getattr(instance, name) != value}


def _applied(value: Any, before: Any) -> Any:
    return value.applied_to(before) if isinstance(value, MapChange) else value


def clean(
    instance: models.Model,
    only: Container[str] | None = None,
    extra_errors: Mapping[str, ValidationError] | None = None,
) -> None:
    """Check the model's rules, except for those that the database checks itself (foreign keys, constraints).

    Like `full_clean`, which would visit every field of the model to check one.

    Args:
        only: the fields to check; None = all. The rules across fields are always checked.
        extra_errors: by field, errors that are raised together with those of the rules.

    Raises:
        ValidationError: names every invalid field.
    """
    errors: dict[str, list[ValidationError]] = {
        name: list(error.error_list) for name, error in (extra_errors or {}).items()
    }
    for field in _checked_fields(type(instance)):
        if only is not None and field.name not in only:
            continue
        value = getattr(instance, field.attname)
        if (field.blank and value in field.empty_values) or isinstance(value, DatabaseDefault):
            continue
        try:
            setattr(instance, field.attname, field.clean(value, instance))
        except ValidationError as exc:
            errors.setdefault(field.name, []).extend(exc.error_list)
    try:
        instance.clean()
    except ValidationError as exc:
        errors = exc.update_error_dict(errors)
    if errors:
        raise ValidationError(errors)


@cache
def _checked_fields(model: type[models.Model]) -> list[Any]:
    return [field for field in model._meta.fields if not (field.remote_field or field.generated)]


def _update(instance: Versioned, changed: dict[str, Any]) -> None:
    loaded_version, now = instance.version, timezone.now()
    rows = type(instance)._base_manager.filter(pk=instance.pk)
    with translate_integrity_errors(instance), transaction.atomic():
        count = rows.filter(version=loaded_version).update(**changed, version=loaded_version + 1, updated_at=now)
    if not count:
        raise Stale(rows.values_list("version", flat=True).get())
    instance.version, instance.updated_at = loaded_version + 1, now
