"""Connect: unary calls as plain HTTP, reads also by GET; streams as frames, the last of which holds the failure."""

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2
from google.rpc.status_pb2 import Status

from core.errors import Problem, UnsupportedMediaType, invalid, request_too_large
from core.feeds import Event
from core.observability.call_log import Report
from core.rest import bodies, problems
from core.rpc.problems import status_details, status_message
from core.web_rpc.codecs import JSON, PROTO, Codec
from core.web_rpc.frames import HEAD_BYTES, decompressed, frame, only_message
from core.web_rpc.wire import NoSuchMethod, code_name, connect_timeout, encoding_of

_END_STREAM = 0x02
_CODECS: dict[str, Codec] = {"proto": PROTO, "json": JSON}
UNARY_TYPES = [f"application/{name}" for name in _CODECS]
STREAM_TYPES = [f"application/connect+{name}" for name in _CODECS]
#: gRPC code → the status of a failed unary call.
_STATUSES = {
    code_pb2.CANCELLED: 499,
    code_pb2.UNKNOWN: 500,
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.DEADLINE_EXCEEDED: 504,
    code_pb2.NOT_FOUND: 404,
    code_pb2.ALREADY_EXISTS: 409,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.FAILED_PRECONDITION: 400,
    code_pb2.ABORTED: 409,
    code_pb2.OUT_OF_RANGE: 400,
    code_pb2.UNIMPLEMENTED: 501,
    code_pb2.INTERNAL: 500,
    code_pb2.UNAVAILABLE: 503,
    code_pb2.DATA_LOSS: 500,
    code_pb2.UNAUTHENTICATED: 401,
}


class Unary:
    """A unary call over Connect (`core.web_rpc.wire.Wire`)."""

    name = "connect"
    begin = heartbeat = b""

    def __init__(self, codec: str) -> None:
        self.codec = _CODECS[codec]
        self.content_type = f"application/{codec}"

    def check(self, request: HttpRequest, *, streams: bool) -> None:
        _check_version(request)
        if streams:
            message = f"This method answers with a stream: send the message in a frame, as {STREAM_TYPES[0]}."
            raise UnsupportedMediaType(message, accepted=STREAM_TYPES)
        encoding_of(request.META, "HTTP_CONTENT_ENCODING")

    def timeout_seconds(self, request: HttpRequest) -> float | None:
        return _timeout(request)

    def message(self, request: HttpRequest) -> bytes:
        body = bodies.whole(request.META, settings.MAX_MESSAGE_BYTES)
        return decompressed(body, encoding_of(request.META, "HTTP_CONTENT_ENCODING"))

    def answer(self, data: bytes, headers: Mapping[str, str], report: Report) -> HttpResponse:
        report.code = code_name(None)
        return HttpResponse(data, content_type=self.content_type, headers={"Cache-Control": "no-store", **headers})

    def failed(self, problem: Problem, raised: BaseException, report: Report) -> HttpResponse:
        report.code = code_name(problem)
        # The headers of a failure over REST hold here as well: Retry-After, WWW-Authenticate.
        answer = problems.response(problem, raised)
        answer["Content-Type"] = "application/json"
        answer.status_code = _status(problem, raised)
        answer.content = json.dumps(_error(problem)).encode()
        return answer

    def frame(self, event: Event) -> bytes:
        raise NotImplementedError

    def end(self, problem: Problem | None, report: Report) -> bytes:
        raise NotImplementedError


class Get(Unary):
    """A read over Connect by GET, whose message is in the query."""

    def __init__(self, query: str) -> None:
        self._values: dict[str, list[str]] = {}
        try:
            self._values = parse_qs(query, keep_blank_values=True, max_num_fields=20, errors="surrogateescape")
        except ValueError:
            self._is_readable = False
        else:
            self._is_readable = True
        encoding = self._value("encoding")
        super().__init__(encoding if encoding in _CODECS else "json")

    def check(self, request: HttpRequest, *, streams: bool) -> None:
        if not self._is_readable:
            raise invalid("", "max_items", "The query has too many parameters.")
        if self._value("connect") not in (None, "v1"):
            raise invalid("connect", "choice", "Choose one of: v1.")
        if self._value("encoding") not in _CODECS:
            raise invalid("encoding", "choice", f"Choose one of: {', '.join(_CODECS)}.")
        if self._value("message") is None:
            raise invalid("message", "required", "Send the message as a parameter of the query.")
        encoding_of({"compression": self._value("compression")}, "compression")
        super().check(request, streams=streams)

    def message(self, request: HttpRequest) -> bytes:
        text = (self._value("message") or "").encode(errors="surrogateescape")
        if len(text) > settings.MAX_MESSAGE_BYTES:
            raise request_too_large(settings.MAX_MESSAGE_BYTES)
        if self._value("base64") != "1":
            return text
        try:
            data = base64.b64decode(text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4), b"-_", validate=True)
        except ValueError as exc:
            raise invalid("message", "format", "Expected bytes in Base64, with - and _.") from exc
        return decompressed(data, encoding_of({"compression": self._value("compression")}, "compression"))

    def _value(self, name: str) -> str | None:
        return self._values.get(name, [None])[0]


class Streaming:
    """A call over Connect that is answered with a stream (`core.web_rpc.wire.Wire`)."""

    name = "connect"
    begin = heartbeat = b""

    def __init__(self, codec: str) -> None:
        self.codec = _CODECS[codec]
        self.content_type = f"application/connect+{codec}"

    def check(self, request: HttpRequest, *, streams: bool) -> None:
        _check_version(request)
        if not streams:
            message = f"This method has one answer: send the message without a frame, as {UNARY_TYPES[0]}."
            raise UnsupportedMediaType(message, accepted=UNARY_TYPES)
        encoding_of(request.META, "HTTP_CONTENT_ENCODING", ("identity",))
        encoding_of(request.META, "HTTP_CONNECT_CONTENT_ENCODING")

    def timeout_seconds(self, request: HttpRequest) -> float | None:
        return _timeout(request)

    def message(self, request: HttpRequest) -> bytes:
        body = bodies.whole(request.META, settings.MAX_MESSAGE_BYTES + HEAD_BYTES)
        return only_message(body, encoding_of(request.META, "HTTP_CONNECT_CONTENT_ENCODING"))

    def answer(self, data: bytes, headers: Mapping[str, str], report: Report) -> HttpResponse:
        raise NotImplementedError

    def failed(self, problem: Problem, raised: BaseException, report: Report) -> HttpResponse:
        headers = {"Cache-Control": "no-store"}
        return HttpResponse(self.end(problem, report), content_type=self.content_type, headers=headers)

    def frame(self, event: Event) -> bytes:
        return frame(self.codec.event(event))

    def end(self, problem: Problem | None, report: Report) -> bytes:
        report.code = code_name(problem)
        end: dict[str, Any] = {"metadata": {"x-request-id": [report.request_id]}}
        if problem is not None:
            end["error"] = _error(problem)
        return frame(json.dumps(end).encode(), _END_STREAM)


def _check_version(request: HttpRequest) -> None:
    if request.META.get("HTTP_CONNECT_PROTOCOL_VERSION", "1") != "1":
        raise invalid("connect-protocol-version", "choice", "Choose one of: 1.")


def _timeout(request: HttpRequest) -> float | None:
    text = request.META.get("HTTP_CONNECT_TIMEOUT_MS")
    return None if text is None else connect_timeout(text)


def _status(problem: Problem, raised: BaseException) -> int:
    if isinstance(raised, UnsupportedMediaType):
        return 415
    return 404 if isinstance(raised, NoSuchMethod) else _STATUSES[problem.spec.grpc_code]


def _error(problem: Problem) -> dict[str, Any]:
    """Return a failure as Connect has it, with the same details as over gRPC."""
    code = code_name(problem).lower()
    details = []
    for packed in Status.FromString(status_details(problem)).details:
        name = packed.TypeName()
        value = base64.b64encode(packed.value).decode().rstrip("=")
        shown = json_format.MessageToDict(_detail_class(name).FromString(packed.value))
        details.append({"type": name, "value": value, "debug": shown})
    return {
        "code": "canceled" if code == "cancelled" else code,
        "message": status_message(problem),
        "details": details,
    }


@cache
def _detail_class(name: str) -> type[Message]:
    detail: type[Message] = getattr(error_details_pb2, name.rpartition(".")[2])
    return detail
