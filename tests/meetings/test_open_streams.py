"""Streams of a meeting on real ports; those of all in general are in `tests/core/test_open_streams.py`."""

import signal
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from django.utils import timezone

from access.models import Session
from access.services import create_ticket
from access.tokens import access_token
from meetings.models import Meeting, Status
from tandem.meeting.v1.meeting_pb2 import WatchMeetingRequest, WatchMeetingResponse
from tandem.meeting.v1.meeting_pb2_grpc import MeetingServiceStub
from tests.support.factories import MeetingFactory
from tests.support.meeting_rows import a_segment
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from tests.support.sse import EventSource
from users.models import User

pytestmark = pytest.mark.real_server

PATIENCE = 20
FEW = {"MAX_STREAMS_PER_CALLER": "2"}


@pytest.fixture
def meeting(servers: Servers) -> Meeting:
    return a_meeting(servers)


def a_meeting(servers: Servers) -> Meeting:
    """Create a meeting of the administrator that is being worked on; streams of it can be opened."""
    owner = User.objects.get(email="admin@example.com")
    meeting: Meeting = MeetingFactory(owner=owner, status=Status.PROCESSING)
    until(lambda: opens(servers, meeting), "streams can be opened")
    return meeting


@pytest.fixture
def channel(servers: Servers) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(servers.grpc_address) as channel:
        yield channel


def opens(servers: Servers, meeting: Meeting) -> bool:
    with (
        grpc.insecure_channel(servers.grpc_address) as channel,
        EventSource(servers.http_url + path(meeting)) as source,
    ):
        call = watch(channel, meeting)
        try:
            return next(call) is not None and source.status == 200
        except grpc.RpcError:
            return False
        finally:
            call.cancel()


def path(meeting: Meeting) -> str:
    return f"/api/v1/meetings/{meeting.pk}/stream"


def watch(channel: grpc.Channel, meeting: Meeting, session: Session | None = None, **asked: Any) -> Any:
    metadata = (("authorization", bearer_of(session)),) if session else ()
    request = WatchMeetingRequest(meeting_id=str(meeting.pk), bookmarks=True, **asked)
    return MeetingServiceStub(channel).WatchMeeting(request, timeout=3 * PATIENCE, metadata=metadata)


def bearer_of(session: Session) -> str:
    return f"Bearer {access_token(session)}"


def ended(call: Any) -> tuple[WatchMeetingResponse | None, grpc.StatusCode]:
    """Return the last message of a stream, and its failure."""
    last = None
    try:
        for last in call:  # noqa: B007 - the last one is wanted
            pass
    except grpc.RpcError:
        pass
    return last, call.code()


def test_streams_over_both_transports_end_with_the_meeting(
    servers: Servers, channel: grpc.Channel, meeting: Meeting
) -> None:
    call = watch(channel, meeting)
    with EventSource(f"{servers.http_url}{path(meeting)}?bookmarks=true") as source:
        assert [event.name for event in source.take(2)] == ["status", "bookmark"]
        a_segment(meeting, 1)
        said = source.take(1)[0]
        assert (said.name, said.data["segment"]["text"]) == ("transcript", "Sentence 1")
        Meeting.objects.filter(pk=meeting.pk).update(status=Status.COMPLETED)
        rest = source.rest()
        assert ([event.name for event in rest], source.comments) == (["status", "end"], [])
    last, code = ended(call)
    assert last is not None
    assert (last.end.id, last.cursor, code) == (str(meeting.pk), rest[-1].id, grpc.StatusCode.OK)
    # A browser that reconnects sends its last id; a cursor of one transport is valid over the other.
    with EventSource(servers.http_url + path(meeting), {"Last-Event-ID": said.id or ""}) as source:
        assert [event.name for event in source.rest()] == ["status", "end"]
    last, code = ended(watch(channel, meeting, cursor=rest[-1].id))
    assert last is not None
    assert (last.WhichOneof("event"), code) == ("end", grpc.StatusCode.OK)


def test_a_session_that_ends_ends_its_streams_within_a_second(
    servers: Servers, channel: grpc.Channel, meeting: Meeting
) -> None:
    session = Session.objects.create(user=meeting.owner)
    ticket = create_ticket(meeting.owner, path(meeting), session_id=session.pk)
    call = watch(channel, meeting, session)
    next(call)
    with EventSource(f"{servers.http_url}{path(meeting)}?bookmarks=true&ticket={ticket}") as source:
        assert [event.name for event in source.take(2)] == ["status", "bookmark"]
        with EventSource(f"{servers.http_url}{path(meeting)}?ticket={ticket}") as second:
            assert second.status == 401
        began = time.monotonic()
        Session.objects.filter(pk=session.pk).update(revoked_at=timezone.now())
        assert [event.name for event in source.rest()] == ["bookmark"]
        assert source.comments[-1].startswith("UNAUTHENTICATED")
    last, code = ended(call)
    assert time.monotonic() - began < 1.5  # The promise is a second; the rest is for a busy machine.
    assert last is not None
    assert (last.WhichOneof("event"), code) == (None, grpc.StatusCode.UNAUTHENTICATED)


def test_stopping_server_ends_streams_with_unavailable(own_servers: Servers) -> None:
    meeting = a_meeting(own_servers)
    with (
        grpc.insecure_channel(own_servers.grpc_address) as channel,
        EventSource(f"{own_servers.http_url}{path(meeting)}?bookmarks=true") as source,
    ):
        call = watch(channel, meeting)
        assert [next(call).WhichOneof("event") for _ in range(2)] == ["status", None]  # The second is a bookmark.
        assert [event.name for event in source.take(2)] == ["status", "bookmark"]
        for process in own_servers.processes:
            process.send_signal(signal.SIGTERM)
        last, code = ended(call)
        assert last is not None
        assert (bool(last.cursor), code) == (True, grpc.StatusCode.UNAVAILABLE)
        assert [event.name for event in source.rest()] == ["bookmark"]
        assert source.comments[-1].startswith("UNAVAILABLE")


@pytest.mark.parametrize("shared_servers", [FEW], indirect=True)
def test_a_stream_that_has_ended_gives_its_place_back(
    servers: Servers, channel: grpc.Channel, meeting: Meeting
) -> None:
    session = Session.objects.create(user=meeting.owner)
    with (
        EventSource(servers.http_url + path(meeting)) as first,
        EventSource(servers.http_url + path(meeting)) as second,
    ):
        assert (first.status, second.status) == (200, 200)
        with EventSource(servers.http_url + path(meeting)) as third:
            assert third.status == 429
        Meeting.objects.filter(pk=meeting.pk).update(status=Status.FAILED)
        assert first.rest()[-1].name == second.rest()[-1].name == "end"
    for _ in range(3):
        with EventSource(servers.http_url + path(meeting)) as again:
            assert (again.status, again.rest()[-1].name) == (200, "end")
        assert ended(watch(channel, meeting, session))[1] is grpc.StatusCode.OK
