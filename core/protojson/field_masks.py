"""Field masks, which name the fields that a write changes. The keys of a JSON body are converted to the same mask."""

from collections.abc import Collection, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from core.protojson.unknown_fields import names_beside, no_such_field

EVERYTHING = "*"


def written_paths(resource: Message, mask: FieldMask | None, writable: Sequence[str]) -> list[str]:
    """Return the writable paths that a write names.

    Args:
        resource: the resource in the request.
        mask: None = the request has no mask: all writable fields that are set. `*` = all writable fields.
        writable: leaf paths, e.g. `first_name`, `profile.bio`. A mask may also name a parent of such paths.

    Raises:
        ValidationError: for each path that the resource does not have (`unknown`) or that is not writable
            (`read_only`).
    """
    if mask is None:
        return [path for path in writable if _is_set(resource, path)]
    named = list(dict.fromkeys(mask.paths))
    if named == [EVERYTHING]:
        return list(writable)
    wrong = {path: _error(path, resource.DESCRIPTOR) for path in named if not _covers(path, writable)}
    if wrong:
        raise ValidationError(wrong)
    return [path for path in writable if any(path == name or path.startswith(f"{name}.") for name in named)]


def _covers(path: str, writable: Collection[str]) -> bool:
    return path in writable or any(leaf.startswith(f"{path}.") for leaf in writable)


def _error(path: str, descriptor: Any) -> ValidationError:
    if path == EVERYTHING:
        return ValidationError("A mask with * may not have other paths.", code="invalid")
    parts = path.split(".")
    if not _exists(parts, descriptor):
        return ValidationError(no_such_field(parts, names_beside(descriptor, parts)), code="unknown")
    return ValidationError(f"The field {path} cannot be written.", code="read_only")


def _exists(path: Sequence[str], descriptor: Any) -> bool:
    for name in path:
        field: FieldDescriptor | None = descriptor.fields_by_name.get(name) if descriptor else None
        if field is None:
            return False
        descriptor = None if field.is_repeated else field.message_type
    return True


def _is_set(resource: Message, path: str) -> bool:
    *parents, leaf = path.split(".")
    for name in parents:
        if not resource.HasField(name):
            return False
        resource = getattr(resource, name)
    field = resource.DESCRIPTOR.fields_by_name[leaf]
    if field.has_presence:
        return resource.HasField(leaf)
    return bool(getattr(resource, leaf))
