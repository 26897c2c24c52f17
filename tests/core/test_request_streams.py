"""Open streams of requests: how many one caller may have, and what they hold while their clients send nothing."""

import http.client
import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from django.db import connection
from google.rpc import error_details_pb2, status_pb2

from access.models import Session
from access.tokens import access_token
from tandem.task.v1.task_pb2 import CreateTaskRequest, TaskCommand
from tandem.task.v1.task_pb2_grpc import TaskServiceStub
from tandem.user.v1.user_pb2 import GetUserRequest
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.support.factories import UserFactory
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers

pytestmark = pytest.mark.real_server

PATIENCE = 20
MOST = 8
COMMAND = TaskCommand(create=CreateTaskRequest(title="Sow"))


class Refused(Exception):
    """The stream was refused: with this reason, and this many seconds to wait."""


class OpenStream:
    """A command stream that stays open; each command is answered before the next one is sent."""

    def command(self) -> bool:
        """Send a command; return whether it was done.

        Raises:
            Refused
        """
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class OverHttp(OpenStream):
    def __init__(self, servers: Servers, bearer: str) -> None:
        place = urlsplit(servers.http_url)
        self._socket = socket.create_connection((place.hostname or "", place.port or 0), timeout=PATIENCE)
        lines = (
            "POST /api/v1/tasks/commands HTTP/1.1", "Host: localhost", f"Authorization: {bearer}",
            "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked",
        )  # fmt: skip
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._response: http.client.HTTPResponse | None = None

    def command(self) -> bool:
        line = json.dumps({"create": {"title": "Sow"}}).encode() + b"\n"
        self._socket.sendall(b"%x\r\n%b\r\n" % (len(line), line))
        if self._response is None:
            self._response = http.client.HTTPResponse(self._socket, method="POST")
            self._response.begin()
            if self._response.status != 200:
                problem = json.loads(self._response.read())
                raise Refused(problem["reason"], int(self._response.headers["Retry-After"]))
        return bool(json.loads(self._response.readline())["success"])

    def close(self) -> None:
        with suppress(OSError):  # The response holds the socket, too.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class OverGrpc(OpenStream):
    def __init__(self, servers: Servers, bearer: str) -> None:
        self._channel = grpc.insecure_channel(servers.grpc_address, [("grpc.use_local_subchannel_pool", 1)])
        self._commands: SimpleQueue[TaskCommand | None] = SimpleQueue()
        stub = TaskServiceStub(self._channel)
        sent: Iterator[TaskCommand] = iter(self._commands.get, None)
        self._results = stub.ProcessTaskStream(sent, metadata=[("authorization", bearer)], timeout=PATIENCE)

    def command(self) -> bool:
        self._commands.put(COMMAND)
        try:
            return bool(next(self._results).success)
        except grpc.RpcError as exc:
            status = status_pb2.Status.FromString(dict(exc.trailing_metadata())["grpc-status-details-bin"])  # type: ignore[attr-defined]
            info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
            for detail in status.details:
                _ = detail.Unpack(info) or detail.Unpack(retry)
            raise Refused(info.reason, retry.retry_delay.ToSeconds()) from exc

    def close(self) -> None:
        self._commands.put(None)
        self._results.cancel()
        self._channel.close()


Opening = Callable[[str], OpenStream]


@pytest.fixture(params=[OverHttp, OverGrpc], ids=["rest", "grpc"])
def opening(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Opening]:
    """Opens command streams as the bearer of this token; closes them at the end."""
    with opening_at(servers, request.param) as open_one:
        yield open_one


@contextmanager
def opening_at(servers: Servers, kind: Callable[[Servers, str], OpenStream]) -> Iterator[Opening]:
    with ExitStack() as stack:

        def open_one(bearer: str) -> OpenStream:
            stream = kind(servers, bearer)
            stack.callback(stream.close)
            return stream

        yield open_one


def new_bearer() -> str:
    return "Bearer " + access_token(Session.objects.create(user=UserFactory()))


def connections_of_servers() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        count: int = cursor.fetchone()[0]
        return count


def test_request_streams_are_limited_per_caller(opening: Opening) -> None:
    ann, bob = new_bearer(), new_bearer()
    streams = [opening(ann) for _ in range(MOST)]
    assert all(stream.command() for stream in streams)
    with pytest.raises(Refused) as refused:
        opening(ann).command()
    assert refused.value.args == ("RATE_LIMITED", 5)
    assert opening(bob).command()
    assert all(stream.command() for stream in streams)

    streams[0].close()

    def opens_again() -> bool:
        try:
            return opening(ann).command()
        except Refused:
            return False

    until(opens_again, "the place of the stream that ended is free")


def test_streams_that_wait_for_their_clients_hold_no_database_connection(opening: Opening) -> None:
    before = connections_of_servers()
    streams = [opening(bearer) for bearer in [new_bearer() for _ in range(5)] for _ in range(MOST)]
    assert all(stream.command() for stream in streams)
    # Some are kept for the next commands, however many streams there are.
    assert connections_of_servers() <= before + 12
    assert all(stream.command() for stream in streams)


def test_when_the_process_has_as_many_as_it_takes_each_more_is_refused_at_once(own_servers: Servers) -> None:
    bearers = [new_bearer() for _ in range(8)]
    for kind in (OverHttp, OverGrpc):  # Each is served by another process.
        with opening_at(own_servers, kind) as opening:
            streams = [opening(bearer) for bearer in bearers for _ in range(MOST)]
            assert all(stream.command() for stream in streams)
            with pytest.raises(Refused) as refused:
                opening(new_bearer()).command()
            assert refused.value.args == ("RATE_LIMITED", 5)


def field(name: bytes, value: bytes) -> bytes:
    """Return a header as HPACK writes it without tables (RFC 7541 section 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame of HTTP/2 (RFC 9113 section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def test_slow_messages_do_not_hold_up_other_calls(servers: Servers) -> None:
    headers = b"".join(
        field(name, value)
        for name, value in (
            (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/user.v1.UserService/GetUser"),
            (b":authority", b"localhost"), (b"te", b"trailers"), (b"content-type", b"application/grpc"),
        )
    )  # fmt: skip
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
    calls = b"".join(
        frame(1, 4, stream, headers) + frame(0, 0, stream, b"\0" + struct.pack(">I", 100)) for stream in range(1, 9, 2)
    )
    place = urlsplit(f"//{servers.grpc_address}")
    bearer = [("authorization", new_bearer())]
    with ExitStack() as stack:
        hostile = [
            stack.enter_context(socket.create_connection((place.hostname or "", place.port or 0))) for _ in range(200)
        ]
        for one in hostile:
            one.sendall(preface + calls)
        stub = UserServiceStub(stack.enter_context(grpc.insecure_channel(servers.grpc_address)))
        for _ in range(20):
            for one in hostile:
                one.sendall(b"".join(frame(0, 0, stream, b"\n") for stream in range(1, 9, 2)))
            # With and without credentials: as another caller, and as one of the same address.
            for metadata in (bearer, []):
                request = GetUserRequest(user_id="me")
                answer: Any = stub.GetUser(request, metadata=metadata, timeout=2)
                assert answer.user.id


def test_pieces_of_resumable_uploads_count_as_streams(servers: Servers) -> None:
    place = urlsplit(servers.http_url)
    common = {"Authorization": new_bearer(), "Tus-Resumable": "1.0.0"}

    def send(method: str, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        one = http.client.HTTPConnection(place.netloc, timeout=PATIENCE)
        one.request(method, path, headers={**common, **headers}, body=b"")
        answer = one.getresponse()
        answer.read()
        return answer

    def new_upload() -> str:
        received = {"Upload-Length": "100", "Upload-Metadata": "filename Zi53YXY="}
        made = send("POST", "/api/v1/uploads", received)
        assert made.status == 201
        return urlsplit(made.headers["Location"]).path

    piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    with ExitStack() as stack:
        for _ in range(MOST):
            one = stack.enter_context(socket.create_connection((place.hostname or "", place.port or 0)))
            head = {**common, **piece, "Host": "localhost", "Content-Length": "100"}
            lines = [f"PATCH {new_upload()} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
            one.sendall("\r\n".join(lines).encode() + b"x")
        another = new_upload()

        def is_refused() -> bool:
            answer = send("PATCH", another, piece)
            assert answer.status in (204, 429)
            return answer.status == 429 and answer.headers["Retry-After"] == "5"

        until(is_refused, "the eight pieces have their places")
    until(lambda: not is_refused(), "their places are free")
