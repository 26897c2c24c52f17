"""The view of all rpcs: one call from its headers to its answer."""

import time
from collections.abc import Mapping
from functools import cache, partial
from operator import attrgetter
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from google.protobuf.message import Message

from core import context, protojson
from core.addresses import http_client_address
from core.errors import DeadlineExceeded, MethodNotAllowed, UnsupportedMediaType, problem_of
from core.execution import admit, execute, identify, open_stream
from core.observability.call_log import Report, rpcs_started, subject_of_request, subject_of_response, web_rpc_meter
from core.operations import Call, Operation
from core.rest import bodies, feed_responses, problems
from core.rest.calls import call_of
from core.rest.conditional import PRIVATE
from core.rest.read_views import allowed
from core.rest.viewsets import served_operations
from core.streams import STREAMS
from core.web_rpc import connect, grpc_web
from core.web_rpc.wire import NoSuchMethod, Unimplemented, Wire

TYPES = [*connect.UNARY_TYPES, *connect.STREAM_TYPES, *grpc_web.TYPES]


@csrf_exempt
def serve(request: HttpRequest, service: str, rpc: str) -> HttpResponseBase:
    """Serve one rpc over gRPC-Web or Connect.

    Raises:
        MethodNotAllowed, UnsupportedMediaType: the request is of neither protocol.
    """
    operation = _operations().get(f"{service}/{rpc}")
    methods = ("GET", "POST") if operation and _is_read(operation) else ("POST",)
    if request.method == "OPTIONS":
        return allowed(methods)
    if request.method not in methods:
        raise MethodNotAllowed(allowed=methods)
    wire = _wire(request)
    if wire is None:
        return _unsupported(f"Send the message as {', '.join(TYPES)}.", TYPES)
    report: Report = request.report  # type: ignore[attr-defined]
    try:
        return _served(request, operation, wire, report)
    except UnsupportedMediaType as exc:
        return _unsupported(exc.message, exc.accepted)
    except Exception as exc:  # The outermost layer of the protocol: the client gets a status for any exception.
        problem = problem_of(exc)
        report.fail(problem, exc)
        answer = wire.failed(problem, exc, report)
        answer.failure = (problem, exc)  # type: ignore[attr-defined]
        answer.outcome = report.code  # type: ignore[attr-defined]
        return answer


@cache
def _operations() -> dict[str, Operation]:
    return {operation.name: operation for operation in served_operations()}


def _wire(request: HttpRequest) -> Wire | None:
    """Return the protocol of a request; None = neither."""
    if request.method == "GET":
        return connect.Get(request.META["QUERY_STRING"])
    content_type = (request.content_type or "").lower()
    codec = content_type.rpartition("+" if "+" in content_type else "/")[2]
    if content_type in connect.UNARY_TYPES:
        return connect.Unary(codec)
    if content_type in connect.STREAM_TYPES:
        return connect.Streaming(codec)
    return grpc_web.GrpcWeb(content_type) if content_type in grpc_web.TYPES else None


def _served(request: HttpRequest, operation: Operation | None, wire: Wire, report: Report) -> HttpResponseBase:
    if operation is None:
        raise NoSuchMethod("This server has no such method.")
    report.meter = web_rpc_meter(wire.name, operation)
    rpcs_started(operation).inc()
    authorization = request.META.get("HTTP_AUTHORIZATION")
    identified = partial(identify, operation, authorization)
    credential = admit(report, operation, identified, partial(http_client_address, request.META))
    report.principal = credential.actor.pk
    if operation.takes_stream:
        raise Unimplemented(
            f"{operation.rpc} takes a stream of messages, which this protocol cannot carry from a browser: call it "
            f"over gRPC, or as {operation.http.verb} {operation.http.path}."
        )
    wire.check(request, streams=operation.answers_stream)
    ends_at = _set_deadline(request, wire.timeout_seconds(request), is_stream=operation.answers_stream)
    message: Any = wire.codec.decode(operation.request_class, wire.message(request))
    report.request, report.subject_id = message, subject_of_request(operation, message)
    exact = request.META.get("HTTP_X_TOTAL_COUNT") == "exact"
    call = call_of(operation, credential, request, exact_count=exact)
    context.check_deadline()
    if operation.answers_stream:
        return _stream(request, call, message, wire, report, ends_at)
    response = execute(call, message)
    report.subject_id = report.subject_id or subject_of_response(operation, response)
    answer = wire.answer(wire.codec.encode(response), _headers(call, response, request), report)
    if request.method == "GET":
        patch_vary_headers(answer, ["Authorization"])
    answer.outcome = report.code  # type: ignore[attr-defined]
    return answer


def _set_deadline(request: HttpRequest, seconds: float | None, *, is_stream: bool) -> float | None:
    """Set the call's deadline: the client's, and that of all unary calls. Returns when a stream has to end."""
    arrived = request.META.get("asgi.scope", {}).get(bodies.ARRIVED, time.monotonic())
    ends_at: float | None = None if seconds is None else arrived + seconds
    if is_stream:
        context.deadline.set(ends_at)
    elif ends_at is not None:
        context.deadline.set(min(ends_at, context.deadline.get() or ends_at))
    return ends_at


def _stream(
    request: HttpRequest, call: Call, message: Any, wire: Any, report: Report, ends_at: float | None
) -> HttpResponseBase:
    seconds = None if ends_at is None else ends_at - time.monotonic()
    with STREAMS.place(call) as open_with:
        late = DeadlineExceeded("The deadline of this call has passed.") if seconds is not None else None
        stream = open_with(open_stream(call, message), seconds, late)
    headers = {"Content-Type": wire.content_type, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return feed_responses.answer(request, stream, report, wire, headers)


def _headers(call: Call, response: Message, request: HttpRequest) -> Mapping[str, str]:
    """Return the headers of an answer that have the same meaning as over REST."""
    operation, headers = call.operation, {}
    resource: Any = getattr(response, operation.http.response_body) if operation.http.response_body else response
    path = protojson.version_path(resource.DESCRIPTOR)
    if path and (version := attrgetter(path)(resource)):
        headers["ETag"] = f'"{version}"'
    if call.replayed:
        headers["Idempotent-Replayed"] = "true"
    if request.method == "GET" and not operation.secret:
        headers["Cache-Control"] = PRIVATE
    return headers


def _is_read(operation: Operation) -> bool:
    """Return whether a call changes nothing and has one answer, so that Connect admits GET."""
    return not (operation.writes or operation.takes_stream or operation.answers_stream)


def _unsupported(message: str, accepted: Any) -> HttpResponse:
    failure = UnsupportedMediaType(message)
    answer = problems.response(problem_of(failure), failure)
    answer["Accept-Post"] = ", ".join(accepted)
    return answer
