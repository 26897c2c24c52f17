"""Live audio whose connection is cut again and again, while servers, workers and nodes are killed: no acknowledged
audio is lost, no part is stored twice, and no segment is doubled.
"""

import json
import random
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from speechnode.engines.decode import Decoder
from tests.faults.conftest import SEED, SHARE, seconds_left
from tests.faults.test_kills import Killer
from tests.faults.test_recordings import SAMPLE, Recordings
from tests.support.faults.product import Database
from tests.support.servers import until

pytestmark = pytest.mark.faults

CUTS = max(20, round(1_000 * SHARE))
#: Of each kind of process.
KILLS = max(2, round(50 * SHARE))
SPEAKERS = 3
PART_BYTES = 3_200
#: Times the conversation is repeated, with what 600 s permit.
REPETITIONS = max(1, round(5 * SHARE))
#: Times faster than speech.
SPEED = 4
_HEAD_BYTES = 44

_GONE = (OSError, TimeoutError, ConnectionClosed, InvalidHandshake)


class Speaker(threading.Thread):
    """Sends a recording part by part until all of it is acknowledged and the recording has ended.

    Args:
        cuts: how many connections it cuts by itself.
    """

    def __init__(self, url: str, meeting_id: str, pcm: bytes, cuts: int) -> None:
        super().__init__(name=f"speaker {meeting_id}", daemon=True)
        self.cuts = 0
        self.failed: BaseException | None = None
        self.is_over = False
        self._url = f"{url.replace('http', 'ws', 1)}/api/v1/meetings/{meeting_id}/audio"
        self._pcm = pcm
        self._planned = cuts
        self._acknowledged = 0
        self._chance = random.Random(f"{SEED} {meeting_id}")

    def run(self) -> None:
        try:
            while not self.is_over:
                assert seconds_left() > 0
                with suppress(*_GONE):
                    self._speak()
                time.sleep(0.05)
        except BaseException as exc:
            self.failed = exc

    def _speak(self) -> None:
        with connect(self._url, compression=None, open_timeout=10, close_timeout=1) as socket:
            config = {"format": "pcm_s16le", "sample_rate": 16_000, "resume_from_seq": self._acknowledged + 1}
            socket.send(json.dumps({"config": config}))
            last = len(self._pcm) // PART_BYTES
            stored = self._receive(socket, "ready")
            if stored is None:
                return
            assert stored["stored_seq"] >= self._acknowledged, "acknowledged audio was lost"
            cut_after = self._chance.randint(0, 12) if self.cuts < self._planned else last
            for sent, seq in enumerate(range(stored["stored_seq"] + 1, last + 1)):
                if sent >= cut_after:
                    self.cuts += 1
                    socket.socket.close()
                    return
                socket.send(seq.to_bytes(8, "big") + self._pcm[(seq - 1) * PART_BYTES : seq * PART_BYTES])
                time.sleep(0.1 / SPEED)
                self._take_acknowledgements(socket)
            socket.send(json.dumps({"end": {}}))
            self.is_over = self._receive(socket, "end") is not None

    def _receive(self, socket: Any, kind: str) -> Any:
        """Return the next answer of this kind; None if the call has failed."""
        while True:
            answer = json.loads(socket.recv(timeout=20))
            self._note(answer)
            if answer.get(kind):
                return answer[kind]
            if error := answer.get("error"):
                # The answer to `end` was lost.
                self.is_over = "already has a recording" in error["detail"]
                assert self.is_over or error["status"] in (409, 423, 499, 503), error
                return None

    def _take_acknowledgements(self, socket: Any) -> None:
        with suppress(TimeoutError):
            while True:
                self._note(json.loads(socket.recv(timeout=0)))

    def _note(self, answer: dict[str, Any]) -> None:
        if ack := answer.get("ack"):
            self._acknowledged = max(self._acknowledged, int(ack["seq"]))


@pytest.fixture
def log(database: Database) -> Iterator[None]:
    assert seconds_left() > 0
    database.empty()
    yield
    with database.connected() as cursor:
        cursor.execute("TRUNCATE core_job")


def created(url: str) -> str:
    request = urllib.request.Request(
        f"{url}/api/v1/meetings", b'{"title": "Live", "language": "en"}', {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["id"])


def kill_a_node(recordings: Recordings, chance: random.Random) -> None:
    worker = chance.choice(recordings.workers)
    worker.until_ready()
    for child in psutil.Process(worker.pid).children():
        child.kill()


@pytest.mark.usefixtures("log")
def test_live_audio_in_spite_of_cuts_and_kills(
    database: Database, tmp_path: Path, report: Callable[[str], None]
) -> None:
    with SAMPLE.open("rb") as file:
        pcm = b"".join(Decoder(file)) * REPETITIONS
    pcm = pcm[: len(pcm) // PART_BYTES * PART_BYTES]
    chance = random.Random(f"{SEED} which process")
    with Recordings(database, tmp_path, workers=2) as recordings:
        meetings = [created(recordings.url) for _ in range(SPEAKERS)]
        speakers = [Speaker(recordings.url, meeting, pcm, CUTS // SPEAKERS + 1) for meeting in meetings]
        killers = [
            Killer("web server of live audio", KILLS, recordings.web.kill_and_start),
            Killer("worker of live audio", KILLS, lambda: recordings.kill_a_worker(chance)),
            Killer("node of live audio", KILLS, lambda: kill_a_node(recordings, chance)),
        ]
        for thread in (*speakers, *killers):
            thread.start()
        until(lambda: all(one.is_over or one.failed for one in speakers), "all have spoken", seconds_left())
        for killer in killers:
            killer.stop()
            assert killer.failed is None
        assert [one.failed for one in speakers if one.failed] == []
        for meeting in meetings:
            recordings.until_over(meeting)
        rows = 0
        for meeting in meetings:
            ((name, size),) = database.ask(
                "SELECT recording, recording_size FROM meetings_meeting WHERE id = %s", meeting
            )
            content = (database.folder / "media" / "recordings" / name).read_bytes()
            assert content[_HEAD_BYTES:] == pcm
            assert len(content) == size
            segments = database.ask(
                "SELECT start_ms, end_ms FROM meetings_segment WHERE meeting_id = %s ORDER BY start_ms", meeting
            )
            assert all(end <= start for (_, end), (start, _) in pairwise(segments)), segments
            assert recordings.created(meeting) == len(segments)
            rows += len(segments)
    cuts, kills = sum(one.cuts for one in speakers), sum(killer.kills for killer in killers)
    report(f"{cuts} cuts, {kills} kills, {SPEAKERS} meetings, {rows} segments, none doubled, no audio lost")
    assert cuts >= CUTS
    assert rows
