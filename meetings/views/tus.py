"""Resumable uploads: tus 1.0 (https://tus.io/protocols/resumable-upload) with the extensions of `EXTENSIONS`.

Requires the same permissions as UploadRecording.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date

from core import context, request_streams
from core.errors import MethodNotAllowed, UnsupportedMediaType, UnsupportedVersion
from core.execution import authorize, identify
from core.observability.call_log import http_meter
from core.operations import Call
from core.rest import bodies, problems
from meetings.models import Upload
from meetings.services import resumable
from meetings.services.resumable import ALGORITHMS
from meetings.views import MeetingViewSet, tus_headers

VERSION = "1.0.0"
EXTENSIONS = ("creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum", "termination")
PATH = "/api/v1/uploads"
PIECE_TYPE = "application/offset+octet-stream"
_OPERATION = next(operation for operation in MeetingViewSet.operations if operation.rpc == "UploadRecording")
_CHUNK_BYTES = 64 * 1024

View = Callable[..., HttpResponse]


def mark_answers(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that adds the headers required by tus to each response of these paths, also to those created outside
    the views: the version, and `no-store`.
    """

    def marked(request: HttpRequest) -> HttpResponse:
        response = answer(request)
        if request.path_info == PATH or request.path_info.startswith(f"{PATH}/"):
            response["Tus-Resumable"] = VERSION
            response["Cache-Control"] = "no-store"
            if response.status_code == 412:
                response["Tus-Version"] = VERSION
        return response

    return marked


def uploads(request: HttpRequest) -> HttpResponse:
    """Serve /api/v1/uploads."""
    return _answer(request, {"POST": _create, "OPTIONS": _options})


def upload(request: HttpRequest, upload_id: str) -> HttpResponse:
    """Serve /api/v1/uploads/{id}."""
    return _answer(request, {"HEAD": _head, "PATCH": _patch, "DELETE": _delete, "OPTIONS": _options}, upload_id)


def _answer(request: HttpRequest, views: dict[str, View], *arguments: str) -> HttpResponse:
    method = request.META.get("HTTP_X_HTTP_METHOD_OVERRIDE", request.method or "")
    report: Any = request.report  # type: ignore[attr-defined]
    report.meter = http_meter(method if method in views else "other", "tus")
    view = views.get(method)
    if view is None:
        raise MethodNotAllowed(allowed=views)
    if view is _options:
        answer = _options(request)
        answer["Allow"] = ", ".join(views)
        return answer
    if request.META.get("HTTP_TUS_RESUMABLE") != VERSION:
        raise UnsupportedVersion(f"Use tus {VERSION}, and send this version in Tus-Resumable.")
    authorization = request.META.get("HTTP_AUTHORIZATION")
    call = Call(_OPERATION, authorize(_OPERATION, identify(_OPERATION, authorization)))
    report.principal = call.actor.pk
    return view(request, call, *arguments)


def _options(request: HttpRequest) -> HttpResponse:
    offered = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(settings.MAX_RECORDING_BYTES),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return _empty(204, offered)


def _create(request: HttpRequest, call: Call) -> HttpResponse:
    tus_headers.refuse_concatenation(request)
    length, metadata = tus_headers.length(request), request.META.get("HTTP_UPLOAD_METADATA", "")
    declared = tus_headers.declared_metadata(metadata, length or 0)
    checksum = tus_headers.checksum(request)
    # A body of another type is not a piece.
    has_piece = request.content_type == PIECE_TYPE
    # Its stream is reserved first: if there is none free, nothing is created.
    piece = _body(request, call) if has_piece else None
    made = resumable.create_upload(call.actor, declared, deferred=length is None, metadata=metadata)
    answer = _empty(201)
    if piece is not None:
        try:
            made = resumable.append(call.actor, str(made.pk), 0, piece, checksum=checksum)
        except Exception as exc:
            if isinstance(exc, ValidationError):
                with suppress(Upload.DoesNotExist):
                    resumable.delete_upload(call.actor, str(made.pk))
            if not Upload.objects.filter(pk=made.pk).exists():
                raise
            # The upload exists, and can be resumed where its piece was interrupted.
            answer = problems.response_of(exc)
            made.refresh_from_db()
    # Also after a failed piece. tus-js-client requests the offset even without a piece.
    answer["Location"] = request.build_absolute_uri(f"{PATH}/{made.pk}")
    answer["Upload-Offset"] = str(made.offset)
    return _marked(answer, made)


def _head(request: HttpRequest, call: Call, upload_id: str) -> HttpResponse:
    found = resumable.get_upload(call.actor, upload_id)
    headers = {"Upload-Offset": str(found.offset)}
    if found.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(found.length)
    if found.metadata:
        headers["Upload-Metadata"] = found.metadata
    return _marked(_empty(200, headers), found)


def _patch(request: HttpRequest, call: Call, upload_id: str) -> HttpResponse:
    if request.content_type != PIECE_TYPE:
        raise UnsupportedMediaType(f"Send the piece as {PIECE_TYPE}.", accepted=[PIECE_TYPE], patches=True)
    appended = resumable.append(
        call.actor,
        upload_id,
        tus_headers.number(request, "Upload-Offset"),
        _body(request, call),
        checksum=tus_headers.checksum(request),
        length=tus_headers.number(request, "Upload-Length") if "Upload-Length" in request.headers else None,
    )
    return _marked(_empty(204, {"Upload-Offset": str(appended.offset)}), appended)


def _delete(request: HttpRequest, call: Call, upload_id: str) -> HttpResponse:
    resumable.delete_upload(call.actor, upload_id)
    return _empty(204)


def _empty(status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    answer = HttpResponse(status=status, headers=headers)
    del answer["Content-Type"]
    return answer


def _marked(answer: HttpResponse, of: Upload) -> HttpResponse:
    """Add the headers with the meeting's id and the time at which the upload expires."""
    answer["Tandem-Meeting-Id"] = str(of.meeting_id)
    if until := resumable.expires_at(of):
        answer["Upload-Expires"] = http_date(until.timestamp())
    return answer


def _body(request: HttpRequest, call: Call) -> Iterator[bytes]:
    """Yield the body as it arrives, for as long as the caller's credential is valid."""
    bodies.check_encoding(request.META)
    context.deadline.set(None)  # A piece takes as long as its client takes.
    chunks = bodies.pieces(request.META, _CHUNK_BYTES)
    end = partial(bodies.end, request.META)
    return request_streams.receive(call, request.META.get("HTTP_AUTHORIZATION"), chunks, end)
