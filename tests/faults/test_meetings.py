"""Streams about one meeting that are cut again and again while it is written: nothing is missing, nothing doubled."""

import asyncio
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import pytest

from changes.models import Change
from core.operations import Operation
from tandem.meeting.v1.meeting_pb2 import WatchMeetingRequest, WatchMeetingResponse
from tests.faults.conftest import SEED, SHARE, seconds_left
from tests.support import meeting_changes, promises
from tests.support.faults import watchers
from tests.support.faults.product import Database, Installation
from tests.support.faults.watchers import Crowd, Watcher
from tests.support.meeting_sql import insert_segment, set_status
from tests.support.promises import Received, Run
from tests.support.servers import until
from tests.support.transports import OPERATIONS

pytestmark = pytest.mark.faults

#: Of server-sent events; and a third as many over gRPC.
CUTS = 1_000
WATCHERS = {"sse": 6, "grpc": 2}
WRITERS = 3
PROCESSING, COMPLETED = 3, 4

_MEETING = """
    INSERT INTO meetings_meeting (id, version, created_at, updated_at, title, participants, vocabulary, missing, live,
        language, owner_id, status, progress, failure_reason, notice, duration_ms, transcript_version, recording,
        recording_filename, recording_content_type, recording_size, recording_sha256)
    VALUES (gen_random_uuid(), 1, now(), now(), 'Watched', '{}', '{}', '[]', false,
        '', %s, %s, 0, '', '', 0, 0, '', '', '', 0, '')
    RETURNING id::text
"""
_LOG = """
    SELECT seq, xid, subject_type, subject_id, subject_version, operation, old, new FROM changes_change
    WHERE subject_type LIKE 'meeting%%' ORDER BY seq
"""


@dataclass(frozen=True)
class LookAtMeeting:
    """One way to watch the meeting."""

    transport: str
    meeting_id: str

    @property
    def operation(self) -> Operation:
        return OPERATIONS["MeetingService/WatchMeeting"]

    def request(self, cursor: str) -> WatchMeetingRequest:
        return WatchMeetingRequest(meeting_id=self.meeting_id, cursor=cursor, bookmarks=True)

    def received(self, message: WatchMeetingResponse) -> Received:
        return meeting_changes.received(message, message.cursor, asyncio.get_running_loop().time())

    def is_last(self, event: Received) -> bool:
        return event.name == "end"


class Writer(threading.Thread):
    """Makes, changes and deletes segments, in transactions that overlap those of others."""

    def __init__(self, database: Database, meeting_id: str, number: int) -> None:
        super().__init__()
        self._database = database
        self._meeting_id = meeting_id
        self._number = number
        self._chance = random.Random(f"{SEED} {number}")
        self.ending = threading.Event()
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            with self._database.connected() as cursor:
                mine: list[str] = []
                count = 0
                while not self.ending.wait(self._chance.uniform(0, 0.05)):
                    count += 1
                    cursor.execute("BEGIN")
                    self._write(cursor, mine, count)
                    cursor.execute("COMMIT")
        except BaseException as exc:
            self.failed = exc

    def _write(self, cursor: Any, mine: list[str], count: int) -> None:
        chance = self._chance.random()
        if chance < 0.5 or not mine:
            mine.append(insert_segment(cursor, self._meeting_id, count * 10_000 + self._number, f"{count}"))
        elif chance < 0.9:
            cursor.execute("UPDATE meetings_segment SET text = %s WHERE id = ANY (%s::uuid[])", [f"{count}", mine[-5:]])
        else:
            cursor.execute("DELETE FROM meetings_segment WHERE id = %s", [mine.pop(0)])
        if chance < 0.2:
            progress = self._chance.randrange(100)
            cursor.execute("UPDATE meetings_meeting SET progress = %s WHERE id = %s", [progress, self._meeting_id])


def test_streams_of_a_meeting_that_are_cut(installation: Installation, report: Callable[[str], None]) -> None:
    owner = installation.database.people["john@example.com"]
    ((meeting_id,),) = installation.database.ask(_MEETING, owner.id, PROCESSING)
    writers = [Writer(installation.database, meeting_id, number) for number in range(WRITERS)]
    crowd = Crowd(
        [
            watcher(installation, LookAtMeeting(transport, meeting_id), n)
            for transport, limit in WATCHERS.items()
            for n in range(limit)
        ]
    )
    for writer in writers:
        writer.start()
    crowd.start()
    try:
        until(lambda: crowd.done_cutting, "all cuts are done", seconds_left())
    finally:
        for writer in writers:
            writer.ending.set()
            writer.join()
            assert writer.failed is None
    with installation.database.connected() as cursor:
        set_status(cursor, meeting_id, COMPLETED)
    crowd.finish()
    installation.until_numbered()
    installation.verify()
    names = "seq", "xid", "subject_type", "subject_id", "subject_version", "operation", "old", "new"
    changes = [Change(**dict(zip(names, row, strict=True))) for row in installation.database.ask(_LOG)]
    faults = [fault for each in crowd.watchers for fault in broken(each, changes, meeting_id)]
    by_sse = sum(watcher.cuts for watcher in crowd.watchers if watcher.look.transport == "sse")
    shown = sum(len(run.received) for run in crowd.runs)
    report(f"{by_sse} cuts of SSE of {crowd.cuts}, {shown} events of {len(changes)} changes, {len(faults)} faults")
    assert faults == []
    assert by_sse >= CUTS * SHARE


def watcher(installation: Installation, look: LookAtMeeting, number: int) -> Watcher:
    over, port = {
        "sse": (watchers.over_sse, installation.http_port), "grpc": (watchers.over_grpc, installation.grpc_port)
    }[look.transport]  # fmt: skip
    each = -(-round(CUTS * SHARE) // WATCHERS["sse"])
    plan = islice(watchers.plan(f"{SEED} {look.transport} {number}", longest=1.0, most_events=60), each)
    # The owner, and an administrator.
    bearer = installation.database.people[("john@example.com", "admin@example.com")[number % 2]].bearer
    return Watcher(look, bearer, partial(over, f"127.0.0.1:{port}"), plan)  # type: ignore[arg-type]


def broken(watcher: Watcher, changes: list[Change], meeting_id: str) -> list[str]:
    """Return the promises that were broken to this client. The one end holds the final state of the meeting."""
    due, found = meeting_changes.truth(changes, meeting_id), []
    ends = [event for life in watcher.lives for run in life for event in run.received if event.name == "end"]
    if len(ends) != 1 or ends[0].state != due.final()[meeting_changes.MEETING]:
        found.append(f"the ends are {ends}")
    for life in watcher.lives:
        for run in life:
            run.received[:] = [event for event in run.received if event.name != "end"]
        final = due.final() if life is watcher.lives[-1] else None
        found += promises.broken(life, due, final=final)
    # What stands for streams that were cut before they had a cursor.
    return found + [fault for run in watcher.in_vain for fault in promises.unique(run)]


@pytest.mark.parametrize("fault", ["dropped", "doubled"])
def test_the_validators_see_what_is_falsified(fault: str) -> None:
    change = {"operation": "created", "old": None, "subject_type": "meeting.segment"}
    changes = [
        Change(
            seq=seq, xid=seq, subject_id=f"s{seq}", subject_version=1,
            new={"meeting_id": "m", "text": "t", "speaker_id": None}, **change,
        )
        for seq in (1, 2, 3)
    ]  # fmt: skip
    due = meeting_changes.truth(changes, "m")
    events = [Received("transcript", f"s{seq}", 1, f"@{seq}", ("t", "")) for seq in (1, 2, 3)]
    assert promises.broken([Run("", False, list(events))], due) == []
    falsified = [*events[:1], *events[2:]] if fault == "dropped" else [*events[:2], *events[1:]]
    assert promises.broken([Run("", False, falsified)], due) != []
