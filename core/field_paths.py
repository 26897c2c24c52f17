"""Paths of invalid fields: how errors name a field, and how its name differs in a message."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError

#: The path of a field: its parts, which may hold any character; or, where all parts are field names, one text with dots
#: between them. The key of an error in a ValidationError's dict.
FieldPath = str | tuple[str, ...]


def parts_of(path: FieldPath) -> tuple[str, ...]:
    """Return the parts of a field's path."""
    return path if isinstance(path, tuple) else tuple(path.split(".")) if path else ()


@contextmanager
def rename_fields(paths: Mapping[str, str]) -> Iterator[None]:
    """Name the invalid fields of a ValidationError as the caller knows them: model field → path in the message."""
    try:
        yield
    except ValidationError as exc:
        if not hasattr(exc, "error_dict"):
            raise
        shown: dict[Any, Any] = {shown_path(name, paths): errors for name, errors in exc.error_dict.items()}
        raise ValidationError(shown) from exc


def shown_path(path: FieldPath, paths: Mapping[str, str]) -> FieldPath:
    """Return the path of an invalid field in the message; for an item of a list (`roles.0`), its list's and its own."""
    if isinstance(path, str):
        head, dot, rest = path.partition(".")
        return paths.get(path) or f"{paths.get(head, head)}{dot}{rest}"
    if ".".join(path) in paths:
        return parts_of(paths[".".join(path)])
    return (*parts_of(paths.get(path[0], path[0])), *path[1:]) if path else path
