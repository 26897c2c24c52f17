"""A file over HTTP: a multipart form (RFC 7578) whose file is read as it comes, in place of a stream of messages.

An rpc that takes a file takes a stream whose first message says something of it (`metadata`) and whose further ones are
its bytes (`chunk`). In the form the same is said by fields, which stand before the part `file`; nothing follows it.
"""

from collections.abc import Iterator
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.multipartparser import FIELD, FILE, ChunkIter, LazyStream, MultiPartParserError, Parser
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from core.errors import Cancelled, UnsupportedMediaType, invalid
from core.operations import Operation
from core.rest import json
from core.rest.lines import body_chunks

#: The part of the form that the file is.
FILE_PART = "file"
CHUNK_BYTES = 64 * 1024
#: For the fields' texts together.
_MOST_TEXT_BYTES = 64 * 1024
_TYPE = "multipart/form-data"


def messages(operation: Operation, request: HttpRequest) -> Iterator[Message | ValidationError]:
    """The messages that the form stands for, as its bytes arrive.

    Raises:
        UnsupportedMediaType: the body is no form.
        ValidationError: the form is malformed, its fields are, or the file is missing or not the last part.
        DeadlineExceeded, Cancelled: the body cannot be read to its end.
    """
    boundary = (request.content_params or {}).get("boundary", "")
    if request.content_type != _TYPE or not boundary:
        raise UnsupportedMediaType(f"Send the body as {_TYPE}.")
    return _messages(operation, _Body(request), boundary.encode())


def metadata_type(operation: Operation) -> Descriptor:
    """The message that says something of the file."""
    return cast(Descriptor, operation.method.input_type.fields_by_name["metadata"].message_type)


def _messages(operation: Operation, body: "_Body", boundary: bytes) -> Iterator[Message | ValidationError]:
    texts: list[tuple[str, str]] = []
    sent = False
    try:
        for kind, headers, part in Parser(LazyStream(ChunkIter(cast(Any, body), CHUNK_BYTES)), boundary):
            if sent and kind in (FIELD, FILE):
                raise invalid("", "form", f"The part {FILE_PART} stands last in the form.")
            if kind == FIELD:
                texts.append((_name(headers), _text(part, texts)))
            elif kind == FILE:
                if _name(headers) != FILE_PART:
                    raise invalid(_name(headers), "unknown", f"The file is the part {FILE_PART}.")
                yield operation.request_class(metadata=_metadata(operation, texts, headers))
                yield from _chunks(operation, part)
                sent = True
    except MultiPartParserError as exc:
        raise invalid("", "form", "The form cannot be read.") from exc
    if not body.tail.rstrip(b"\r\n").endswith(b"--" + boundary + b"--"):
        raise Cancelled("The form ends before its end.")
    if not sent:
        raise invalid(FILE_PART, "required", f"Send the file as the part {FILE_PART} of the form.")


def _chunks(operation: Operation, part: Any) -> Iterator[Message]:
    while chunk := part.read(CHUNK_BYTES):
        yield operation.request_class(chunk=chunk)


def _metadata(operation: Operation, texts: list[tuple[str, str]], headers: Any) -> dict[str, Any]:
    content_type, _ = headers.get("content-type", ("", {}))
    _, disposition = headers["content-disposition"]
    of_the_file = {"filename": disposition["filename"].decode(errors="replace"), "content_type": content_type.strip()}
    fields = json.read_form(metadata_type(operation), texts)
    return fields | {name: text for name, text in of_the_file.items() if not fields.get(name)}


def _name(headers: Any) -> str:
    name: bytes = headers["content-disposition"][1].get("name", b"")
    return name.decode(errors="replace")


def _text(part: Any, before: list[tuple[str, str]]) -> str:
    text: bytes = part.read(_MOST_TEXT_BYTES)
    if len(text) + sum(len(other) for _, other in before) >= _MOST_TEXT_BYTES:
        raise invalid("", "form", "The fields of the form are too long.")
    return text.decode(errors="replace")


class _Body:
    """The body as Django's parser reads it; knows how it ended."""

    def __init__(self, request: HttpRequest) -> None:
        self._chunks = body_chunks(request, CHUNK_BYTES)
        self.tail = b""

    def read(self, size: int) -> bytes:
        chunk = next(self._chunks, b"")
        self.tail = (self.tail + chunk)[-256:]
        return chunk
