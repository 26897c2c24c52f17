"""The feed of one meeting, which has an end."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tandem.client import Client, NotFound, Patience, Resync, SnapshotEnd, Watch
from tandem.meeting.v1.meeting_pb2 import (
    MEETING_STATUS_COMPLETED,
    MEETING_STATUS_PROCESSING,
    CreateMeetingRequest,
    DeleteMeetingRequest,
    WatchMeetingResponse,
)
from tests.client.conftest import NewClient
from tests.support.client_server import Server
from tests.support.meeting_sql import insert_segment, set_status, written_to
from tests.support.proxy import Proxy

pytestmark = [pytest.mark.real_server, pytest.mark.django_db]

EAGER = Patience(first_delay_seconds=0.05, longest_delay_seconds=0.2)


@pytest.fixture
def rows(server: Server) -> Iterator[Any]:
    with written_to() as cursor:
        yield cursor


@pytest.fixture
def meeting_id(client: Client, rows: Any) -> str:
    """One that is being worked on."""
    made = client.meetings.CreateMeeting(CreateMeetingRequest(title="Watched")).meeting.id
    set_status(rows, made, MEETING_STATUS_PROCESSING)
    return made


def state_of(watch: Watch[WatchMeetingResponse]) -> list[WatchMeetingResponse]:
    """Return the events up to the end of the initial state."""
    events = []
    for event in watch:
        if isinstance(event, SnapshotEnd):
            return events
        assert isinstance(event, WatchMeetingResponse)
        events.append(event)
    raise AssertionError("the watch has ended")


def contents(events: list[Any]) -> list[str]:
    return [event.segment.text if event.HasField("segment") else str(event.WhichOneof("event")) for event in events]


def test_watch_begins_with_the_state_and_ends_with_the_meeting(client: Client, rows: Any, meeting_id: str) -> None:
    insert_segment(rows, meeting_id, 0, "before")
    with client.watch_meeting(meeting_id) as watch:
        assert contents(state_of(watch)) == ["status", "before"]
        cursor = watch.cursor
        insert_segment(rows, meeting_id, 1_000, "after")
        set_status(rows, meeting_id, MEETING_STATUS_COMPLETED)
        rest = list(watch)
        assert contents(rest) == ["after", "status", "end"]
        assert list(watch) == []
    assert rest[-1].cursor == watch.cursor  # type: ignore[union-attr]
    # A client that resumes in another process gets the rest (perhaps also content of the state), and the end again.
    assert contents(list(client.watch_meeting(meeting_id, cursor=cursor)))[-3:] == ["after", "status", "end"]
    assert contents(list(client.watch_meeting(meeting_id, cursor=watch.cursor))) == ["end"]


def test_twenty_cuts_lose_and_repeat_no_event(
    client: Client, proxy: Proxy, rows: Any, meeting_id: str, new_client: NewClient
) -> None:
    ids = [insert_segment(rows, meeting_id, 1_000 * number, "x" * 300) for number in range(40)]
    written, chance, cut_enough = dict.fromkeys(ids, 1), random.Random(4), threading.Event()

    def write() -> None:
        with written_to() as cursor:
            for number in range(10_000):
                segment_id = ids[number % len(ids)]
                cursor.execute("UPDATE meetings_segment SET text = %s WHERE id = %s", [f"{number}" * 50, segment_id])
                written[segment_id] += 1
                if cut_enough.is_set():
                    break
            set_status(cursor, meeting_id, MEETING_STATUS_COMPLETED)

    seen: dict[str, list[int]] = {segment_id: [] for segment_id in ids}
    with ThreadPoolExecutor(1) as pool, new_client(proxy.address) as behind:
        writer = pool.submit(write)
        last: Any = None
        for last in behind.watch_meeting(meeting_id, patience=EAGER):
            assert not isinstance(last, Resync)
            if isinstance(last, WatchMeetingResponse) and last.HasField("segment"):
                seen[last.segment.id].append(last.segment.version)
            if proxy.cuts < 20:
                proxy.cut_after(chance.randrange(500, 10_000))
            else:
                cut_enough.set()
        writer.result(20)
    assert last.end.status == MEETING_STATUS_COMPLETED
    assert {segment_id: versions[-1] for segment_id, versions in seen.items()} == written
    assert all(versions == sorted(set(versions)) for versions in seen.values())


def test_new_epoch_is_a_resync_with_the_whole_state(client: Client, server: Server, rows: Any, meeting_id: str) -> None:
    insert_segment(rows, meeting_id, 0, "there")
    with client.watch_meeting(meeting_id, patience=EAGER) as watch:
        state_of(watch)
        server.manage("changes", "new-epoch")
        assert next(watch) == Resync("EPOCH_CHANGED")
        assert contents(state_of(watch)) == ["status", "there"]


def test_a_meeting_that_is_not_to_be_seen_any_more_is_raised(client: Client, meeting_id: str) -> None:
    with client.watch_meeting(meeting_id) as watch:
        state_of(watch)
        client.meetings.DeleteMeeting(DeleteMeetingRequest(meeting_id=meeting_id))
        with pytest.raises(NotFound):
            list(watch)
    with pytest.raises(NotFound):
        list(client.watch_meeting(meeting_id))
