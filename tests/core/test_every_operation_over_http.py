"""Properties of every operation over HTTP, on a real port: HEAD, bodies in chunks, HTTP/1.0, deadlines."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.operations import Operation
from meetings.models import Meeting
from tasks.models import Task
from tests.support.raw_http import Answered, Connection
from tests.support.servers import Servers
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from tests.support.transports import OPERATIONS
from users.models import User

pytestmark = pytest.mark.real_server

JSON = "application/json"
#: What is served beside the operations.
OTHER_PATHS = (
    "/", "/health", "/health/live", "/health/ready", "/metrics", "/api/v1/openapi.json", "/api/v1/docs", "/api/grpc",
    "/api/grpc.json", "/api/protos/tandem/task/v1/task.proto",
    "/.well-known/jwks.json", "/api/v1/nowhere", "/admin", "/admin/", "/admin/login/", "/static/admin/css/base.css",
)  # fmt: skip
#: Headers that differ from one answer to the next.
PASSING = {"date", "x-request-id", "transfer-encoding", "set-cookie"}


def paths(verbs: set[str]) -> Iterator[tuple[Operation, str]]:
    """Yield each operation of these verbs with one of its paths."""
    # What there is of each kind; of what the demo has nothing of, an id that is not known.
    known = {
        "id": Task.objects.values_list("pk", flat=True).first(),
        "meeting_id": Meeting.objects.values_list("pk", flat=True).first(),
        # A number: the first page of any document.
        "page_number": 0,
        "user_id": User.objects.values_list("pk", flat=True).first(),
    }
    for operation in OPERATIONS.values():
        if operation.http.verb in verbs:
            path = operation.http.path
            for field in operation.http.path_fields:
                path = path.replace(f"{{{field}}}", str(known["user_id"] if known.get(field) is None else known[field]))
            yield operation, path


def test_head_answers_as_get_without_a_body_and_ends(servers: Servers) -> None:
    for path in [*OTHER_PATHS, *(path for _, path in paths({"GET"}))]:
        with Connection(servers.http_url) as getting, Connection(servers.http_url) as heading:
            if path.endswith("/stream"):
                getting.send(f"GET {path} HTTP/1.1\r\nHost: {getting.host}\r\n\r\n".encode())
                status, headers = getting.head()
                got = Answered([], status, headers, b"")
            else:
                got = getting.request("GET", path)
            answer = heading.request("HEAD", path)
            # Nothing follows: the connection answers the next request.
            assert heading.request("GET", "/health").document["status"] == "healthy", path
        assert answer.status == got.status, path
        differing = {
            name for name in {*answer.headers, *got.headers} if answer.headers.get(name) != got.headers.get(name)
        }
        if path == "/metrics" or "health" in path:  # They have figures of the moment.
            differing.discard("content-length")
        assert differing <= PASSING, path


def test_every_body_is_read_in_chunks(servers: Servers) -> None:
    checked = 0
    for operation, path in paths({"POST", "PATCH", "PUT", "DELETE"}):
        if operation.takes_stream:
            continue
        for body, expected in ((b"{bad!", "json"), (b'{"nonsense": 1}', "unknown")):
            answers = []
            for chunked in (False, True):
                with Connection(servers.http_url) as connection:
                    answer = connection.request(operation.http.verb, path, body, chunked=chunked, Content_Type=JSON)
                answers.append((answer.status, answer.reason, answer.pointers))
            with_length, in_chunks = answers
            assert with_length == in_chunks, operation.name
            if not operation.http.body:
                expected = "body"
            assert (in_chunks[0], set(in_chunks[2].values())) == (400, {expected}), operation.name
            checked += 1
    assert checked > 50


def test_empty_chunked_body_counts_as_missing(servers: Servers) -> None:
    for operation, path in paths({"POST", "PATCH", "PUT", "GET"}):
        if operation.takes_stream or operation.is_feed or not operation.http.body:
            continue
        answers: list[Any] = []
        for body, chunked in ((None, False), (b"", True)):
            with Connection(servers.http_url) as connection:
                headers = {"Content_Type": JSON, "Idempotency_Key": "twice"}
                answer = connection.request(operation.http.verb, path, body, chunked=chunked, **headers)
            answers.append((answer.status, answer.pointers if answer.status == 400 else None))
        assert answers[0] == answers[1], operation.name


def test_reads_are_answered_over_http_1_0(servers: Servers) -> None:
    for path in [*OTHER_PATHS, *(path for _, path in paths({"GET"}))]:
        if path.endswith("/stream"):
            continue
        with Connection(servers.http_url) as newer:
            got = newer.request("GET", path)
        with Connection(servers.http_url) as older:
            answer = older.request("GET", path, version="1.0")
            assert older.is_closed()
        assert (answer.status, answer.headers.get("content-type")) == (got.status, got.headers.get("content-type")), (
            path
        )
        assert "transfer-encoding" not in answer.headers
        if answer.headers.get("content-type") == "application/json":
            assert json.loads(answer.body).keys() == got.document.keys()


@pytest.mark.parametrize("shared_servers", [{"MAX_CALL_SECONDS": "1.5", "BODY_WAIT_SECONDS": "1"}], indirect=True)
def test_slow_body_exceeds_the_deadline(servers: Servers) -> None:
    with Connection(servers.http_url) as connection:
        head = f"POST /api/v1/tasks HTTP/1.1\r\nHost: {connection.host}\r\nContent-Type: {JSON}\r\n"
        connection.send(f"{head}Content-Length: 100\r\n\r\n".encode())
        connection.socket.settimeout(0.3)
        begun = time.monotonic()
        for _ in range(40):
            connection.send(b" ")
            try:
                connection.socket.recv(1, 2)  # MSG_PEEK: whether the answer has come.
                break
            except TimeoutError:
                continue
        connection.socket.settimeout(20)
        answer = connection.answer()
    assert (answer.status, answer.reason) == (504, "DEADLINE_EXCEEDED")
    assert time.monotonic() - begun < 8, "the body was waited for as long as it came"
