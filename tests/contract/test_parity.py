"""Both transports are equal: no operation exists over one of them alone.

Each check is a function of what it looks at, so that the planted faults below can show it failing.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.exceptions import Resolver404
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from grpc_health.v1 import health_pb2

import tandem
from config import docs_site
from config.rpc import services
from config.web_app import ROUTE
from core.operations import Operation, snake_case
from core.rest.viewsets import Endpoint, OperationViewSet
from core.rpc.servicers import Service, service_of
from tests.support.grpc_transport import Details
from tests.support.transports import OPERATIONS

TESTS = Path(__file__).parent.parent

#: Paths that no rpc claims, and why.
HTTP_ONLY = {
    r"^api/v1/openapi\.json/?$": "the description of the HTTP API itself",
    "^api/v1/docs/?$": "the same for people",
    r"^api/grpc\.json$": "the description of the gRPC API; reflection is the twin",
    "^api/grpc/?$": "the same for people",
    r"^api/protos/(?P<path>[\w/]+\.proto)$": "the contracts themselves",
    "^api(/.*)?$": "the problem document for what is not there",
    "^api/v1/uploads/?$": "resumable uploads (tus 1.0), a protocol of HTTP's; UploadRecording is the twin",
    r"^api/v1/uploads/(?P<upload_id>[^/]+)/?$": "the same",
    r"^api/v1/meetings/(?P<meeting_id>[^/]+)/transcript\.(?P<form>json|srt|vtt|md)/?$": (
        "transcripts as files; GetTranscript is the twin"
    ),
    r"^api/v1/meetings/(?P<meeting_id>[^/]+)/audio/?$": "the WebSocket of StreamAudio",
    "^health/?$": "probes; grpc.health.v1.Health is the twin",
    "^health/live/?$": "probes; grpc.health.v1.Health is the twin",
    "^health/ready/?$": "probes; grpc.health.v1.Health is the twin",
    "^metrics/?$": "Prometheus; rungrpc --metrics-port is the twin",
    r"^(?P<service>\w+(?:\.\w+)+)/(?P<rpc>\w+)$": "every rpc over gRPC-Web and Connect",
    r"^\.well-known/jwks\.json/?$": "the public keys of access tokens, where other services look for them (RFC 7517)",
    "admin": "redirects people to the admin site",
    "admin/": "people",
    docs_site.ROUTE: "the documentation: pages for people",
    ROUTE: "the web app: pages for people",
    "": "answers what nothing serves",
}

#: Streaming rpcs and their SSE, NDJSON or multipart twin.
STREAMS: dict[str, str] = {
    "user.v1.UserService.BulkImportUsers": "NDJSON",
    "meeting.v1.MeetingService.UploadRecording": "multipart",
    "meeting.v1.MeetingService.DownloadRecording": "a file with ranges",
    "meeting.v1.MeetingService.StreamAudio": "NDJSON",
    "meeting.v1.MeetingService.WatchMeeting": "SSE",
    "drawing.v1.DrawingService.UploadDocument": "multipart",
    "drawing.v1.DrawingService.RenderPage": "a file with ranges",
    "drawing.v1.DrawingService.DownloadBillOfMaterials": "a file with ranges",
    "drawing.v1.DrawingService.RecognizeImage": "multipart",
    "drawing.v1.DrawingService.WatchDocument": "SSE",
    "change.v1.ChangeService.WatchChanges": "SSE",
    "taskservice.TaskService.WatchTasks": "SSE",
    "taskservice.TaskService.BulkCreateTasks": "NDJSON",
    "taskservice.TaskService.BulkUpdateTasks": "NDJSON",
    "taskservice.TaskService.ProcessTaskStream": "NDJSON",
}

#: Packages whose services this server does not offer, and the programs that do.
ELSEWHERE = {"speech.v1": "speechnode, a program of its own: tests/speech"}


def operations() -> list[Operation]:
    return [operation for service in services for operation in service.operations]


def endpoints(callback: Any) -> Mapping[str, Endpoint]:
    """Return the endpoints of a view, by verb."""
    found: Mapping[str, Endpoint] = getattr(callback, "initkwargs", {}).get("endpoints", {})
    return found


def faults_of_http(operation: Operation) -> Iterator[str]:
    """Return the faults of an operation's HTTP rule."""
    path = operation.http.path.lstrip("/")
    for name in operation.http.path_fields:
        path = path.replace(f"{{{name}}}", "1")
    try:
        match = get_resolver().resolve(f"/{path}")
    except Resolver404:
        yield f"{operation.name}: no view at {operation.http.path}"
        return
    endpoint = endpoints(match.func).get(operation.http.verb)
    if endpoint is None:
        yield f"{operation.name}: {operation.http.path} does not answer {operation.http.verb}"
    elif endpoint.operation.name != operation.name:
        yield f"{operation.name}: {operation.http.verb} {operation.http.path} is served by {endpoint.operation.name}"


def faults_of_grpc(service: Service) -> Iterator[str]:
    """Return the rpcs that the service has no handler for."""
    for method in service.operations[0].method.containing_service.methods:
        if service.handler.service(Details(f"/{service.name}/{method.name}")) is None:
            yield f"{method.full_name}: the service does not serve it"


def faults_of_tests(operations: Iterable[Operation]) -> Iterator[str]:
    """Return the operations without a test file of their name."""
    for operation in operations:
        app = operation.function.__module__.partition(".")[0]
        folder = (
            f"{app}/example"
            if operation.method.containing_service.full_name.startswith("example.")
            else f"{app}/operations"
        )
        if not (TESTS / folder / f"test_{snake_case(operation.rpc)}.py").is_file():
            yield f"{operation.name}: no tests/{folder}/test_{snake_case(operation.rpc)}.py"


def faults_of_urls(patterns: Iterable[tuple[str, Any]], operations: Iterable[Operation]) -> Iterator[str]:
    """Return the paths and verbs without an rpc."""
    claimed = {operation.name for operation in operations}
    for path, callback in patterns:
        if path in HTTP_ONLY:
            continue
        viewset = getattr(callback, "cls", None)
        if viewset is None or not issubclass(viewset, OperationViewSet):
            yield f"{path}: no rpc claims it and HTTP_ONLY does not name it"
            continue
        for action_verb in callback.actions:
            endpoint = endpoints(callback).get(action_verb.upper())
            if action_verb != "head" and (endpoint is None or endpoint.operation.name not in claimed):
                yield f"{action_verb.upper()} {path}: no rpc claims it"


def faults_of_streams(descriptors: Iterable[ServiceDescriptor]) -> Iterator[str]:
    for descriptor in descriptors:
        for method in descriptor.methods:
            if (method.client_streaming or method.server_streaming) and method.full_name not in STREAMS:
                yield f"{method.full_name}: STREAMS does not name its twin"


def faults_of_services(contracts: Iterable[ServiceDescriptor], served: Iterable[str]) -> Iterator[str]:
    """Return the services that no server offers."""
    names = set(served)
    for contract in contracts:
        if contract.full_name not in names and contract.file.package not in ELSEWHERE:
            yield f"{contract.full_name}: config.rpc does not serve it and ELSEWHERE does not say who does"


def all_patterns(resolver: URLResolver | None = None) -> Iterator[tuple[str, Any]]:
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            yield str(pattern.pattern), pattern.callback
        elif str(pattern.pattern) == "admin/":
            yield "admin/", None
        else:
            yield from all_patterns(pattern)


def descriptors() -> list[ServiceDescriptor]:
    return [service.operations[0].method.containing_service for service in services]


def contracts() -> list[ServiceDescriptor]:
    """Return the services of every stub in `tandem`."""
    modules = [importlib.import_module(f.name) for f in pkgutil.walk_packages(tandem.__path__, "tandem.")]
    files = [module.DESCRIPTOR for module in modules if module.__name__.endswith("_pb2")]
    return [service for file in files for service in file.services_by_name.values()]


def test_every_service_of_the_contracts_is_served() -> None:
    assert list(faults_of_services(contracts(), [service.name for service in services])) == []
    assert {contract.file.package for contract in contracts()} >= set(ELSEWHERE), "ELSEWHERE names what is not there"


def test_every_rpc_is_served_over_http() -> None:
    assert [fault for operation in operations() for fault in faults_of_http(operation)] == []


def test_every_rpc_is_served_over_grpc() -> None:
    assert [fault for service in services for fault in faults_of_grpc(service)] == []


def test_every_rpc_has_its_tests() -> None:
    assert list(faults_of_tests(operations())) == []


def test_every_url_and_verb_is_an_rpc() -> None:
    patterns = list(all_patterns())
    assert list(faults_of_urls(patterns, operations())) == []
    assert {path for path, _ in patterns} >= set(HTTP_ONLY), "HTTP_ONLY names what is not there"


def test_reads_declare_that_they_have_no_side_effects() -> None:
    """Clients of Connect call them by GET, which the server admits."""
    level = MethodOptions.NO_SIDE_EFFECTS
    declared = {name for name, one in OPERATIONS.items() if one.method.GetOptions().idempotency_level == level}
    unary = {name: one for name, one in OPERATIONS.items() if not (one.takes_stream or one.answers_stream)}
    assert declared == {name for name, operation in unary.items() if not operation.writes}


def test_every_stream_has_its_twin() -> None:
    assert list(faults_of_streams(descriptors())) == []


# The guards themselves: each must see a planted fault.


def test_rpc_without_a_path_is_found() -> None:
    operation = operations()[0]
    elsewhere = replace(operation, http=replace(operation.http, path="/api/v1/nowhere/{x}/y/z/{z}"))
    assert list(faults_of_http(elsewhere)) != []


def test_rpc_with_another_verb_is_found() -> None:
    operation = operations()[0]
    assert list(faults_of_http(replace(operation, http=replace(operation.http, verb="PUT")))) != []


def test_path_that_another_rpc_serves_is_found() -> None:
    first, second, *_ = operations()
    assert list(faults_of_http(replace(second, http=first.http))) != []


def test_servicer_that_serves_nothing_is_found() -> None:
    service = services[0]
    faults = list(faults_of_grpc(service_of(service.operations[:1])))
    assert len(faults) == len(service.operations) - 1


def test_rpc_without_tests_is_found() -> None:
    assert list(faults_of_tests([replace(operations()[0], rpc="FlyToTheMoon")])) != []


def test_url_without_an_rpc_is_found() -> None:
    assert list(faults_of_urls([("api/v1/moon", lambda request: None)], operations())) != []
    assert list(faults_of_urls(all_patterns(), operations()[1:])) != []


def test_service_without_server_is_found() -> None:
    assert len(list(faults_of_services(contracts(), [service.name for service in services[1:]]))) == 1


def test_stream_without_a_counterpart_is_found() -> None:
    health = health_pb2.DESCRIPTOR.services_by_name["Health"]
    assert list(faults_of_streams([health])) != []
