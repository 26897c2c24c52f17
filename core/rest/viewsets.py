"""The REST transport: DRF viewsets whose paths and verbs are derived from the operations."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, cast

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, get_resolver, re_path
from django.utils.cache import patch_vary_headers
from google.protobuf.message import Message
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from core import context, protojson, request_streams
from core.auth import Credential
from core.errors import Failure, invalid, problem_of
from core.execution import execute, open_stream
from core.merge_patch import MapChange
from core.observability.call_log import Meter, Report, http_meter, subject_of_request, subject_of_response
from core.operations import Call, Operation, snake_case
from core.rest import bodies, downloads, multipart, ndjson, sse
from core.rest.calls import call_of
from core.rest.conditional import PRIVATE, is_known, not_modified
from core.rest.read_views import allowed
from core.streams import STREAMS

#: Query names that the transport handles; they are not fields of a request.
OWN_QUERY_NAMES = frozenset({"count"})
MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation at its path and verb.

    Attributes:
        location: the path of what the operation creates, with `{field}` at its end; None = it creates nothing.
        meter: of its calls.
    """

    operation: Operation
    location: str | None
    meter: Meter


class OperationViewSet(ViewSet):
    """The base of the viewsets: each serves `operations`. `routes` binds their paths and verbs.

    DRF authenticates the caller and handles exceptions by `settings.REST_FRAMEWORK`. The bodies of requests and
    responses are JSON by `core.protojson`.

    Attributes:
        operations: of the viewset.
        limits: the models' limits on the messages' fields, for the OpenAPI document (see `core.rest.openapi`).
        examples: rpc → an example of its body, of an item of it, or of its query, for the document.
        own_parameters: rpc → the names of the document's shared parameters that `execute` reads for it.
        endpoints: verb → endpoint, of the path that this view serves.
        http_request: Django's request. DRF's has another `content_type`, with parameters.
    """

    operations: ClassVar[tuple[Operation, ...]] = ()
    limits: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    examples: ClassVar[Mapping[str, Any]] = {}
    own_parameters: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    endpoints: Mapping[str, Endpoint] = MappingProxyType({})
    http_request: HttpRequest

    @classmethod
    def more_paths(cls) -> dict[str, Any]:
        """Return the OpenAPI paths that this viewset's URLs have in addition to its operations."""
        return {}

    @property
    def endpoint(self) -> Endpoint | None:
        """The endpoint for the verb of the request. HEAD is served as GET."""
        verb = self.http_request.method or ""
        return self.endpoints.get("GET" if verb == "HEAD" else verb)

    @property
    def operation(self) -> Operation | None:
        return self.endpoint.operation if self.endpoint else None

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        self.http_request = request
        if self.endpoint:
            request.report.meter = self.endpoint.meter  # type: ignore[attr-defined]
        return super().initialize_request(request, *args, **kwargs)

    def serve(self, request: Request, **path_values: str) -> HttpResponseBase:
        """Answer a request for an operation. This is DRF's action for all verbs and paths."""
        endpoint = cast(Endpoint, self.endpoint)
        operation, http_request = endpoint.operation, self.http_request
        exact = _exact_count(http_request.GET.get("count"))
        call = call_of(operation, cast(Credential, request.auth), http_request, exact_count=exact)
        if operation.answers_file:
            context.deadline.set(None)  # The client decides how fast it reads.
            return downloads.answer(call, http_request, _request(call, http_request, path_values, _body(http_request)))
        if operation.is_feed:
            return _answer_feed(call, http_request, path_values)
        if operation.takes_stream:
            return _answer_stream(call, http_request, path_values, endpoint.location)
        return self._answer_unary(call, path_values, endpoint.location)

    def execute(self, call: Call, message: Message) -> Message:
        """Run a unary operation. A viewset overrides it where HTTP carries a part of the messages by other means."""
        return execute(call, message)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """Return the allowed methods."""
        patch = {"Accept-Patch": ", ".join(_types("PATCH"))} if "PATCH" in self.allowed_methods else {}
        return allowed(self.allowed_methods, **patch)

    def _answer_unary(self, call: Call, path_values: Mapping[str, str], location: str | None) -> HttpResponseBase:
        http_request = self.http_request
        message = _request(call, http_request, path_values, _body(http_request))
        context.check_deadline()
        response = self.execute(call, message)
        report: Report = http_request.report  # type: ignore[attr-defined]
        report.subject_id = report.subject_id or subject_of_response(call.operation, response)
        return _answer(call, http_request, response, location)


def routes(viewset: type[OperationViewSet]) -> list[URLPattern]:
    """Return the viewset's URL patterns: one for each path of its operations. Paths that end in a field come last."""
    resources = {o.http.path for o in viewset.operations if o.http.verb == "GET" and o.http.path.endswith("}")}
    locations = {_collection(path): path for path in resources}
    by_path: dict[str, dict[str, Endpoint]] = {}
    for operation in viewset.operations:
        http = operation.http
        location = locations.get(http.path) if protojson.success_status(operation) == 201 else None
        endpoint = Endpoint(operation, location, http_meter(http.verb, operation.name))
        by_path.setdefault(http.path, {})[http.verb] = endpoint
    return [
        re_path(
            _pattern(path),
            viewset.as_view({verb.lower(): "serve" for verb in endpoints}, endpoints=endpoints),
            name=snake_case(next(iter(endpoints.values())).operation.rpc),
        )
        for path, endpoints in sorted(by_path.items(), key=lambda item: "{" in item[0].rpartition("/")[2])
    ]


def served_operations() -> list[Operation]:
    """Return the operations that the URLconf serves."""
    return [operation for viewset in served_viewsets() for operation in viewset.operations]


def served_viewsets() -> list[Any]:
    """Return the viewsets with operations in the URLconf, without duplicates."""
    classes = (getattr(pattern.callback, "cls", None) for pattern in _patterns(get_resolver()))
    return list(dict.fromkeys(viewset for viewset in classes if hasattr(viewset, "operations")))


def _patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern)
        else:
            yield pattern


def _answer_stream(
    call: Call, http_request: HttpRequest, path_values: Mapping[str, str], location: str | None
) -> HttpResponseBase:
    operation = call.operation
    context.deadline.set(None)  # The client decides how long its stream lasts.
    messages: Iterator[Message | ValidationError]
    if operation.takes_file:
        messages = multipart.messages(operation, http_request, path_values)
    else:
        messages = ndjson.messages(operation, http_request)
    end = partial(bodies.end, http_request.META)
    response = request_streams.serve(call, http_request.META.get("HTTP_AUTHORIZATION"), messages, end)
    if operation.answers_stream:
        return ndjson.answer(response, http_request.report)  # type: ignore[attr-defined]
    return _answer(call, http_request, response, location)


def _answer_feed(call: Call, http_request: HttpRequest, path_values: Mapping[str, str]) -> HttpResponseBase:
    context.deadline.set(None)
    message: Any = _request(call, http_request, path_values, _body(http_request))
    if last := http_request.META.get("HTTP_LAST_EVENT_ID"):
        # A browser that reconnects repeats the query of its first request.
        message.cursor = last
        if "include_initial" in message.DESCRIPTOR.fields_by_name:
            message.ClearField("include_initial")
    try:
        with STREAMS.place(call) as open_with:
            feed = open_stream(call, message)
            if http_request.method == "HEAD":
                feed.close()
                return sse.head()
            stream = open_with(feed, None)
    except Failure as exc:
        if exc.reason in sse.RESYNC:
            return sse.resync(problem_of(exc))
        raise
    return sse.answer(http_request, stream, http_request.report)  # type: ignore[attr-defined]


def _request(call: Call, http_request: HttpRequest, path_values: Mapping[str, str], body: bytes) -> Message:
    operation = call.operation
    map_changes: dict[str, MapChange] = {}
    takes_ticket = operation.is_feed or operation.answers_file
    ignored = OWN_QUERY_NAMES | {"ticket"} if takes_ticket else OWN_QUERY_NAMES
    message = protojson.read_request(
        operation,
        path_values,
        http_request.META["QUERY_STRING"],
        body,
        ignore=ignored,
        map_changes=map_changes if http_request.content_type == MERGE_PATCH else None,
    )
    call.map_changes = map_changes
    report: Report = http_request.report  # type: ignore[attr-defined]
    report.request = message
    report.subject_id = subject_of_request(operation, message)
    return message


def _answer(call: Call, http_request: HttpRequest, response: Message, location: str | None) -> HttpResponse:
    operation = call.operation
    status = protojson.success_status(operation)
    answer = HttpResponse(status=status)
    if call.replayed:
        answer["Idempotent-Replayed"] = "true"
    if status == 204:
        del answer["Content-Type"]
        return answer
    resource: Any = getattr(response, operation.http.response_body) if operation.http.response_body else response
    if location:
        answer["Location"] = re.sub(r"{\w+}$", str(resource.id), location)
    path = protojson.version_path(resource.DESCRIPTOR)
    if path and (version := attrgetter(path)(resource)):
        answer["ETag"] = f'"{version}"'
    if operation.secret:
        answer["Cache-Control"] = "no-store"
    elif not operation.writes:
        answer["Cache-Control"] = PRIVATE
        patch_vary_headers(answer, ["Authorization"])
        # A version identifies a resource only together with its id: an e-mail address may belong to another user now.
        if is_known(http_request, answer.get("ETag", "") if operation.http.path.endswith("}") else ""):
            return not_modified(answer)
    answer["Content-Type"] = "application/json"
    answer.content = protojson.answer_bytes(operation, response)
    return answer


def _exact_count(text: str | None) -> bool:
    if text not in (None, "exact"):
        raise invalid("count", "choice", "Choose one of: exact.")
    return text is not None


def _body(request: HttpRequest) -> bytes:
    return bodies.json_text(request.META, request.content_type or "", _types(request.method))


def _types(method: str | None) -> tuple[str, ...]:
    """Return the accepted media types of a body."""
    return ("application/json", MERGE_PATCH) if method == "PATCH" else ("application/json",)


def _collection(path: str) -> str:
    return re.sub(r"/{\w+}$", "", path)


def _pattern(path: str) -> str:
    return "^" + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path.lstrip("/").replace(".", r"\.")) + "/?$"
