"""Streams over gRPC-Web and Connect on a real port: they hold no thread, resume, and end with their status."""

import signal
import socket
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from django.utils import timezone

from access.models import Session
from access.tokens import access_token
from tandem.change.v1.change_pb2 import CHANGE_KIND_BOOKMARK, CHANGE_KIND_SNAPSHOT_END, Change, WatchChangesRequest
from tandem.drawing.v1.drawing_pb2 import RenderPageRequest, RenderPageResponse
from tests.support.factories import UserFactory
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from tests.support.web_streams import WebStream
from tests.support.web_transport import frame
from users.models import User

#: One pair of servers for all tests; the last one stops it.
pytestmark = [
    pytest.mark.real_server,
    pytest.mark.parametrize("shared_servers", [{"MAX_STREAMS_PER_CALLER": "100"}], indirect=True),
]

RPC = "change.v1.ChangeService/WatchChanges"
GRPC_WEB, CONNECT = "application/grpc-web+proto", "application/connect+proto"


def watch(servers: Servers, content_type: str, headers: dict[str, str] | None = None, **request: Any) -> WebStream:
    return WebStream(servers.http_url, RPC, WatchChangesRequest(**request), Change, content_type, **(headers or {}))


def live(servers: Servers, content_type: str, **headers: str) -> WebStream:
    """Open a stream and read its initial state, as soon as the process reads the log."""
    streams: list[WebStream] = []

    def opens() -> bool:
        stream = watch(servers, content_type, headers, include_initial=True, bookmarks=True)
        try:
            while stream.next().kind != CHANGE_KIND_SNAPSHOT_END:
                pass
        except Exception:
            return False
        streams.append(stream)
        return True

    until(opens, "a stream can be opened")
    return streams[0]


def test_events_come_as_they_occur_and_resume_in_the_other_protocol(servers: Servers) -> None:
    with live(servers, GRPC_WEB) as first, live(servers, CONNECT) as second:
        assert first.response.headers["Content-Type"] == GRPC_WEB
        users = [UserFactory() for _ in range(3)]
        over = [[stream.next() for _ in users] for stream in (first, second)]
        assert over[0] == over[1]
        assert [change.subject_id for change in over[0]] == [str(user.pk) for user in users]
    with watch(servers, CONNECT, cursor=over[0][0].cursor) as resumed:
        assert [resumed.next().subject_id for _ in range(2)] == [str(user.pk) for user in users[1:]]
    for content_type in (GRPC_WEB, CONNECT):
        messages, failed = watch(servers, content_type, cursor="made-up").rest()
        assert (messages, failed.reason, failed.fields) == ([], "CURSOR_INVALID", {"cursor": "invalid"})  # type: ignore[union-attr]
    page = RenderPageRequest(document_id="0198a3c0-0000-7000-8000-000000000000")
    file = WebStream(servers.http_url, "drawing.v1.DrawingService/RenderPage", page, RenderPageResponse, CONNECT)
    assert file.rest()[1].reason == "NOT_FOUND"  # type: ignore[union-attr]
    # A quiet stream has its head, and its deadline ends it.
    for content_type, header in ((GRPC_WEB, {"grpc_timeout": "900m"}), (CONNECT, {"connect_timeout_ms": "900"})):
        quiet = watch(servers, content_type, header)
        assert quiet.response.status == 200
        assert quiet.rest()[1].reason == "DEADLINE_EXCEEDED"  # type: ignore[union-attr]


def test_open_streams_hold_no_thread_and_end_with_their_session(servers: Servers) -> None:
    live(servers, CONNECT).__exit__()
    session = Session.objects.create(user=User.objects.get(email="admin@example.com"))
    web, bearer = psutil.Process(servers.processes[0].pid), f"Bearer {access_token(session)}"
    streams = [watch(servers, CONNECT, {"authorization": bearer}) for _ in range(20)]
    before = web.num_threads()
    streams += [watch(servers, GRPC_WEB, {"authorization": bearer}) for _ in range(80)]
    assert web.num_threads() <= before + 4
    made = UserFactory()
    assert {stream.next().subject_id for stream in streams} == {str(made.pk)}
    refused = watch(servers, GRPC_WEB, {"authorization": bearer}).rest()[1]
    assert refused is not None
    assert refused.reason == "RATE_LIMITED"
    for stream in streams[:50]:
        stream.__exit__()
    until(lambda: _opens(servers, bearer), "the places of abandoned streams are free")
    Session.objects.filter(pk=session.pk).update(revoked_at=timezone.now())
    assert {stream.rest()[1].reason for stream in streams[50:]} == {"UNAUTHENTICATED"}  # type: ignore[union-attr]
    assert len({stream.end["x-request-id"] for stream in streams[50:]}) == 50


def _opens(servers: Servers, bearer: str) -> bool:
    """Return whether a stream is opened, and lasts until its deadline."""
    stream = watch(servers, GRPC_WEB, {"authorization": bearer, "grpc_timeout": "300m"})
    failed = stream.rest()[1]
    assert failed is not None
    return failed.reason == "DEADLINE_EXCEEDED"


def test_half_a_frame_and_a_slow_body_hold_nothing(servers: Servers) -> None:
    parts = urlsplit(servers.http_url)
    body = frame(WatchChangesRequest().SerializeToString())
    head = f"POST /{RPC} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {GRPC_WEB}\r\nContent-Length: 500\r\n\r\n"
    waiting = [socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) for _ in range(40)]
    for connection in waiting:
        connection.sendall(head.encode() + body[:3])
    with urllib.request.urlopen(f"{servers.http_url}/api/v1/users/me", timeout=5) as response:
        assert response.status == 200
    for connection in waiting:
        connection.close()
    with urllib.request.urlopen(f"{servers.http_url}/health", timeout=5) as response:
        assert response.status == 200


def test_stopping_server_ends_streams_with_a_cursor(servers: Servers) -> None:
    with live(servers, GRPC_WEB) as first, live(servers, CONNECT) as second:
        servers.processes[0].send_signal(signal.SIGTERM)
        for stream in (first, second):
            messages, failed = stream.rest()
            assert (messages[-1].kind, bool(messages[-1].cursor)) == (CHANGE_KIND_BOOKMARK, True)
            assert failed is not None
            assert failed.reason == "UNAVAILABLE"
    assert servers.processes[0].wait(20) == 0
