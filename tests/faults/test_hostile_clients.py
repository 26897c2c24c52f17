"""Clients that break the rules of HTTP and gRPC, or follow them to the limit: others are served, nothing is left."""

import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import grpc
import psutil
import pytest
from google.protobuf.descriptor import ServiceDescriptor

from access.models import Session
from access.tokens import access_token
from tandem.change.v1.change_pb2 import CHANGE_KIND_BOOKMARK, Change, WatchChangesRequest
from tandem.client import Client, TandemError
from tandem.task.v1 import task_pb2
from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2 import GetUserRequest
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.faults.conftest import SHARE
from tests.support import raw_http2
from tests.support.raw_http2 import Http2
from tests.support.servers import Servers, answers_grpc, answers_http, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from tests.support.web_streams import WebStream
from users.models import User

pytestmark = pytest.mark.faults

Report = Callable[[str], None]


def path_of(service: ServiceDescriptor, rpc: str) -> str:
    return f"/{service.full_name}/{service.methods_by_name[rpc].name}"


GET_USER = path_of(user_pb2.DESCRIPTOR.services_by_name["UserService"], "GetUser")
WATCH_TASKS = path_of(task_pb2.DESCRIPTOR.services_by_name["TaskService"], "WatchTasks")
#: Of the process that is attacked, when all is over.
MAX_MORE_BYTES = 100 * 2**20
MAX_SECONDS_OF_A_CALL = 10


class Bystander:
    """A user who calls all the time with the Python client, which retries. Any other failure fails the test."""

    def __init__(self, servers: Servers) -> None:
        self.calls = 0
        self.slowest = 0.0
        self.failures: list[str] = []
        self._ended = threading.Event()
        self._address = servers.grpc_address
        session = Session.objects.create(user=User.objects.get(email="john@example.com"))
        self._token = access_token(session)
        self._thread = threading.Thread(target=self._call)

    def __enter__(self) -> "Bystander":
        self._thread.start()
        until(lambda: self.calls or self.failures, "it calls")
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._thread.join()

    def _call(self) -> None:
        with Client(self._address, token=self._token, timeout=MAX_SECONDS_OF_A_CALL) as client:
            while not self._ended.wait(0.01):
                began = time.monotonic()
                try:
                    client.users.GetUser(GetUserRequest(user_id="me"))
                except TandemError as exc:
                    self.failures.append(repr(exc))
                self.calls += 1
                self.slowest = max(self.slowest, time.monotonic() - began)


def connections(servers: Servers) -> int:
    """Return how many clients are connected to the gRPC process."""
    port = int(servers.grpc_address.rpartition(":")[2])
    found = psutil.Process(servers.processes[1].pid).net_connections()
    return sum(one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED for one in found)


@contextmanager
def attacked(servers: Servers, report: Report) -> Iterator[None]:
    """Check that others are served at the same time, and that the gRPC process holds nothing afterwards."""
    process = psutil.Process(servers.processes[1].pid)
    assert answers_grpc(servers.grpc_address)
    before, threads, clients = process.memory_info().rss, process.num_threads(), connections(servers)
    with Bystander(servers) as bystander:
        yield
        calls = bystander.calls
        until(lambda: bystander.calls > calls + 10, "calls continue")
        assert answers_grpc(servers.grpc_address)
    more = process.memory_info().rss - before
    report(f"{bystander.calls} calls of others, the slowest {bystander.slowest:.2f} s; {more / 2**20:+.0f} MB")
    assert bystander.failures == []
    until(lambda: connections(servers) <= clients, "its connections are closed")
    until(lambda: process.num_threads() <= threads + 16, "its threads are free")
    assert more < MAX_MORE_BYTES


def test_rapid_reset(servers: Servers, report: Report) -> None:
    """Each stream is opened and cancelled at once, so that it never counts as open (CVE-2023-44487)."""
    count = max(2_000, round(100_000 * SHARE))
    with attacked(servers, report):
        for path in (GET_USER, WATCH_TASKS):
            head, sent = raw_http2.call_of(path), 0
            with Http2(servers.grpc_address) as client:
                cancel = raw_http2.CANCEL.to_bytes(4, "big")
                for stream in range(1, 2 * count, 2):
                    opened = raw_http2.frame(raw_http2.HEADERS, raw_http2.END_HEADERS, stream, head)
                    if not client.send(opened + raw_http2.frame(raw_http2.RST_STREAM, 0, stream, cancel)):
                        break
                    sent += 1
                client.send(raw_http2.frame(raw_http2.PING, 0, 0, bytes(8)))
                until(lambda: client.received["PING"] or client.is_closed(0), "all was read")
                report(f"{sent} resets of {path}: {dict(client.received)}, closed: {client.is_closed(0)}")


def test_flood_of_streams_on_a_connection(servers: Servers, report: Report) -> None:
    """Half-open calls, watches and pings, more than one connection may have."""
    with attacked(servers, report), ExitStack() as stack:
        for path in (GET_USER, WATCH_TASKS):
            client = stack.enter_context(Http2(servers.grpc_address))
            head = raw_http2.call_of(path)
            for stream in range(1, 6_001, 2):
                client.send(raw_http2.frame(raw_http2.HEADERS, raw_http2.END_HEADERS, stream, head))
            until(lambda: client.received["RST_STREAM REFUSED_STREAM"] or client.is_closed(0), "some are refused")  # noqa: B023
            report(f"3,000 calls of {path} without a message: {dict(client.received)}")
        pinging = stack.enter_context(Http2(servers.grpc_address))
        ping = raw_http2.frame(raw_http2.PING, 0, 0, bytes(8))
        sent = 0
        while sent < 200_000 and not pinging.received["GOAWAY ENHANCE_YOUR_CALM"] and pinging.send(100 * ping):
            sent += 100
        # A connection that the server has closed still holds what it had sent before.
        until(lambda: pinging.received["GOAWAY ENHANCE_YOUR_CALM"] or pinging.is_closed(0), "the pings are judged")
        report(f"{sent} pings: {dict(pinging.received)}")
        assert pinging.received["GOAWAY ENHANCE_YOUR_CALM"]


def test_bombs_of_headers(servers: Servers, report: Report) -> None:
    """Fields that repeat one of 4 KB by a byte each, and a block of fields that never ends."""
    bomb = raw_http2.call_of(GET_USER) + raw_http2.literal("x-bomb", "b" * 4_000, kept=True)
    bomb += raw_http2.REPEATED * 8_000  # 32 MB in 12 KB.
    process = psutil.Process(servers.processes[1].pid)
    held = []
    for _ in range(3):
        with Http2(servers.grpc_address) as client:
            for stream in range(1, 41, 2):
                client.send(raw_http2.frame(raw_http2.HEADERS, raw_http2.END_HEADERS, stream, bomb))
            until(lambda: client.received["HEADERS"] >= 20 or client.is_closed(0), "all are answered")
            report(f"20 calls whose fields repeat: {dict(client.received)}")
        held.append(process.memory_info().rss / 2**20)
    report(f"MB of memory afterwards: {held}")
    with attacked(servers, report):
        with Http2(servers.grpc_address) as client:
            client.send(raw_http2.frame(raw_http2.HEADERS, 0, 1, raw_http2.call_of(GET_USER)))
            piece = raw_http2.frame(raw_http2.CONTINUATION, 0, 1, raw_http2.literal("x-more", "m" * 16_000))
            sent = 0
            while sent < 5_000 and client.send(piece):
                sent += 1
            report(f"{sent} CONTINUATIONs of 16 KB: {dict(client.received)}, closed: {client.is_closed(5)}")
        with grpc.insecure_channel(servers.grpc_address) as channel:
            for kilobytes in (20, 200):
                with pytest.raises(grpc.RpcError) as refused:
                    UserServiceStub(channel).GetUser(
                        GetUserRequest(user_id="me"), metadata=[("x-large", "m" * 1024 * kilobytes)], timeout=20
                    )
                report(f"{kilobytes} KB of metadata: {refused.value.code().name}, {refused.value.details()}")
                assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_idle_connections(servers: Servers, report: Report) -> None:
    """Thousands of connections that send nothing after their start, while a stream of each kind gets its bookmarks."""
    count = max(400, round(10_000 * SHARE))
    request = WatchChangesRequest(bookmarks=True)
    with ExitStack() as stack:
        streams = [
            stack.enter_context(WebStream(servers.http_url, RPC, request, Change, kind))
            for kind in ("application/grpc-web+proto", "application/connect+proto")
        ]
        for address, begin in (
            (servers.http_url.removeprefix("http://"), b""),
            (servers.grpc_address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + raw_http2.frame(raw_http2.SETTINGS, 0, 0)),
        ):
            process = psutil.Process(servers.processes[bool(begin)].pid)
            before = process.memory_info().rss
            host, _, port = address.rpartition(":")
            with ExitStack() as idle:
                for _ in range(count):
                    connection = idle.enter_context(socket.create_connection((host, int(port)), timeout=20))
                    connection.sendall(begin)
                more = (process.memory_info().rss - before) / count
                report(f"{count} idle connections of {'gRPC' if begin else 'HTTP'}: {more / 1024:.0f} KB each")
                for _ in range(3):
                    assert answers_http(f"{servers.http_url}/health/ready")
                    assert answers_grpc(servers.grpc_address)
                    with urllib.request.urlopen(f"{servers.http_url}/api/v1/users/me", timeout=20) as answer:
                        assert answer.status == 200
            until(lambda: process.num_fds() < count / 2, "they are closed")  # noqa: B023
        for stream in streams:
            assert stream.next().kind == CHANGE_KIND_BOOKMARK


RPC = "change.v1.ChangeService/WatchChanges"
