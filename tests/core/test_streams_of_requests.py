"""Streams that clients send, on real ports: slow, broken, endless and huge ones. Rows are users, being imported."""

import http.client
import json
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from access.models import Session
from access.tokens import access_token
from core import bulk
from core.models import IdempotencyRecord
from tandem.user.v1.user_pb2 import BulkImportUsersRequest, BulkImportUsersResponse
from tandem.user.v1.user_pb2 import User as UserMessage
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from users.models import User

pytestmark = pytest.mark.real_server

PATIENCE = 20
PATH = "/api/v1/users/import"
LINES = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(autouse=True)
def _nothing_is_imported_before() -> Iterator[None]:
    yield
    User.objects.filter(email__endswith="@import.example").delete()
    IdempotencyRecord.objects.all().delete()


def row(n: int) -> BulkImportUsersRequest:
    return BulkImportUsersRequest(user=UserMessage(email=f"user{n}@import.example"), request_id=f"row-{n}")


def line(n: int) -> bytes:
    return json.dumps({"user": {"email": f"user{n}@import.example"}, "request_id": f"row-{n}"}).encode() + b"\n"


def imported() -> int:
    return User.objects.filter(email__endswith="@import.example").count()


def head(path: str, content_type: str, length: int) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {content_type}", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


class Open:
    """A stream that sends what it is given, when it is given."""

    def __init__(self) -> None:
        self._given: SimpleQueue[Any] = SimpleQueue()

    def send(self, *items: Any) -> None:
        for item in items:
            self._given.put(item)

    def end(self) -> None:
        self._given.put(None)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._given.get, None)


def over_http(servers: Servers, body: Any, headers: dict[str, str] = LINES) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(servers.http_url).netloc, timeout=PATIENCE)
    chunked = not isinstance(body, bytes)
    more = {"Transfer-Encoding": "chunked"} if chunked else {}
    connection.request("POST", PATH, body=body, headers={**headers, **more}, encode_chunked=chunked)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_upload_without_length_is_committed_as_it_arrives(servers: Servers) -> None:
    with grpc.insecure_channel(servers.grpc_address) as channel:
        stream = Open()
        call = UserServiceStub(channel).BulkImportUsers.future(iter(stream), timeout=PATIENCE)
        stream.send(*map(row, range(bulk.CHUNK_SIZE + 1)))
        until(lambda: imported() == bulk.CHUNK_SIZE, "the first chunk is there while the stream is open")
        stream.end()
        answer = call.result()
        assert (answer.imported, answer.committed_through) == (bulk.CHUNK_SIZE + 1, bulk.CHUNK_SIZE + 1)

    lines, answered = Open(), SimpleQueue[Any]()
    threading.Thread(target=lambda: answered.put(over_http(servers, iter(lines))), daemon=True).start()
    lines.send(*map(line, range(bulk.CHUNK_SIZE + 1, 2 * bulk.CHUNK_SIZE + 2)))
    until(lambda: imported() == 2 * bulk.CHUNK_SIZE + 1, "the first chunk is there while the body is open")
    lines.end()
    status, body = answered.get(timeout=PATIENCE)
    assert (status, body["imported"], body["errors"]) == (200, bulk.CHUNK_SIZE + 1, [])


def test_interrupted_upload_is_resumed_when_sent_again(servers: Servers) -> None:
    rows = list(range(bulk.CHUNK_SIZE + 100))
    connection = socket.create_connection(("127.0.0.1", urlsplit(servers.http_url).port or 0), timeout=PATIENCE)
    connection.sendall(head(PATH, "application/x-ndjson", 1_000_000) + b"".join(map(line, rows)))
    until(lambda: imported() == bulk.CHUNK_SIZE, "the first chunk is there")
    connection.close()
    with grpc.insecure_channel(servers.grpc_address) as channel:
        stream = Open()
        call = UserServiceStub(channel).BulkImportUsers.future(iter(stream), timeout=PATIENCE)
        stream.send(*map(row, range(1_000, 1_000 + bulk.CHUNK_SIZE)))
        until(lambda: imported() == 2 * bulk.CHUNK_SIZE, "the first chunk is there")
        call.cancel()
    status, body = over_http(servers, b"".join(map(line, rows)))
    assert status == 200
    assert body["imported"] == 100
    assert body["skipped"] == bulk.CHUNK_SIZE
    assert body["committed_through"] == len(rows)


def test_a_message_that_cannot_be_decoded_is_one_bad_row(servers: Servers) -> None:
    sent = [row(0).SerializeToString(), b"\xff\xff\xff", row(1).SerializeToString()]
    with grpc.insecure_channel(servers.grpc_address) as channel:
        answer = BulkImportUsersResponse.FromString(
            channel.stream_unary("/user.v1.UserService/BulkImportUsers")(iter(sent), timeout=PATIENCE)
        )
    assert (answer.imported, [error.index for error in answer.errors]) == (2, [1])
    lines = [
        line(2),
        b"no JSON\n",
        b'{"user": {"email": 5}}\n',
        b'{"usr": {}}\n',
        b"[]\n",
        b"\xff\n",
        b"\n",
        line(3)[:-1],
    ]
    status, body = over_http(servers, b"".join(lines))
    assert (status, body["imported"], [error["index"] for error in body["errors"]]) == (200, 2, [1, 2, 3, 4, 5])
    violations = [violation["field"] for error in body["errors"] for violation in error["field_violations"]]
    assert violations == ["", "user.email", "usr", "", ""]


def test_a_json_array_will_do_too_and_nothing_else(servers: Servers) -> None:
    as_json = {"Content-Type": "application/json"}
    values = [{"user": {"email": "a@import.example"}}, {"user": {"email": 7}}]
    status, body = over_http(servers, json.dumps(values).encode(), as_json)
    assert (status, body["imported"], [error["index"] for error in body["errors"]]) == (200, 1, [1])
    assert over_http(servers, b"{}", as_json)[0] == 400
    assert over_http(servers, b"x", as_json)[0] == 400
    for other in ("text/csv", "application/octet-stream"):
        assert over_http(servers, b"x", {"Content-Type": other})[0] == 415
    assert over_http(servers, b"x", {**LINES, "Content-Encoding": "gzip"})[0] == 415


def test_ended_session_ends_the_stream_with_its_progress(servers: Servers) -> None:
    session = Session.objects.create(user=User.objects.get(email="admin@example.com"))
    metadata = (("authorization", f"Bearer {access_token(session)}"),)
    with grpc.insecure_channel(servers.grpc_address) as channel:
        stream = Open()
        call = UserServiceStub(channel).BulkImportUsers.future(iter(stream), timeout=PATIENCE, metadata=metadata)
        stream.send(*map(row, range(bulk.CHUNK_SIZE)))
        until(lambda: imported() == bulk.CHUNK_SIZE, "the first chunk is there")
        session.delete()
        with feeding(stream, range(bulk.CHUNK_SIZE, 10**9)), pytest.raises(grpc.RpcError) as caught:
            call.result()
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert int(metadata_of(caught.value)["committed_through"]) == imported()


def test_stopping_server_ends_the_stream_with_its_progress(own_servers: Servers) -> None:
    with grpc.insecure_channel(own_servers.grpc_address) as channel:
        stream = Open()
        call = UserServiceStub(channel).BulkImportUsers.future(iter(stream), timeout=PATIENCE)
        stream.send(*map(row, range(bulk.CHUNK_SIZE)))
        until(lambda: imported() == bulk.CHUNK_SIZE, "the first chunk is there")
        own_servers.processes[1].send_signal(signal.SIGTERM)
        with feeding(stream, range(bulk.CHUNK_SIZE, 10**9)), pytest.raises(grpc.RpcError) as caught:
            call.result()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert int(metadata_of(caught.value)["committed_through"]) == imported()


class feeding:  # noqa: N801 — reads as what it does
    """Keeps a stream going, a row at a time, while the server is to end it."""

    def __init__(self, stream: Open, numbers: range) -> None:
        self._stream, self._numbers, self._over = stream, iter(numbers), threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)

    def _feed(self) -> None:
        while not self._over.wait(0.01):
            self._stream.send(row(next(self._numbers)))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join()
        self._stream.end()


def metadata_of(error: Any) -> dict[str, str]:
    """Return the metadata of a failure."""
    packed = dict(error.trailing_metadata())["grpc-status-details-bin"]
    for detail in status_pb2.Status.FromString(packed).details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            return dict(error_details_pb2.ErrorInfo.FromString(detail.value).metadata)
    raise AssertionError("without ErrorInfo")


IMPATIENT = {"UPLOAD_IDLE_SECONDS": "0.5", "BODY_WAIT_SECONDS": "0.5", "UPLOAD_THREADS": "1"}


@pytest.mark.parametrize("shared_servers", [IMPATIENT], indirect=True)
def test_silent_client_is_cut_off_without_effect_on_others(servers: Servers) -> None:
    with grpc.insecure_channel(servers.grpc_address) as channel:
        silent = [UserServiceStub(channel).BulkImportUsers.future(iter(Open()), timeout=PATIENCE) for _ in range(3)]
        assert UserServiceStub(channel).BulkImportUsers(map(row, range(2)), timeout=PATIENCE).imported == 2
        for call in silent:
            assert call.exception() is not None
    port = urlsplit(servers.http_url).port or 0
    for path, content_type in ((PATH, "application/x-ndjson"), ("/api/v1/users", "application/json")):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(head(path, content_type, 90) + b"{")
            assert connection.recv(1000).startswith(b"HTTP/1.1 504 ")


SLOW = {"BODY_WAIT_SECONDS": "5", "HTTP_THREADS": "2"}


@pytest.mark.parametrize("shared_servers", [SLOW], indirect=True)
def test_clients_that_send_slowly_hold_no_thread(servers: Servers) -> None:
    port = urlsplit(servers.http_url).port or 0
    connections = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(20)]
    for connection in connections:
        connection.sendall(head("/api/v1/users", "application/json", 90) + b"{")
    with urllib.request.urlopen(f"{servers.http_url}/api/v1/users/me", timeout=3) as response:
        assert response.status == 200
    for connection in connections:
        connection.close()
