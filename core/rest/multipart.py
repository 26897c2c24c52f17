"""File uploads over HTTP: a multipart form (RFC 7578), read as it arrives and turned into a stream of messages.

An rpc that takes a file takes a stream: its first message describes the file (`metadata`), the others are its bytes
(`chunk`). In the form, fields describe the file. They precede the part `file`, which is the last one.
"""

import email.message
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from core import protojson
from core.errors import UnsupportedMediaType, invalid
from core.operations import Operation
from core.rest import bodies

#: The name of the form's part that holds the file.
FILE_PART = "file"
#: The limit on the texts of all fields together.
_MAX_TEXT_BYTES = 256 * 1024
#: The limit on the number of fields. A list repeats its field.
_MAX_FIELDS = 1_100
#: The limit on data before the first part.
_MAX_PREAMBLE_BYTES = 64 * 1024

Parts = Iterator[MultipartSegment | bytes | bytearray | None]


def messages(
    operation: Operation, request: HttpRequest, path_values: Mapping[str, str]
) -> Iterator[Message | ValidationError]:
    """Yield the messages that the form stands for, as its bytes arrive.

    Args:
        path_values: the texts in the path, which are fields of the metadata.

    Raises:
        UnsupportedMediaType: the body is not a form.
        ValidationError: the form or one of its fields is invalid, or the file is missing or not the last part.
        DeadlineExceeded, Cancelled: the body is incomplete.
    """
    boundary = (request.content_params or {}).get("boundary", "")
    bodies.check_encoding(request.META)
    if request.content_type != bodies.FORM_TYPE or not boundary:
        raise UnsupportedMediaType(f"Send the body as {bodies.FORM_TYPE}.", accepted=[bodies.FORM_TYPE])
    return _messages(operation, _parts(request, boundary), path_values)


def metadata_type(operation: Operation) -> Descriptor:
    """Return the message type that describes the file."""
    return cast(Descriptor, operation.method.input_type.fields_by_name["metadata"].message_type)


def _messages(
    operation: Operation, parts: Parts, path_values: Mapping[str, str]
) -> Iterator[Message | ValidationError]:
    fields: list[tuple[str, str]] = []
    bytes_left, has_file = _MAX_TEXT_BYTES, False
    for part in parts:
        if not isinstance(part, MultipartSegment):
            continue
        name = _decoded(part.name or "")
        if has_file:
            raise invalid("", "form", f"The part {FILE_PART} must be the last part of the form.")
        if name == FILE_PART:
            yield operation.request_class(metadata=_metadata(operation, fields, part, path_values))
            for chunk in _content(parts):
                yield operation.request_class(chunk=chunk)
            has_file = True
            continue
        _check_field(fields, name, part)
        text = b"".join(_at_most(parts, bytes_left))
        bytes_left -= len(text)
        fields.append((name, text.decode(errors="replace")))
    if not has_file:
        raise invalid(FILE_PART, "required", f"Send the file as the part {FILE_PART} of the form.")


def _parts(request: HttpRequest, boundary: str) -> Parts:
    """Yield, for each part of the form, its head, its content in pieces, and None. Data after the last is ignored."""
    read = seen = 0
    try:
        # Any byte is a character of Latin-1; `_decoded` finds the real encoding.
        parser = PushMultipartParser(boundary, header_charset="latin-1")
        for piece in bodies.pieces(request.META):
            read += len(piece)
            for event in parser.parse(piece):
                seen += 1
                yield event
            if not seen and read > _MAX_PREAMBLE_BYTES:
                raise invalid("", "form", "The form cannot be read: it has no part.")
    except MultipartError as exc:
        raise invalid("", "form", "The form cannot be read.") from exc
    try:
        parser.close()
    except MultipartError as exc:
        # A disconnected client is reported by the pieces; here the body is complete, but the form in it is not.
        raise invalid("", "form", "The form is not complete: its closing boundary is missing.") from exc


def _check_field(before: list[tuple[str, str]], name: str, part: MultipartSegment) -> None:
    if not name:
        raise invalid("", "form", "Each part of the form must have a name.")
    if part.filename is not None:
        raise invalid((name,), "unknown", f"Send the file as the part {FILE_PART} of the form.")
    if len(before) == _MAX_FIELDS:
        raise invalid("", "form", "The form has too many fields.")


def _content(parts: Parts) -> Iterator[bytes]:
    for piece in iter(lambda: next(parts, None), None):
        yield bytes(cast(bytes, piece))


def _at_most(parts: Parts, limit: int) -> Iterator[bytes]:
    for piece in _content(parts):
        limit -= len(piece)
        if limit < 0:
            raise invalid("", "form", "The fields of the form are too long.")
        yield piece


def _metadata(
    operation: Operation, fields: list[tuple[str, str]], file: MultipartSegment, path_values: Mapping[str, str]
) -> dict[str, Any]:
    of_the_file = {"filename": _filename(file), "content_type": _decoded(file.header("Content-Type", ""))}
    for name in path_values.keys() & {name for name, _ in fields}:
        raise invalid((name,), "unknown", f"{name} is part of the path.")
    metadata = protojson.read_form(metadata_type(operation), [*path_values.items(), *fields])
    return metadata | {name: text for name, text in of_the_file.items() if not metadata.get(name)}


def _filename(file: MultipartSegment) -> str:
    if file.filename is not None:
        return _decoded(file.filename)
    # Some clients send a name beyond ASCII as `filename*` (RFC 5987), which HTTP defines but forms do not.
    headers = email.message.Message()
    headers["Content-Disposition"] = _decoded(file.header("Content-Disposition", ""))
    try:
        return headers.get_filename("")
    except ValueError:  # An unknown charset, or bytes that are not in it.
        raise invalid("", "form", "The form cannot be read.") from None


def _decoded(latin1: str) -> str:
    """Return a text of a part's head in its encoding: UTF-8, or that of Windows as old clients send it, or Latin-1."""
    for encoding in ("utf-8", "cp1252"):
        with suppress(UnicodeDecodeError):
            return latin1.encode("latin-1").decode(encoding)
    return latin1
