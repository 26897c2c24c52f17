"""Resumable uploads: tus 1.0 (https://tus.io/protocols/resumable-upload) with the extensions of `EXTENSIONS`.

`purpose` in `Upload-Metadata` names what the file is for. The default is the purpose that was registered first.
Requires the same permissions as the operation that takes the file in one piece.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date
from google.protobuf.message_factory import GetMessageClass

from core import context, request_streams
from core.addresses import http_client_address
from core.errors import MethodNotAllowed, UnsupportedMediaType, UnsupportedVersion, invalid
from core.execution import admit, identify
from core.limits import costs
from core.observability.call_log import http_meter
from core.operations import Call, Operation
from core.rest import bodies, problems, tus_headers
from core.rest.multipart import metadata_type
from core.uploads import resumable
from core.uploads.purposes import Purpose
from core.uploads.resumable import ALGORITHMS
from core.uploads.rows import ResumableUpload

VERSION = "1.0.0"
EXTENSIONS = ("creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum", "termination")
PATH = "/api/v1/uploads"
PIECE_TYPE = "application/offset+octet-stream"
#: The key in `Upload-Metadata` that names what the file is for.
PURPOSE = "purpose"
_CHUNK_BYTES = 64 * 1024

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A purpose of uploads as tus serves it.

    Attributes:
        operation: the one that takes the file in one piece; its metadata message defines `Upload-Metadata`.
        read: converts the metadata message to what the purpose takes, which has a `size`.
        marks: returns further headers of answers about an upload.
    """

    purpose: Purpose
    operation: Operation
    read: Callable[[Any], Any]
    marks: Callable[[Any], Mapping[str, str]]


#: Name of the purpose → target. The first one is the default.
_targets: dict[str, Target] = {}


def serve(target: Target) -> None:
    """Serve uploads of this purpose."""
    _targets[target.purpose.name] = target


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
    return _answer(request, {"POST": _create, "OPTIONS": _options}, _default())


def upload(request: HttpRequest, upload_id: str) -> HttpResponse:
    """Serve /api/v1/uploads/{id}."""
    # An unknown id is refused by the purpose for which the caller has the permission.
    purpose = resumable.purpose_of(upload_id)
    target = _targets[purpose.name] if purpose else _default()
    return _answer(request, {"HEAD": _head, "PATCH": _patch, "DELETE": _delete, "OPTIONS": _options}, target, upload_id)


def _default() -> Target:
    return next(iter(_targets.values()))


def _answer(request: HttpRequest, views: dict[str, View], target: Target, *arguments: str) -> HttpResponse:
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
    if view is _create:
        target = _declared_target(request)
    authorization, operation = request.META.get("HTTP_AUTHORIZATION"), target.operation
    credential = admit(
        report,
        operation,
        partial(identify, operation, authorization),
        partial(http_client_address, request.META),
        cost=costs.READ if view is _head else costs.WRITE,
    )
    call = Call(operation, credential, is_charged=True)
    report.principal = call.actor.pk
    return view(request, target, call, *arguments)


def _declared_target(request: HttpRequest) -> Target:
    """Return the target that a new upload names. Malformed metadata is reported to authenticated callers only."""
    with suppress(ValidationError):
        found = tus_headers.pairs(request.META.get("HTTP_UPLOAD_METADATA", ""))
        return _targets.get(tus_headers.text_of(found, PURPOSE)) or _default()
    return _default()


def _check_purpose(found: Mapping[str, bytes]) -> None:
    name = tus_headers.text_of(found, PURPOSE)
    if name and name not in _targets:
        raise invalid(PURPOSE, "choice", f"Choose one of: {', '.join(_targets)}.")


def _options(request: HttpRequest) -> HttpResponse:
    offered = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(max(target.purpose.max_bytes for target in _targets.values())),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return _empty(204, offered)


def _create(request: HttpRequest, target: Target, call: Call) -> HttpResponse:
    tus_headers.refuse_concatenation(request)
    length, metadata = tus_headers.length(request), request.META.get("HTTP_UPLOAD_METADATA", "")
    found = tus_headers.pairs(metadata)
    _check_purpose(found)
    message = metadata_type(target.operation)
    fields = tus_headers.declared_fields(found, message)
    # A size beyond the range of the field is refused as too large, not as a number that is not one.
    declared = replace(target.read(GetMessageClass(message)(**fields)), size=length or 0)
    checksum = tus_headers.checksum(request)
    # A body of another type is not a piece.
    has_piece = request.content_type == PIECE_TYPE
    # Its stream is reserved first: if there is none free, nothing is created.
    piece = _body(request, call) if has_piece else None
    made = resumable.create_upload(target.purpose, call.actor, declared, length=length, metadata=metadata)
    answer = _empty(201)
    if piece is not None:
        try:
            made = resumable.append(target.purpose, call.actor, str(made.pk), 0, piece, checksum=checksum)
        except Exception as exc:
            if isinstance(exc, ValidationError):
                with suppress(ObjectDoesNotExist):
                    resumable.delete_upload(target.purpose, call.actor, str(made.pk))
            if not type(made)._default_manager.filter(pk=made.pk).exists():
                raise
            # The upload exists, and can be resumed where its piece was interrupted.
            answer = problems.response_of(exc)
            made.refresh_from_db()
    # Also after a failed piece. tus-js-client requests the offset even without a piece.
    answer["Location"] = request.build_absolute_uri(f"{PATH}/{made.pk}")
    answer["Upload-Offset"] = str(made.offset)
    return _marked(answer, target, made)


def _head(request: HttpRequest, target: Target, call: Call, upload_id: str) -> HttpResponse:
    found = resumable.get_upload(target.purpose, call.actor, upload_id)
    headers = {"Upload-Offset": str(found.offset)}
    if found.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(found.length)
    if found.metadata:
        headers["Upload-Metadata"] = found.metadata
    return _marked(_empty(200, headers), target, found)


def _patch(request: HttpRequest, target: Target, call: Call, upload_id: str) -> HttpResponse:
    if request.content_type != PIECE_TYPE:
        raise UnsupportedMediaType(f"Send the piece as {PIECE_TYPE}.", accepted=[PIECE_TYPE], patches=True)
    appended = resumable.append(
        target.purpose,
        call.actor,
        upload_id,
        tus_headers.number(request, "Upload-Offset"),
        _body(request, call),
        checksum=tus_headers.checksum(request),
        length=tus_headers.number(request, "Upload-Length") if "Upload-Length" in request.headers else None,
    )
    return _marked(_empty(204, {"Upload-Offset": str(appended.offset)}), target, appended)


def _delete(request: HttpRequest, target: Target, call: Call, upload_id: str) -> HttpResponse:
    resumable.delete_upload(target.purpose, call.actor, upload_id)
    return _empty(204)


def _empty(status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    answer = HttpResponse(status=status, headers=headers)
    del answer["Content-Type"]
    return answer


def _marked(answer: HttpResponse, target: Target, of: ResumableUpload) -> HttpResponse:
    """Add the headers of the purpose, and the time at which the upload expires."""
    for name, text in target.marks(of).items():
        answer[name] = text
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
