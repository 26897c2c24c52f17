"""Per-call log line and metrics, identical for REST and gRPC.

The metrics' names follow Prometheus' conventions; those of gRPC are the names of go-grpc-middleware, which existing
dashboards and alerts use.
"""

import logging
import re
import time
from collections.abc import Mapping
from contextvars import Token
from functools import cache
from types import TracebackType
from typing import Any

from google.protobuf.json_format import Error, MessageToDict
from google.protobuf.message import Message
from prometheus_client import Counter, Histogram

from core import context
from core.errors import INTERNAL, Problem
from core.limits.budgets import Standing
from core.operations import Operation

logger = logging.getLogger(__name__)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_GRPC = ["grpc_type", "grpc_service", "grpc_method"]
_HTTP = ["method", "operation"]

GRPC_STARTED = Counter("grpc_server_started", "Calls started.", _GRPC)
GRPC_HANDLED = Counter("grpc_server_handled", "Calls ended, with any outcome.", [*_GRPC, "grpc_code"])
GRPC_SECONDS = Histogram(
    "grpc_server_handling_seconds", "From the start of a call to its end.", _GRPC, buckets=_SECONDS
)
HTTP_HANDLED = Counter("http_server_requests", "Requests answered.", [*_HTTP, "code"])
HTTP_SECONDS = Histogram("http_server_request_seconds", "From a request to its answer.", _HTTP, buckets=_SECONDS)

#: Levels of failures that an operator should see; the others are caused by the caller.
_LEVELS = {
    INTERNAL: logging.ERROR,
    "UNAVAILABLE": logging.WARNING,
    "RATE_LIMITED": logging.WARNING,
    "DEADLINE_EXCEEDED": logging.WARNING,
}
_MAX_SUBJECT_LENGTH = 100
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_SECRET = re.compile(r"password|token|secret|ticket|credential|authorization|api_key|_hash$", re.IGNORECASE)


class Meter:
    """Counts and times the calls of one operation on one transport; its labels are resolved once, not for each call."""

    def __init__(
        self, transport: str, operation: str, handled: Counter, seconds: Histogram, labels: tuple[str, ...]
    ) -> None:
        self.transport = transport
        self.operation = operation
        self._handled = handled
        self._labels = labels
        self._by_code: dict[str, Counter] = {}
        self._seconds = seconds.labels(*labels)

    def count(self, code: str, seconds: float) -> None:
        counter = self._by_code.get(code)
        if counter is None:
            counter = self._by_code[code] = self._handled.labels(*self._labels, code)
        counter.inc()
        self._seconds.observe(seconds)


@cache
def grpc_meter(kind: str, service: str, method: str) -> Meter:
    """Return the meter of an rpc; `kind` is unary, client_stream, server_stream or bidi_stream."""
    return Meter("grpc", f"{service}/{method}", GRPC_HANDLED, GRPC_SECONDS, (kind, service, method))


@cache
def http_meter(verb: str, operation: str) -> Meter:
    """Return the meter of an operation over HTTP. `operation` must be one of few values, never a path with ids."""
    return Meter("rest", operation, HTTP_HANDLED, HTTP_SECONDS, (verb, operation))


@cache
def web_rpc_meter(protocol: str, operation: Operation) -> Meter:
    """Return the meter of an rpc over gRPC-Web or Connect. It is counted with those over gRPC.

    Args:
        protocol: in log lines.
    """
    return Meter(protocol, operation.name, GRPC_HANDLED, GRPC_SECONDS, _grpc_labels(operation))


@cache
def rpcs_started(operation: Operation) -> Counter:
    """Return the counter of this rpc's calls that have started."""
    return GRPC_STARTED.labels(*_grpc_labels(operation))


def _grpc_labels(operation: Operation) -> tuple[str, str, str]:
    kind = grpc_kind(operation.takes_stream, operation.answers_stream)
    return kind, operation.method.containing_service.full_name, operation.rpc


def grpc_kind(takes_stream: bool, answers_stream: bool) -> str:
    """Return the kind of an rpc, as the metrics of gRPC name it."""
    if takes_stream:
        return "bidi_stream" if answers_stream else "client_stream"
    return "server_stream" if answers_stream else "unary"


class Report:
    """The record of one call, filled in during the call: a context manager around the whole call.

    At its end it writes the log line and counts the call, with any outcome.

    Attributes:
        meter: may be set at any time before the end, if the operation is only known after routing.
        code: the outcome in the transport's terms: the name of a gRPC code, or an HTTP status.
        principal: the id of the caller; None = not authenticated.
        subject_id: the id of the object of the call, if it has a single one.
        request: logged at LOG_LEVEL=DEBUG only, without its secrets.
        level: of the log line.
        silent: write no log line; the call is only counted.
        budget: the state of the caller's budget after the call was charged to it; None = it was not.
        continues: the call continues after the context manager has ended; the code that continues it calls `end`.
    """

    __slots__ = (
        "_begun",
        "_problem",
        "_raised",
        "_token",
        "budget",
        "code",
        "continues",
        "level",
        "meter",
        "principal",
        "request",
        "request_id",
        "silent",
        "subject_id",
        "traceparent",
    )

    def __init__(self, meter: Meter, request_id: str, traceparent: str | None = None) -> None:
        self.meter = meter
        self.request_id = request_id
        self.traceparent = traceparent
        self.code = "UNKNOWN"
        self.principal: Any = None
        self.budget: Standing | None = None
        self.subject_id = ""
        self.request: Message | None = None
        self.level = logging.INFO
        self.silent = False
        self.continues = False
        self._problem: Problem | None = None
        self._raised: BaseException | None = None

    def __enter__(self) -> "Report":
        self._token: Token[str] = context.request_id.set(self.request_id)
        self._begun = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self.continues:
            self.end()
        context.request_id.reset(self._token)

    @property
    def has_failed(self) -> bool:
        """True if the call's log line reports a failure."""
        return self._problem is not None

    def fail(self, problem: Problem, raised: BaseException | None = None) -> None:
        """Record that the call fails with this problem, and the exception that caused it."""
        self._problem = problem
        self._raised = raised
        self.level = _LEVELS.get(problem.reason, logging.INFO)

    def end(self) -> None:
        """Count the call and write its log line."""
        seconds = time.perf_counter() - self._begun
        self.meter.count(self.code, seconds)
        if not self.silent and logger.isEnabledFor(self.level):
            self._write(seconds)
        # Breaks the cycle of traceback, call and report, which would wait for the garbage collector.
        self._raised = None

    def _write(self, seconds: float) -> None:
        surprising = self._problem is not None and self._problem.reason == INTERNAL
        logger.log(
            self.level,
            "%s %s",
            self.meter.operation,
            self.code,
            extra={"call": self._fields(seconds)},
            exc_info=self._raised if surprising else None,
        )

    def _fields(self, seconds: float) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "request_id": self.request_id,
            "transport": self.meter.transport,
            "operation": self.meter.operation,
            "principal": "anonymous" if self.principal is None else str(self.principal),
            "subject_id": _in_one_line(self.subject_id),
            "code": self.code,
            "duration_ms": round(seconds * 1000, 3),
        }
        if self._problem is not None:
            fields |= {"reason": self._problem.reason, **self._problem.metadata}
            if self._problem.reason == "UNAVAILABLE" and self._raised is not None:
                fields["cause"] = " ".join(str(self._raised).split())  # libpq's texts have several lines.
        if self.traceparent and (trace := _TRACEPARENT.fullmatch(self.traceparent)):
            fields["trace_id"] = trace[1]
        if self.request is not None and logger.isEnabledFor(logging.DEBUG):
            fields["request"] = _shown(self.request)
        return fields


def _shown(request: Message) -> Any:
    """Return a request as JSON without its secrets, or its size if JSON cannot express it. Never raises."""
    try:
        return without_secrets(MessageToDict(request, preserving_proto_field_name=True))
    except (Error, ValueError, RecursionError):
        return f"{request.ByteSize()} bytes that JSON cannot express"


def _in_one_line(text: str) -> str:
    """Return a caller's text for a log line: shortened, without characters that could forge or colour other lines."""
    cut = text[:_MAX_SUBJECT_LENGTH]
    return cut if cut.isprintable() else cut.encode("unicode_escape").decode()


def subject_of_request(operation: Operation, request: Message) -> str:
    """Return the id at the end of the operation's path, as the caller sent it; empty if the path has none."""
    path_fields = operation.http.path_fields
    return str(getattr(request, path_fields[-1])) if path_fields else ""


def subject_of_response(operation: Operation, response: Message) -> str:
    """Return the id of the object in the answer; empty if the answer is not a single object."""
    field = operation.http.response_body
    return str(getattr(getattr(response, field) if field else response, "id", ""))


def without_secrets(value: Any) -> Any:
    """Return a copy of a JSON value in which the values of keys that may be secrets are replaced."""
    if isinstance(value, Mapping):
        return {key: "***" if _SECRET.search(key) else without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value
