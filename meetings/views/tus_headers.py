"""What the headers of tus 1.0 say: read as strictly as the protocol defines them."""

import base64
import hashlib
import re

from django.http import HttpRequest

from core.errors import invalid
from meetings.services.recordings import UploadMetadata
from meetings.services.resumable import ALGORITHMS, Checksum

#: Name in `Upload-Metadata` → field of `UploadMetadata`.
_FIELDS = {
    "filename": "filename",
    "filetype": "content_type",
    "meeting_id": "meeting_id",
    "title": "title",
    "sha256": "sha256",
}
_MAX_METADATA = 8192


def number(request: HttpRequest, header: str) -> int:
    """Return the number of bytes that a header says.

    Raises:
        ValidationError: it says none, or is not there.
    """
    sent = request.headers.get(header, "")
    # As long as it likes, up to where it takes time to read: what is too much is refused as that.
    if not re.fullmatch(r"[0-9]{1,1000}", sent):
        raise invalid(header.lower(), "type", f"{header} is a number of bytes, in digits.")
    return int(sent)


def length(request: HttpRequest) -> int | None:
    """Return how many bytes will come, as `Upload-Length` says; None = `Upload-Defer-Length` says that it comes later.

    Raises:
        ValidationError: neither, both, or something else.
    """
    deferred = request.headers.get("Upload-Defer-Length")
    if deferred is None:
        return number(request, "Upload-Length")
    if deferred != "1":
        raise invalid("upload-defer-length", "choice", "Upload-Defer-Length is 1, or is left out.")
    if "Upload-Length" in request.headers:
        raise invalid("upload-defer-length", "mismatch", "Send Upload-Length or Upload-Defer-Length, not both.")
    return None


def refuse_concatenation(request: HttpRequest) -> None:
    """Refuse an upload that is to be a part of another one, or is to be made of others.

    Raises:
        ValidationError
    """
    if "Upload-Concat" in request.headers:
        raise invalid(
            "upload-concat",
            "unsupported",
            "This server does not join uploads (Tus-Extension does not name concatenation); send the file as one.",
        )


def checksum(request: HttpRequest) -> Checksum | None:
    """Return what `Upload-Checksum` says; None = it is not there.

    Raises:
        ValidationError
    """
    sent = request.headers.get("Upload-Checksum")
    if sent is None:
        return None
    algorithm, _, digest = sent.partition(" ")
    if algorithm not in ALGORITHMS or not digest:
        raise invalid("upload-checksum", "choice", f"Upload-Checksum is one of {', '.join(ALGORITHMS)}, and a digest.")
    try:
        length = len(base64.b64decode(digest, validate=True))
    except ValueError:
        length = 0
    if length != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise invalid("upload-checksum", "type", f"The digest is no {algorithm} in Base64.")
    return Checksum(algorithm, digest)


def announced(sent: str, size: int) -> UploadMetadata:
    """Return what `Upload-Metadata` says of a recording: pairs of a key and a text in Base64, which may be missing.

    Keys that are not ours are passed over, but must be well-formed, too.

    Args:
        size: in bytes; 0 = not known.

    Raises:
        ValidationError
    """
    if len(sent) > _MAX_METADATA:
        raise invalid("upload-metadata", "max_length", f"Upload-Metadata has at most {_MAX_METADATA:,} characters.")
    found: dict[str, bytes] = {}
    for pair in sent.split(",") if sent.strip() else ():
        key, _, encoded = pair.strip().partition(" ")
        if not re.fullmatch(r"[\x21-\x2b\x2d-\x7e]+", key):
            raise invalid("upload-metadata", "type", "Each pair of Upload-Metadata begins with a key, in ASCII.")
        if key in found:
            raise invalid("upload-metadata", "duplicate", f"The key {key} stands twice in Upload-Metadata.")
        try:
            found[key] = base64.b64decode(encoded, validate=True)
        except ValueError as exc:
            raise invalid("upload-metadata", "type", f"The value of {key} is not in Base64.") from exc
    return UploadMetadata(
        size=size, **{field: _text(key, found[key]) for key, field in _FIELDS.items() if key in found}
    )


def _text(key: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as exc:
        raise invalid("upload-metadata", "type", f"The value of {key} is not a text in UTF-8.") from exc
