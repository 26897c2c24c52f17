"""The REST transport: DRF viewsets whose actions, paths and verbs are derived from the operations."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, re_path
from django.utils.cache import patch_vary_headers
from google.protobuf.message import Message
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from core import context, protojson, request_streams
from core.addresses import http_client_address
from core.auth import Credential, redeem_ticket
from core.errors import Failure, invalid, problem_of
from core.merge_patch import MapChange
from core.observability.call_log import Report, http_meter, subject_of_request, subject_of_response
from core.operations import (
    Call,
    Operation,
    authorize,
    execute,
    idempotency_key,
    identify,
    is_atomic,
    open_stream,
    snake_case,
)
from core.preconditions import ANY_VERSION, expected_version
from core.rest import bodies, multipart, ndjson, problems, sse
from core.rest.conditional import PRIVATE, is_known, not_modified
from core.rest.read_views import allowed
from core.streams import STREAMS

#: Query names that the transport handles; they are not fields of a request.
OWN_QUERY_NAMES = frozenset({"count"})
MERGE_PATCH = "application/merge-patch+json"


class AlwaysJson(BaseContentNegotiation):
    """Content negotiation with JSON as the only representation. The `Accept` header is ignored."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return None

    def select_renderer(self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None) -> Any:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class OperationViewSet(ViewSet):
    """A viewset with one action for each of its `operations`, with the name of its handler.

    Attributes:
        limits: the models' limits on the messages' fields, for the OpenAPI document (see `core.rest.openapi`).
        examples: rpc → an example of its body, of an item of it, or of its query, for the document.
    """

    operations: ClassVar[tuple[Operation, ...]] = ()
    limits: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    examples: ClassVar[Mapping[str, Any]] = {}

    # The caller is authenticated by the action, which knows the operation (see `core.operations.identify`).
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    # The actions decode and encode JSON by `core.protojson`.
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJson

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        locations = {
            _collection(o.http.path): o.http.path
            for o in cls.operations
            if o.http.verb == "GET" and o.http.path.endswith("}")
        }
        for operation in cls.operations:
            location = locations.get(operation.http.path) if protojson.success_status(operation) == 201 else None
            setattr(cls, snake_case(operation.rpc), _action(operation, location))

    @classmethod
    def more_paths(cls) -> dict[str, Any]:
        """Return the OpenAPI paths that this viewset's URLs have in addition to its operations."""
        return {}

    def get_exception_handler(self) -> Callable[..., HttpResponse]:
        return problems.handle

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """Return the allowed methods."""
        patch = {"Accept-Patch": ", ".join(_types("PATCH"))} if "PATCH" in self.allowed_methods else {}
        return allowed(self.allowed_methods, **patch)


def routes(viewset: type[OperationViewSet]) -> list[URLPattern]:
    """Return the viewset's URL patterns: one for each path of its operations. Paths that end in a field come last."""
    by_path: dict[str, dict[str, Any]] = {}
    for operation in viewset.operations:
        by_path.setdefault(operation.http.path, {})[operation.http.verb.lower()] = snake_case(operation.rpc)
    return [
        re_path(_pattern(path), viewset.as_view(actions), name=next(iter(actions.values())))
        for path, actions in sorted(by_path.items(), key=lambda item: "{" in item[0].rpartition("/")[2])
    ]


def _action(operation: Operation, location: str | None) -> Callable[..., HttpResponseBase]:
    meter = http_meter(operation.http.verb, operation.name)
    answer = _answer_feed if operation.is_feed else _answer_stream if operation.takes_stream else _answer_unary

    def action(self: OperationViewSet, request: Request, **path_values: str) -> HttpResponseBase:
        http_request = request._request
        report: Report = http_request.report  # type: ignore[attr-defined]
        report.meter = meter
        call = _call(operation, http_request)
        report.principal = call.actor.pk
        return answer(call, http_request, path_values, location)

    action.__name__ = snake_case(operation.rpc)
    action.operation = operation  # type: ignore[attr-defined]
    return action


def _answer_unary(
    call: Call, http_request: HttpRequest, path_values: Mapping[str, str], location: str | None
) -> HttpResponseBase:
    message = _request(call, http_request, path_values, _body(http_request))
    context.check_deadline()
    response = execute(call, message)
    report: Report = http_request.report  # type: ignore[attr-defined]
    report.subject_id = report.subject_id or subject_of_response(call.operation, response)
    return _answer(call, http_request, response, location)


def _answer_stream(
    call: Call, http_request: HttpRequest, path_values: Mapping[str, str], location: str | None
) -> HttpResponseBase:
    operation = call.operation
    context.deadline.set(None)  # The client decides how long its stream lasts.
    read = multipart.messages if operation.takes_file else ndjson.messages
    messages, end = read(operation, http_request), partial(bodies.end, http_request.META)
    response = request_streams.serve(call, http_request.META.get("HTTP_AUTHORIZATION"), messages, end)
    if operation.answers_stream:
        return ndjson.answer(response, http_request.report)  # type: ignore[attr-defined]
    return _answer(call, http_request, response, location)


def _answer_feed(
    call: Call, http_request: HttpRequest, path_values: Mapping[str, str], location: str | None
) -> HttpResponseBase:
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
    ignored = OWN_QUERY_NAMES | {"ticket"} if operation.is_feed else OWN_QUERY_NAMES
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


def _call(operation: Operation, http_request: HttpRequest) -> Call:
    headers = http_request.META
    return Call(
        operation,
        # The caller is authorized before the body is read.
        credential=authorize(operation, _credential(operation, http_request)),
        address=http_client_address(headers),
        user_agent=headers.get("HTTP_USER_AGENT", ""),
        expected_version=expected_version(headers.get("HTTP_IF_MATCH"), headers.get("HTTP_IF_NONE_MATCH"))
        if operation.writes
        else ANY_VERSION,
        idempotency_key=idempotency_key(headers.get("HTTP_IDEMPOTENCY_KEY")),
        exact_count=_exact_count(http_request.GET.get("count")),
        atomic=is_atomic(headers.get("HTTP_X_BULK_MODE")),
    )


def _credential(operation: Operation, http_request: HttpRequest) -> Credential:
    authorization, ticket = http_request.META.get("HTTP_AUTHORIZATION"), http_request.GET.get("ticket")
    if ticket is not None and operation.is_feed and not authorization:
        return redeem_ticket(ticket, http_request.path_info)
    return identify(operation, authorization)


def _answer(call: Call, http_request: HttpRequest, response: Message, location: str | None) -> HttpResponse:
    operation = call.operation
    status = protojson.success_status(operation)
    answer = HttpResponse(status=status)
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
    if call.replayed:
        answer["Idempotent-Replayed"] = "true"
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
