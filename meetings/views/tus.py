"""Resumable uploads: tus 1.0 (https://tus.io/protocols/resumable-upload) with creation, checksum and termination.

UploadRecording is what it is the twin of: who may call that may call this.
"""

import base64
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core.errors import MethodNotAllowed, UnsupportedMediaType, invalid
from core.operations import admitted, caller
from core.reporting import http_meter
from core.rest import bodies
from meetings.services import resumable
from meetings.services.recordings import Announced
from meetings.services.resumable import ALGORITHMS, Checksum
from meetings.views import MeetingViewSet

VERSION = "1.0.0"
PIECE_TYPE = "application/offset+octet-stream"
_OPERATION = next(operation for operation in MeetingViewSet.operations if operation.rpc == "UploadRecording")
#: Name in `Upload-Metadata` → field of `Announced`.
_METADATA = {
    "filename": "filename",
    "filetype": "content_type",
    "meeting_id": "meeting_id",
    "title": "title",
    "sha256": "sha256",
}
_CHUNK_BYTES = 64 * 1024

View = Callable[..., HttpResponse]


def uploads(request: HttpRequest) -> HttpResponse:
    """/api/v1/uploads."""
    return _answer(request, {"POST": _create, "OPTIONS": _options})


def upload(request: HttpRequest, upload_id: str) -> HttpResponse:
    """/api/v1/uploads/{id}."""
    return _answer(request, {"HEAD": _head, "PATCH": _patch, "DELETE": _delete, "OPTIONS": _options}, upload_id)


def _answer(request: HttpRequest, views: dict[str, View], *arguments: str) -> HttpResponse:
    method = request.META.get("HTTP_X_HTTP_METHOD_OVERRIDE", request.method or "")
    report: Any = request.report  # type: ignore[attr-defined]
    report.meter = http_meter(method if method in views else "other", "tus")
    view = views.get(method)
    if view is None:
        raise MethodNotAllowed(allowed=views)
    if view is not _options:
        if request.META.get("HTTP_TUS_RESUMABLE") != VERSION:
            return HttpResponse(status=412, headers={"Tus-Version": VERSION})
        credential = admitted(_OPERATION, caller(_OPERATION, request.META.get("HTTP_AUTHORIZATION")))
        report.principal = credential.actor.pk
        arguments = (credential.actor, *arguments)
    answer = view(request, *arguments)
    answer["Tus-Resumable"] = VERSION
    answer["Cache-Control"] = "no-store"
    del answer["Content-Type"]
    return answer


def _options(request: HttpRequest, *arguments: str) -> HttpResponse:
    told = {
        "Tus-Version": VERSION,
        "Tus-Extension": "creation,checksum,termination",
        "Tus-Max-Size": str(settings.MAX_RECORDING_BYTES),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return HttpResponse(status=204, headers=told)


def _create(request: HttpRequest, actor: Any) -> HttpResponse:
    announced = Announced(
        size=_number(request, "Upload-Length"), **_metadata(request.META.get("HTTP_UPLOAD_METADATA", ""))
    )
    made = resumable.create_upload(actor, announced)
    location = request.build_absolute_uri(f"/api/v1/uploads/{made.pk}")
    return HttpResponse(status=201, headers={"Location": location, "Tandem-Meeting-Id": str(made.meeting_id)})


def _head(request: HttpRequest, actor: Any, upload_id: str) -> HttpResponse:
    found = resumable.get_upload(actor, upload_id)
    told = {"Upload-Offset": found.offset, "Upload-Length": found.length, "Tandem-Meeting-Id": found.meeting_id}
    return HttpResponse(status=200, headers={name: str(value) for name, value in told.items()})


def _patch(request: HttpRequest, actor: Any, upload_id: str) -> HttpResponse:
    if request.content_type != PIECE_TYPE:
        raise UnsupportedMediaType(f"Send the piece as {PIECE_TYPE}.")
    written = resumable.append(
        actor,
        upload_id,
        _number(request, "Upload-Offset"),
        bodies.pieces(request.META, _CHUNK_BYTES),
        _checksum(request),
    )
    return HttpResponse(status=204, headers={"Upload-Offset": str(written.offset)})


def _delete(request: HttpRequest, actor: Any, upload_id: str) -> HttpResponse:
    resumable.delete_upload(actor, upload_id)
    return HttpResponse(status=204)


def _number(request: HttpRequest, header: str) -> int:
    sent = request.headers.get(header, "")
    # As long as it likes, up to where it takes time to read: what is too much is told as that.
    if not re.fullmatch(r"[0-9]{1,1000}", sent):
        raise invalid(header.lower(), "type", f"{header} is a number of bytes.")
    return int(sent)


def _checksum(request: HttpRequest) -> Checksum | None:
    sent = request.headers.get("Upload-Checksum")
    if sent is None:
        return None
    algorithm, _, digest = sent.partition(" ")
    if algorithm not in ALGORITHMS or not digest:
        raise invalid("upload-checksum", "choice", f"Upload-Checksum is one of {', '.join(ALGORITHMS)}, and a digest.")
    return Checksum(algorithm, digest)


def _metadata(sent: str) -> dict[str, str]:
    """What `Upload-Metadata` says: pairs of a name and a text in Base64. Names that are not ours are passed over."""
    said = {}
    for pair in filter(None, map(str.strip, sent.split(","))):
        name, _, encoded = pair.partition(" ")
        if name in _METADATA:
            try:
                said[_METADATA[name]] = base64.b64decode(encoded, validate=True).decode()
            except ValueError as exc:
                raise invalid("upload-metadata", "type", f"The text of {name} is not in Base64.") from exc
    return said
