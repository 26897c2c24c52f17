"""Strict parsing of the request headers of tus 1.0."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.http import HttpRequest
from google.protobuf.descriptor import Descriptor

from core import protojson
from core.errors import invalid
from core.uploads.resumable import ALGORITHMS, Checksum

_MAX_METADATA = 32 * 1024


def number(request: HttpRequest, header: str) -> int:
    """Return the number of bytes in a header.

    Raises:
        ValidationError: the header is missing, or is not a number.
    """
    sent = request.headers.get(header, "")
    # Long numbers are accepted here, so that the caller rejects them as too large; the limit bounds the parsing time.
    if not re.fullmatch(r"[0-9]{1,1000}", sent):
        raise invalid(header.lower(), "type", f"{header} must be a number of bytes, in digits.")
    return int(sent)


def length(request: HttpRequest) -> int | None:
    """Return the upload's length from `Upload-Length`; None = deferred by `Upload-Defer-Length`.

    Raises:
        ValidationError: both headers, none, or an invalid one.
    """
    deferred = request.headers.get("Upload-Defer-Length")
    if deferred is None:
        return number(request, "Upload-Length")
    if deferred != "1":
        raise invalid("upload-defer-length", "choice", "Upload-Defer-Length must be 1 or absent.")
    if "Upload-Length" in request.headers:
        raise invalid("upload-defer-length", "mismatch", "Send Upload-Length or Upload-Defer-Length, not both.")
    return None


def refuse_concatenation(request: HttpRequest) -> None:
    """Reject an upload that is a part of another one, or a concatenation of others.

    Raises:
        ValidationError
    """
    if "Upload-Concat" in request.headers:
        raise invalid(
            "upload-concat",
            "unsupported",
            "This server does not support the concatenation of uploads; send the file as one upload.",
        )


def checksum(request: HttpRequest) -> Checksum | None:
    """Return the checksum in `Upload-Checksum`; None = the header is absent.

    Raises:
        ValidationError
    """
    sent = request.headers.get("Upload-Checksum")
    if sent is None:
        return None
    algorithm, _, digest = sent.partition(" ")
    if algorithm not in ALGORITHMS or not digest:
        raise invalid(
            "upload-checksum",
            "choice",
            f"Upload-Checksum must be one of {', '.join(ALGORITHMS)}, a space and a digest.",
        )
    try:
        length = len(base64.b64decode(digest, validate=True))
    except ValueError:
        length = 0
    if length != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise invalid("upload-checksum", "type", f"The digest is not a valid {algorithm} digest in Base64.")
    return Checksum(algorithm, digest)


def pairs(sent: str) -> dict[str, bytes]:
    """Return the pairs in `Upload-Metadata`: a key, and an optional value in Base64.

    Raises:
        ValidationError
    """
    if len(sent) > _MAX_METADATA:
        raise invalid("upload-metadata", "max_length", f"Upload-Metadata has at most {_MAX_METADATA:,} characters.")
    found: dict[str, bytes] = {}
    for pair in sent.split(",") if sent.strip() else ():
        key, _, encoded = pair.strip().partition(" ")
        if not re.fullmatch(r"[\x21-\x2b\x2d-\x7e]+", key):
            raise invalid("upload-metadata", "type", "Each pair in Upload-Metadata must begin with a key in ASCII.")
        if key in found:
            raise invalid("upload-metadata", "duplicate", f"Duplicate key {key} in Upload-Metadata.")
        try:
            found[key] = base64.b64decode(encoded, validate=True)
        except ValueError as exc:
            raise invalid("upload-metadata", "type", f"The value of {key} is not in Base64.") from exc
    return found


def text_of(found: Mapping[str, bytes], key: str) -> str:
    """Return the text of a key; empty if it is missing.

    Raises:
        ValidationError
    """
    return _text(key, found.get(key, b""))


def declared_fields(found: Mapping[str, bytes], metadata: Descriptor) -> dict[str, Any]:
    """Return the fields of the metadata message, read as the fields of a form. A list is a JSON array of texts, or
    texts with commas between them. `filetype` is the field `content_type`; the size comes in a header of its own.

    Unknown keys are ignored, but must be well-formed, too.

    Raises:
        ValidationError
    """
    keys = {name: name for name in metadata.fields_by_name if name not in ("size", "content_type")}
    texts = [
        (field, text)
        for key, field in {**keys, "filetype": "content_type"}.items()
        if key in found
        for text in _texts(metadata, key, field, _text(key, found[key]))
    ]
    return protojson.read_form(metadata, texts)


def _texts(metadata: Descriptor, key: str, field: str, text: str) -> Iterator[str]:
    """Yield the texts of a field, one unless it is a list. An empty text stands for an empty list."""
    if not metadata.fields_by_name[field].is_repeated:
        yield text
    elif text.lstrip().startswith("["):
        yield from _array(key, text)
    elif text.strip():
        yield from map(str.strip, text.split(","))


def _array(key: str, text: str) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise invalid(key, "type", "Expected a JSON array of texts, or texts with commas between them.")
    return found


def _text(key: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as exc:
        raise invalid("upload-metadata", "type", f"The value of {key} is not a text in UTF-8.") from exc
