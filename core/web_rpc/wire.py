"""The interface of a protocol: it reads the message of a request, and writes the answer or the failure."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse
from google.rpc import code_pb2

from core.errors import MethodNotAllowed, Problem, invalid
from core.observability.call_log import Report
from core.web_rpc.codecs import Codec

_TIMEOUT = re.compile(r"(\d{1,8})([HMSmun])", re.ASCII)
_SECONDS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


class Unimplemented(MethodNotAllowed):
    """The server does not support this kind of call (UNIMPLEMENTED)."""


class NoSuchMethod(Unimplemented):
    """There is no rpc at this path."""


class Wire(Protocol):
    """One call in its protocol.

    Attributes:
        name: of the protocol, in log lines.
        codec: of its messages.
        content_type: of its answer.
        begin, heartbeat: see `core.rest.feed_responses.Form`; a stream is sent in that form.
    """

    name: str
    codec: Codec
    content_type: str

    def check(self, request: HttpRequest, *, streams: bool) -> None:
        """Check the headers of the protocol.

        Args:
            streams: the rpc answers a stream.

        Raises:
            ValidationError, Unimplemented, UnsupportedMediaType
        """

    def timeout_seconds(self, request: HttpRequest) -> float | None:
        """Return how long the client waits; None = without limit.

        Raises:
            ValidationError
        """

    def message(self, request: HttpRequest) -> bytes:
        """Read the encoded request message.

        Raises:
            ValidationError, Unimplemented
            TooLarge, Cancelled, DeadlineExceeded, Unavailable: see `core.rest.bodies.whole`.
        """

    def answer(self, data: bytes, headers: Mapping[str, str], report: Report) -> HttpResponse:
        """Return the response with one message."""

    def failed(self, problem: Problem, raised: BaseException, report: Report) -> HttpResponse:
        """Return the response of a call that fails before its first message."""


def code_name(problem: Problem | None) -> str:
    """Return the name of the call's gRPC code."""
    return "OK" if problem is None else str(code_pb2.Code.Name(problem.spec.grpc_code))


def grpc_timeout(text: str) -> float:
    """Parse `grpc-timeout`, such as `5S` or `250m`.

    Raises:
        ValidationError
    """
    match = _TIMEOUT.fullmatch(text.strip())
    if match is None:
        raise invalid("grpc-timeout", "format", "Send up to eight digits and one of H, M, S, m, u, n.")
    return int(match[1]) * _SECONDS[match[2]]


def connect_timeout(text: str) -> float:
    """Parse `connect-timeout-ms`.

    Raises:
        ValidationError
    """
    if not re.fullmatch(r"\d{1,10}", text.strip(), re.ASCII):
        raise invalid("connect-timeout-ms", "format", "Send up to ten digits: milliseconds.")
    return int(text) / 1000


def encoding_of(meta: Mapping[str, Any], header: str, accepted: tuple[str, ...] = ("identity", "gzip")) -> str:
    """Return the encoding that this header announces: `identity` or `gzip`.

    Raises:
        Unimplemented: it is another one.
    """
    encoding = str(meta.get(header) or "identity").strip().lower()
    if encoding not in accepted:
        raise Unimplemented(f"The server does not read this encoding; send one of: {', '.join(accepted)}.")
    return encoding
