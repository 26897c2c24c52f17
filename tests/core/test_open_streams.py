"""Open streams of users on real ports, over both transports: limits, credentials, ends, resumption."""

import json
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import grpc
import psutil
import pytest
from django.utils import timezone

from access.models import Session
from access.services import create_ticket
from access.tokens import access_token
from tandem.change.v1.change_pb2 import CHANGE_KIND_BOOKMARK, CHANGE_KIND_SNAPSHOT_END, Change
from tandem.change.v1.change_pb2 import WatchChangesRequest as Watch
from tandem.change.v1.change_pb2_grpc import ChangeServiceStub
from tandem.meeting.v1.meeting_pb2 import WatchMeetingRequest
from tandem.user.v1.user_pb2 import GetUserRequest
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.support.factories import MeetingFactory, UserFactory
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from tests.support.sse import EventSource
from users.models import User

pytestmark = pytest.mark.real_server

PATIENCE = 20
PATH = "/api/v1/changes/stream"


@pytest.fixture
def channel(servers: Servers) -> Iterator[grpc.Channel]:
    with channel_to(servers) as channel:
        yield channel


@contextmanager
def channel_to(servers: Servers) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(servers.grpc_address) as channel:
        # The process reads the log as soon as it can; then streams can be opened.
        until(lambda: opens(channel), "a stream can be opened")
        until(lambda: EventSource(servers.http_url + PATH).status == 200, "a stream can be opened over HTTP")
        yield channel


def opens(channel: grpc.Channel) -> bool:
    call = watch(channel, bookmarks=True, include_initial=True)
    try:
        return next(call) is not None
    except grpc.RpcError:
        return False
    finally:
        call.cancel()


def watch(channel: grpc.Channel, *, bearer: str = "", **request: Any) -> Any:
    """Open a stream and wait for its first bookmark, so that it sends everything that is written afterwards."""
    metadata = (("authorization", bearer),) if bearer else ()
    return ChangeServiceStub(channel).WatchChanges(Watch(**request), timeout=3 * PATIENCE, metadata=metadata)


def administrator() -> User:
    return User.objects.get(email="admin@example.com")


def bearer_of(session: Session) -> str:
    return f"Bearer {access_token(session)}"


def live(channel: grpc.Channel, **request: Any) -> Any:
    """Open a stream and read its initial state."""
    call = watch(channel, include_initial=True, bookmarks=True, **request)
    until_kind(call, CHANGE_KIND_SNAPSHOT_END)
    return call


def until_kind(call: Any, kind: int) -> Change:
    for change in call:
        if change.kind == kind:
            return change
    raise AssertionError("the stream ended")


def live_events(servers: Servers, query: str = "", **headers: str) -> EventSource:
    source = EventSource(f"{servers.http_url}{PATH}?include_initial=true&bookmarks=true{query}", headers)
    assert source.status == 200, source.response.read()
    while (event := source.next()) is not None and event.name != "snapshot_end":
        assert event.id is None
    assert event is not None
    return source


def test_transports_send_the_same_and_share_cursors(servers: Servers, channel: grpc.Channel) -> None:
    call = live(channel)
    with live_events(servers) as source:
        users = [UserFactory() for _ in range(3)]
        User.objects.filter(pk=users[0].pk).update(first_name="By hand")
        over_grpc = [next(call) for _ in range(4)]
        over_http = source.take(4)
    call.cancel()
    assert [change.subject_id for change in over_grpc] == [str(u.pk) for u in (*users, users[0])]
    assert [event.name for event in over_http] == ["created"] * 3 + ["updated"]
    for change, event in zip(over_grpc, over_http, strict=True):
        assert event.id == event.data["cursor"] == change.cursor
        assert (event.data["subject_id"], event.data["subject_version"]) == (change.subject_id, change.subject_version)
    assert over_http[3].data["changed_fields"] == list(over_grpc[3].changed_fields) == ["first_name"]
    assert over_http[3].data["user"]["first_name"] == "By hand"
    go_on = over_grpc[1].cursor
    with EventSource(f"{servers.http_url}{PATH}?cursor={go_on}") as source:
        assert [event.data["subject_id"] for event in source.take(2)] == [str(users[2].pk), str(users[0].pk)]
    again = watch(channel, cursor=over_http[2].id)
    assert next(again).cursor == over_http[3].id
    again.cancel()
    # What a browser sends when it connects again beats the query of its first time.
    with EventSource(f"{servers.http_url}{PATH}?include_initial=true", {"Last-Event-ID": go_on}) as source:
        assert source.take(1)[0].data["subject_id"] == str(users[2].pk)


def test_invalid_cursor_is_rejected_and_sse_sends_resync(servers: Servers, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        next(watch(channel, cursor="made-up"))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with EventSource(f"{servers.http_url}{PATH}", {"Last-Event-ID": "made-up"}) as source:
        (event,) = source.rest()
    assert (source.status, event.name, event.id) == (200, "resync", "")
    assert (event.data["reason"], event.data["status"]) == ("CURSOR_INVALID", 400)
    for query, status in (("?cursor=x&include_initial=true", 400), ("?subject_types=moon", 400), ("?nonsense=1", 400)):
        with EventSource(servers.http_url + PATH + query) as source:
            assert source.status == status
            assert source.response.headers["Content-Type"] == "application/problem+json"


def test_a_browser_shows_a_ticket_which_is_good_once(servers: Servers, channel: grpc.Channel) -> None:
    session = Session.objects.create(user=administrator())
    ticket = create_ticket(administrator(), PATH, session_id=session.pk)
    with live_events(servers, f"&ticket={ticket}") as source:
        UserFactory()
        assert source.take(1)[0].name == "created"
        with EventSource(f"{servers.http_url}{PATH}?ticket={ticket}") as second:
            assert second.status == 401
        session.delete()
        began = time.monotonic()
        assert [event.name for event in source.rest()] == ["bookmark"]
        assert time.monotonic() - began < 1.5
        assert source.comments[-1].startswith("UNAUTHENTICATED")


def test_a_session_that_ends_ends_its_streams_within_a_second(servers: Servers, channel: grpc.Channel) -> None:
    session, other = (Session.objects.create(user=administrator()) for _ in range(2))
    ending, going_on = live(channel, bearer=bearer_of(session)), live(channel, bearer=bearer_of(other))
    with live_events(servers, Authorization=bearer_of(session)) as source:
        began = time.monotonic()
        Session.objects.filter(pk=session.pk).update(revoked_at=timezone.now())
        assert [event.name for event in source.rest()] == ["bookmark"]
    last, code = ended(ending)
    assert time.monotonic() - began < 1.5  # The promise is a second; the rest is for a busy machine.
    assert (last.kind, code) == (CHANGE_KIND_BOOKMARK, grpc.StatusCode.UNAUTHENTICATED)
    made = UserFactory()
    assert next(going_on).subject_id == str(made.pk)
    going_on.cancel()


def test_other_rights_begin_anew(servers: Servers, channel: grpc.Channel) -> None:
    user = UserFactory()
    call = live(channel, bearer=bearer_of(Session.objects.create(user=user)))
    with live_events(servers, Authorization=bearer_of(Session.objects.create(user=user))) as source:
        User.objects.filter(pk=user.pk).update(roles=[3])
        assert source.rest()[-1].name == "resync"
    assert ended(call)[1] is grpc.StatusCode.FAILED_PRECONDITION


def fills(opened: Callable[[str], Any], bearer: str, closing: list[Any], limit: int = 3) -> bool:
    if len(closing) < limit and (close := opened(bearer)) is not None:
        closing.append(close)
    return len(closing) == limit


def test_open_streams_hold_no_thread_and_calls_are_answered_beside_them(
    servers: Servers, channel: grpc.Channel
) -> None:
    web, rpc = (psutil.Process(process.pid) for process in servers.processes)
    calls, sources = [], []
    before = 0, 0
    for number in range(200):
        if number == 20:
            before = web.num_threads(), rpc.num_threads()
        calls.append(watch(channel, include_initial=True))
        next(calls[-1])
        sources.append(EventSource(servers.http_url + PATH))
    assert all(source.status == 200 for source in sources)
    after = web.num_threads(), rpc.num_threads()
    assert all(now - then <= 4 for now, then in zip(after, before, strict=True)), (before, after)
    UserServiceStub(channel).GetUser(GetUserRequest(user_id="me"), timeout=2)
    with urllib.request.urlopen(f"{servers.http_url}/api/v1/users/me", timeout=2) as response:
        assert json.load(response)["email"] == "admin@example.com"
    made = UserFactory()
    for source in sources:
        assert source.take(1)[0].data["subject_id"] == str(made.pk)
        source.close()
    for call in calls:
        assert any(change.subject_id == str(made.pk) for change in call)
        call.cancel()


def write_much() -> int:
    """Make far more changes than the buffers between server and client take; return their number."""
    UserFactory.create_batch(500, bio="x" * 1000)
    for word in range(10):
        User.objects.filter(status=1).update(first_name=f"word{word}")
    return 500 + 10 * User.objects.filter(status=1).count()


def has_places(channel: grpc.Channel, count: int) -> bool:
    """Return whether the caller may open so many streams."""
    calls = [watch(channel, include_initial=True, bookmarks=True) for _ in range(count)]
    try:
        return all(next(call) for call in calls)
    except grpc.RpcError:
        return False
    finally:
        for call in calls:
            call.cancel()


def is_served(servers: Servers, client: socket.socket) -> bool:
    """Return whether the web process still has this connection open, without reading from it: that is progress."""
    open_connections = psutil.Process(servers.processes[0].pid).net_connections("tcp")
    return client.getsockname() in [connection.raddr for connection in open_connections]


def ended(call: Any) -> tuple[Change, grpc.StatusCode]:
    """Return the last message of a stream, and its failure."""
    last = Change()
    with pytest.raises(grpc.RpcError) as caught:
        for last in call:  # noqa: B007 - the last one is wanted
            pass
    return last, caught.value.code()


def sends_head_at_once(call: Any) -> bool:
    began = time.monotonic()
    call.initial_metadata()
    return bool(call.is_active()) and time.monotonic() - began < 2


class TestHead:
    """The head of an open stream comes at once, though nothing happens: that is how clients know that it is open."""

    @pytest.mark.parametrize("method", ["/change.v1.ChangeService/WatchChanges", "/taskservice.TaskService/WatchTasks"])
    def test_quiet_feed_sends_headers_at_once(self, channel: grpc.Channel, method: str) -> None:
        call = channel.unary_stream(method)(b"", timeout=PATIENCE)
        assert sends_head_at_once(call)
        call.cancel()

    def test_quiet_meeting_sends_headers_at_once(self, channel: grpc.Channel) -> None:
        meeting = MeetingFactory(owner=User.objects.get(email="admin@example.com"))
        request = WatchMeetingRequest(meeting_id=str(meeting.pk)).SerializeToString()
        call = channel.unary_stream("/meeting.v1.MeetingService/WatchMeeting")(request, timeout=PATIENCE)
        assert sends_head_at_once(call)
        call.cancel()

    def test_stream_of_commands_sends_headers_before_the_first_one(self, channel: grpc.Channel) -> None:
        over = threading.Event()

        def none_yet() -> Iterator[bytes]:
            over.wait(PATIENCE)
            yield from ()

        call = channel.stream_stream("/taskservice.TaskService/ProcessTaskStream")(none_yet(), timeout=PATIENCE)
        try:
            assert sends_head_at_once(call)
        finally:
            over.set()
            call.cancel()

    def test_rejected_stream_ends_with_its_status(self, channel: grpc.Channel) -> None:
        call = channel.unary_stream("/change.v1.ChangeService/WatchChanges")(
            Watch(cursor="none").SerializeToString(), timeout=PATIENCE
        )
        with pytest.raises(grpc.RpcError) as refused:
            next(call)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_stopping_server_ends_streams_with_a_cursor(own_servers: Servers) -> None:
    with channel_to(own_servers) as channel:
        call = live(channel)
        with live_events(own_servers) as source:
            for process in own_servers.processes:
                process.send_signal(signal.SIGTERM)
            last, code = ended(call)
            assert (last.kind, code) == (CHANGE_KIND_BOOKMARK, grpc.StatusCode.UNAVAILABLE)
            assert [event.name for event in source.rest()] == ["bookmark"]
            assert source.comments[-1].startswith("UNAVAILABLE")
    for process in own_servers.processes:
        assert process.wait(PATIENCE) == 0


def test_a_client_that_does_not_read_keeps_no_server_from_ending(own_servers: Servers) -> None:
    parts = urlsplit(own_servers.http_url)
    with channel_to(own_servers), socket.socket() as stalled, live_events(own_servers) as source:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect((parts.hostname or "", parts.port or 0))
        stalled.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert stalled.recv(15) == b"HTTP/1.1 200 OK"
        number = write_much()
        received = (event for event in iter(source.next, None) if event.name != "bookmark")
        assert len(list(islice(received, number))) == number
        own_servers.processes[0].send_signal(signal.SIGTERM)
        assert [event.name for event in source.rest()] == ["bookmark"]
        assert own_servers.processes[0].wait(PATIENCE / 2) == 0


#: Of one pair of servers. The tests with it come last, so that the others share the pair before it.
LIMITED = {"ACCESS_TOKEN_SECONDS": "2", "MAX_STREAMS_PER_CALLER": "3", "MAX_STREAMS": "4", "STREAM_STALL_SECONDS": "5"}


@pytest.mark.parametrize("shared_servers", [LIMITED], indirect=True)
def test_a_token_that_expires_ends_its_stream(servers: Servers, channel: grpc.Channel, settings: Any) -> None:
    settings.ACCESS_TOKEN_SECONDS = 2
    session = Session.objects.create(user=administrator())
    call = live(channel, bearer=bearer_of(session))
    began = time.monotonic()
    assert ended(call)[1] is grpc.StatusCode.UNAUTHENTICATED
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("shared_servers", [LIMITED], indirect=True)
def test_streams_are_limited_per_caller_and_process(servers: Servers, channel: grpc.Channel) -> None:
    bearers = [bearer_of(Session.objects.create(user=UserFactory())) for _ in range(2)]

    def over_grpc(bearer: str) -> Callable[[], None] | None:
        call = watch(channel, bearer=bearer, include_initial=True, bookmarks=True)
        try:
            next(call)
        except grpc.RpcError as exc:
            assert exc.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            return None
        return call.cancel  # type: ignore[no-any-return]

    def over_http(bearer: str) -> Callable[[], None] | None:
        source = EventSource(servers.http_url + PATH, {"Authorization": bearer})
        assert source.status == 200 or (source.status == 429 and source.response.headers["Retry-After"])
        return source.close if source.status == 200 else None

    for opened in (over_grpc, over_http):
        until(lambda opened=opened: (close := opened(bearers[1])) is not None and (close() or True), "a place is free")
        closing = []
        until(lambda opened=opened, closing=closing: fills(opened, bearers[0], closing), "three are open")
        assert opened(bearers[0]) is None
        closing.append(opened(bearers[1]))
        assert closing[-1] is not None
        assert opened(bearers[1]) is None  # The process has four.
        closing.pop(0)()
        until(
            lambda opened=opened, closing=closing: fills(opened, bearers[0], closing, limit=4), "a place is given back"
        )
        for close in closing:
            close()


@pytest.mark.parametrize("shared_servers", [LIMITED], indirect=True)
def test_client_that_does_not_read_is_cut_off_without_effect_on_others(servers: Servers, channel: grpc.Channel) -> None:
    small = [("grpc.http2.lookahead_bytes", 1024), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(servers.grpc_address, options=small) as another:
        stalled_calls = [live(another) for _ in range(2)]
        reading = live(channel)
        parts = urlsplit(servers.http_url)
        stalled = socket.socket()
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect((parts.hostname or "", parts.port or 0))
        stalled.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert stalled.recv(15) == b"HTTP/1.1 200 OK"
        with live_events(servers) as source, ThreadPoolExecutor(1) as beside:
            number = write_much()
            # On a slow machine there are bookmarks between them.
            over_http = (event.id for event in iter(source.next, None) if event.name != "bookmark")
            received = (change.cursor for change in reading if change.kind != CHANGE_KIND_BOOKMARK)
            ids = beside.submit(lambda: list(islice(over_http, number)))
            assert list(islice(received, number)) == ids.result()
        reading.cancel()
        until(lambda: not is_served(servers, stalled), "the connection whose client does not read is closed")
        until(lambda: has_places(channel, 3), "the calls whose clients do not read have ended")
        stalled.close()
        # A client that reads soon learns the reason; later its call is cut.
        for call in stalled_calls:
            assert ended(call)[1] in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED)
