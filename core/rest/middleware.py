"""Middleware of every call over HTTP, the counterpart of the gRPC interceptors."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.urls import resolve

from core import context
from core.context import valid_request_id
from core.db.thread_connections import fresh_connections
from core.errors import Problem, invalid
from core.observability.call_log import Report, http_meter
from core.observability.traces import traced
from core.rest import bodies, problems
from core.rest.cors import is_allowed, is_public
from core.rest.origins import normalized
from telemetry import tracing

Answer = Callable[[HttpRequest], HttpResponse]


def serve_call(answer: Answer) -> Answer:
    """Give the call its request id, its deadline, its log line, its metrics and, where they are on, its trace span."""
    if settings.TRACING:
        answer = _traced(answer)

    def served(request: HttpRequest) -> HttpResponse:
        request_id = valid_request_id(request.META.get("HTTP_X_REQUEST_ID"))
        # The view replaces the meter when the operation is known (see `core.rest.viewsets`).
        kind = "other" if _is_api(request) else "page"
        verb = request.method if request.method in _VERBS else "other"
        report = Report(http_meter(verb, kind), request_id, request.META.get("HTTP_TRACEPARENT"))
        request.report = report  # type: ignore[attr-defined]
        with report, _in_time(request), fresh_connections():
            refusal = request.META.get(bodies.REFUSAL)
            response = problems.response_of(refusal) if refusal else answer(request)
            # Rpcs have the name of a gRPC code (`core.web_rpc`).
            report.code = getattr(response, "outcome", str(response.status_code))
            if failure := getattr(response, "failure", None):
                report.fail(*failure)
        response["X-Request-ID"] = request_id
        if report.budget is not None:
            for name, value in report.budget.headers():
                response[name] = value
        if response.status_code in (204, 304):
            # These have no content to describe (RFC 9110, 8.6).
            del response["Content-Length"]
            del response["Content-Type"]
        elif not response.streaming and "Content-Length" not in response:
            response["Content-Length"] = str(len(response.content))
        return response

    return served


def _traced(answer: Answer) -> Answer:
    def served(request: HttpRequest) -> HttpResponse:
        carrier = {name: request.headers[name] for name in ("traceparent", "tracestate") if name in request.headers}
        attributes = {"http.request.method": request.method or "", "url.path": request.path_info}
        with traced(f"{request.method}", kind="SERVER", carrier=carrier, attributes=attributes) as span:
            response = answer(request)
            span.update_name(request.report.meter.operation)  # type: ignore[attr-defined]
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                tracing.fail(span, str(response.status_code))
            return response

    return served


def refuse_foreign_pages(answer: Answer) -> Answer:
    """Refuse API calls from pages of other origins, and calls with an unknown host name.

    CORS only prevents such a page from reading the response; the call itself would be executed, with the identity that
    the caller's network position gives it.
    """

    def guarded(request: HttpRequest) -> HttpResponse:
        # Probes and monitors may use any host name or address, and change nothing.
        if not _is_api(request) or request.path_info.startswith(("/health", "/metrics")):
            return answer(request)
        try:
            own = f"{request.scheme}://{request.get_host()}"
        except DisallowedHost:
            return problems.response_of(invalid("host", "unknown", "This server does not answer under that host name."))
        origin = request.META.get("HTTP_ORIGIN")
        # A page with an opaque origin (`null`) is a page of another origin.
        if origin and not (is_public(request) or is_allowed(origin) or _is_same(origin, own)):
            return problems.response(Problem("FORBIDDEN", "Pages of this origin may not call this server."))
        return answer(request)

    return guarded


def serve_api(answer: Answer) -> Answer:
    """Serve the API here, before the middleware that only HTML pages need."""

    def served(request: HttpRequest) -> HttpResponse:
        if not _is_api(request):
            return answer(request)
        try:
            match = resolve(request.path_info)
            request.resolver_match = match
            return match.func(request, *match.args, **match.kwargs)  # type: ignore[no-any-return]
        except Exception as exc:  # This is the outermost layer of the API: the caller gets a problem for any exception.
            return problems.response_of(exc)

    return served


@contextmanager
def _in_time(request: HttpRequest) -> Iterator[None]:
    """Set the call's deadline, counted from the arrival of its head. Streams clear it again."""
    arrived = request.META.get("asgi.scope", {}).get(bodies.ARRIVED, time.monotonic())
    token = context.deadline.set(arrived + settings.MAX_CALL_SECONDS)
    try:
        yield
    finally:
        context.deadline.reset(token)


def _is_same(origin: str, own: str) -> bool:
    normal_form = normalized(origin)
    return normal_form is not None and normal_form == normalized(own)


_VERBS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def _is_api(request: HttpRequest) -> bool:
    return bodies.is_api(request.path_info)
