"""gRPC-Web: frames in the body, the last of which holds the trailers; or the same in Base64 (`-text`)."""

import base64
import re
from collections.abc import Mapping
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core.errors import Problem, invalid
from core.feeds import Event
from core.observability.call_log import Report
from core.rest import bodies
from core.rpc.problems import status_details, status_message
from core.web_rpc.codecs import JSON, PROTO, Codec
from core.web_rpc.frames import HEAD_BYTES, frame, only_message
from core.web_rpc.wire import code_name, encoding_of, grpc_timeout

_TRAILERS = 0x80
_TYPE = "application/grpc-web"
_CODECS: dict[str, Codec] = {"": PROTO, "+proto": PROTO, "+json": JSON}
#: Characters that `grpc-message` may have unescaped, besides letters and digits: printable ASCII without `%`.
_UNESCAPED = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
TYPES = [_TYPE + form + codec for form in ("", "-text") for codec in _CODECS if not (form and codec == "+json")]


class GrpcWeb:
    """A call over gRPC-Web (`core.web_rpc.wire.Wire`)."""

    name = "grpc-web"
    begin = heartbeat = b""

    def __init__(self, content_type: str) -> None:
        self.content_type = content_type
        form = content_type.removeprefix(_TYPE)
        self._is_text = form.startswith("-text")
        self.codec = _CODECS[form.removeprefix("-text")]

    def check(self, request: HttpRequest, *, streams: bool) -> None:
        encoding_of(request.META, "HTTP_CONTENT_ENCODING", ("identity",))
        encoding_of(request.META, "HTTP_GRPC_ENCODING")

    def timeout_seconds(self, request: HttpRequest) -> float | None:
        text = request.META.get("HTTP_GRPC_TIMEOUT")
        return None if text is None else grpc_timeout(text)

    def message(self, request: HttpRequest) -> bytes:
        limit = settings.MAX_MESSAGE_BYTES + HEAD_BYTES
        # Base64 takes four bytes for three.
        body = bodies.whole(request.META, (limit + 2) // 3 * 4 if self._is_text else limit)
        return only_message(_decoded(body) if self._is_text else body, encoding_of(request.META, "HTTP_GRPC_ENCODING"))

    def answer(self, data: bytes, headers: Mapping[str, str], report: Report) -> HttpResponse:
        return self._response(self._sent(frame(data)) + self.end(None, report), headers)

    def failed(self, problem: Problem, raised: BaseException, report: Report) -> HttpResponse:
        return self._response(self.end(problem, report), {})

    def frame(self, event: Event) -> bytes:
        return self._sent(frame(self.codec.event(event)))

    def end(self, problem: Problem | None, report: Report) -> bytes:
        report.code = code_name(problem)
        trailers = {"grpc-status": "0", "x-request-id": report.request_id}
        if problem is not None:
            trailers["grpc-status"] = str(problem.spec.grpc_code)
            trailers["grpc-message"] = quote(status_message(problem), safe=_UNESCAPED)
            trailers["grpc-status-details-bin"] = base64.b64encode(status_details(problem)).decode().rstrip("=")
        lines = "".join(f"{name}: {value}\r\n" for name, value in trailers.items())
        return self._sent(frame(lines.encode("ascii"), _TRAILERS))

    def _sent(self, data: bytes) -> bytes:
        return base64.b64encode(data) if self._is_text else data

    def _response(self, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        return HttpResponse(body, content_type=self.content_type, headers={"Cache-Control": "no-store", **headers})


def _decoded(text: bytes) -> bytes:
    """Decode a body in Base64. A client may encode it in parts, each with its padding.

    Raises:
        ValidationError
    """
    parts = re.findall(rb"[^=]+={0,2}", text)
    if sum(map(len, parts)) != len(text):
        raise invalid("", "invalid", "The body is not valid Base64.")
    try:
        return b"".join(base64.b64decode(part, validate=True) for part in parts)
    except ValueError as exc:
        raise invalid("", "invalid", "The body is not valid Base64.") from exc
