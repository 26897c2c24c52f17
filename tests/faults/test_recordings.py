"""kill -9 during processing: no segment is lost or repeated, and another worker resumes within 15 seconds."""

import json
import random
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.conftest import SEED, SHARE, seconds_left
from tests.faults.test_kills import Killer
from tests.support.faults.product import PATIENCE_SECONDS, Database, Killable
from tests.support.recordings import a_form, a_recording
from tests.support.scripts import a_script
from tests.support.servers import answers_http, free_port, until
from tests.support.worker_process import TAKEN_OVER_WITHIN_SECONDS

pytestmark = pytest.mark.faults

#: Of each kind of process; a sample has a fifth of them at least.
KILLS = max(20, round(100 * SHARE))
SAMPLE = Path(__file__).parents[1] / "speech" / "data" / "meeting.ogg"
SEGMENTS = 30
#: Meetings that are worked on at once by scripts.
AT_ONCE = 6
#: How many kills in a row may leave a recording where it was: with five it would be taken for poisoned.
FRUITLESS = 2

_TRANSCRIPT = """
    SELECT s.start_ms, s.end_ms, s.text, s.words::text, p.label FROM meetings_segment s
    LEFT JOIN meetings_speaker p ON p.id = s.speaker_id WHERE s.meeting_id = %s ORDER BY s.start_ms
"""
_FOUND = """
    SELECT 'overview', count(*) FROM meetings_summary WHERE meeting_id = %s
    UNION ALL SELECT text, count(*) FROM meetings_actionitem WHERE meeting_id = %s GROUP BY text ORDER BY 1
"""


class Recordings:
    """A web server and workers, and the recordings that they are given."""

    def __init__(self, database: Database, folder: Path, workers: int, **variables: str) -> None:
        self.database = database
        self._port = free_port()
        self._variables = {**database.variables, "LOG_LEVEL": "WARNING", **variables}
        self._folder = folder
        self.meetings: list[str] = []
        self.web = self._process(
            "web", ["runweb", "--port", str(self._port)], lambda: answers_http(f"{self.url}/health/ready")
        )
        self.workers = [
            self._process(
                f"w{number}", ["runworker", "--threads", "12", "--slow-threads", "10"], self._is_connected(number)
            )
            for number in range(workers)
        ]

    def __enter__(self) -> "Recordings":
        for process in (self.web, *self.workers):
            process.start()
        for process in (self.web, *self.workers):
            process.until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.web, *self.workers):
            if not process.has_ended:
                process.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _process(self, name: str, arguments: list[str], is_ready: Callable[[], bool]) -> Killable:
        return Killable(name, ["manage.py", *arguments], self._variables, self._folder / f"{name}.log", is_ready)

    def _is_connected(self, number: int) -> Callable[[], bool]:
        statement = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        return lambda: self.database.ask(statement, f"w{number}") != [(0,)]

    def upload(self, content: bytes, name: str) -> str:
        """Send the recording until it is acknowledged, despite the kills; return the meeting."""
        form, headers = a_form(content, name)
        headers["Idempotency-Key"] = f"{SEED}-{time.monotonic_ns()}"
        request = urllib.request.Request(f"{self.url}/api/v1/meetings/upload", form, headers)
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    meeting = str(json.load(answer)["id"])
            except OSError:
                assert seconds_left() > 0
                time.sleep(0.1)
            else:
                self.meetings.append(meeting)
                return meeting

    def kill_a_worker(self, chance: random.Random) -> None:
        """Kill it while another worker could resume, so that the delay is measured."""
        for worker in self.workers:
            worker.until_ready()
        chance.choice(self.workers).kill_and_start()

    def state(self, meeting: str) -> tuple[int, str]:
        """Status, and why it failed."""
        ((status, why),) = self.database.ask(
            "SELECT status, failure_reason FROM meetings_meeting WHERE id = %s", meeting
        )
        return status, why

    def is_over(self, meeting: str) -> bool:
        status, why = self.state(meeting)
        assert status in (2, 3, 4), f"status {status}: {why}"
        return status == 4

    def until_over(self, meeting: str) -> None:
        until(lambda: self.is_over(meeting), "the meeting is complete", PATIENCE_SECONDS + seconds_left() / 4)

    def made(self, meeting: str) -> tuple[object, object]:
        """Return everything that was made of a recording, to be compared."""
        return self.database.ask(_TRANSCRIPT, meeting), self.database.ask(_FOUND, meeting, meeting)

    def created(self, meeting: str) -> int:
        """Return how many segments were ever inserted."""
        statement = (
            "SELECT count(*) FROM changes_change WHERE subject_type = 'meeting.segment' AND operation = 'created'"
            " AND new->>'meeting_id' = %s"
        )
        return int(self.database.ask(statement, meeting)[0][0])


class Watch(threading.Thread):
    """Notes for how long nothing happened to a recording that is worked on."""

    def __init__(self, recordings: Recordings) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0
        self._recordings = recordings
        self._over = threading.Event()

    def run(self) -> None:
        statement = """
            SELECT t.meeting_id, j.attempts, count(s.id), m.stage FROM meetings_transcript t
            JOIN core_job j ON j.arguments->>'transcript_id' = t.id::text
            JOIN meetings_meeting m ON m.id = t.meeting_id LEFT JOIN meetings_segment s ON s.meeting_id = t.meeting_id
            WHERE m.status = 3 GROUP BY 1, 2, 4
        """
        seen: dict[object, tuple[object, float]] = {}
        with self._recordings.database.connected() as cursor:
            while not self._over.wait(0.2):
                cursor.execute(statement)
                now = time.monotonic()
                for meeting, *state in cursor.fetchall():
                    before, since = seen.get(meeting, (None, now))
                    if before == state:
                        self.longest = max(self.longest, now - since)
                    else:
                        seen[meeting] = state, now

    def stop(self) -> None:
        self._over.set()
        self.join()


@pytest.fixture
def log(database: Database) -> Iterator[None]:
    """A log of its own."""
    assert seconds_left() > 0
    database.empty()
    yield
    with database.connected() as cursor:
        cursor.execute("TRUNCATE core_job")


@pytest.mark.usefixtures("log")
def test_workers_and_web_servers_that_are_killed(
    database: Database, tmp_path: Path, report: Callable[[str], None]
) -> None:
    heard = [
        {"final": {"start_ms": at * 1000, "end_ms": at * 1000 + 900, "text": f"line {at}"}} for at in range(SEGMENTS)
    ]
    script = a_script(
        tmp_path / "script.json",
        transcribe=[
            {"progress": {"done_ms": 0, "total_ms": SEGMENTS * 1000}},
            *(part for final in heard for part in ({"wait": 0.1}, final)),
            {"done": {"audio_ms": SEGMENTS * 1000}},
        ],
        diarize=[{"wait": 0.5}, {"voice": {"label": "S1"}},
                 {"turn": {"start_ms": 0, "end_ms": SEGMENTS * 1000, "label": "S1"}}, {"done": {"audio_ms": 1}}],
        summarize=[{"wait": 0.5}, {"summary": {"deeds": [{"text": "do it", "segments": [3]}]}}],
    )  # fmt: skip
    chance = random.Random(f"{SEED} which worker")
    with Recordings(database, tmp_path, workers=2, SPEECH_NODES=script) as recordings:
        undisturbed = recordings.upload(a_recording(), "undisturbed.wav")
        recordings.until_over(undisturbed)
        watch = Watch(recordings)
        watch.start()
        killers = [
            Killer("worker", KILLS, lambda: recordings.kill_a_worker(chance)),
            Killer("web server", KILLS, recordings.web.kill_and_recover),
        ]
        for killer in killers:
            killer.start()
        try:
            while not all(killer.done for killer in killers):
                assert seconds_left() > 0
                if sum(not recordings.is_over(meeting) for meeting in recordings.meetings) < AT_ONCE:
                    recordings.upload(a_recording(), "disturbed.wav")
                time.sleep(0.1)
        finally:
            for killer in killers:
                killer.stop()
        for meeting in recordings.meetings:
            recordings.until_over(meeting)
            assert recordings.made(meeting) == recordings.made(undisturbed)
            assert recordings.created(meeting) == SEGMENTS
        watch.stop()
    report(", ".join(f"{killer.kills} kills of a {killer.name}" for killer in killers))
    report(
        f"{len(recordings.meetings)} meetings, all as the undisturbed one; gone on with within {watch.longest:.1f} s"
    )
    assert watch.longest <= TAKEN_OVER_WITHIN_SECONDS


@pytest.mark.usefixtures("log")
def test_nodes_that_are_killed(database: Database, tmp_path: Path, report: Callable[[str], None]) -> None:
    content = SAMPLE.read_bytes()
    chance = random.Random(f"{SEED} when")
    kills = 0
    with Recordings(database, tmp_path, workers=1) as recordings:
        undisturbed = recordings.upload(content, "undisturbed.ogg")
        recordings.until_over(undisturbed)
        worker = psutil.Process(recordings.workers[0].pid)
        while kills < KILLS:
            assert seconds_left() > 0
            meeting = recordings.upload(content, "disturbed.ogg")
            kills += kill_until_it_is_over(recordings, meeting, worker, chance, KILLS - kills)
            recordings.until_over(meeting)
        for meeting in recordings.meetings:
            assert recordings.made(meeting) == recordings.made(undisturbed)
            assert recordings.created(meeting) == len(database.ask(_TRANSCRIPT, meeting))
    report(f"{kills} kills of a node; {len(recordings.meetings)} meetings, all as the undisturbed one")


def kill_until_it_is_over(
    recordings: Recordings, meeting: str, worker: psutil.Process, chance: random.Random, limit: int
) -> int:
    """Kill a worker's node again and again while it works on a meeting; return how often."""
    kills = fruitless = known = 0
    while kills < limit and not recordings.is_over(meeting):
        time.sleep(chance.uniform(0.2, 2.5))
        if fruitless >= FRUITLESS:
            until(lambda: recordings.created(meeting) > known or recordings.is_over(meeting), "it got further", 60)  # noqa: B023
        fruitless = 0 if recordings.created(meeting) > known else fruitless
        known = recordings.created(meeting)
        for node in worker.children():
            node.kill()
            kills += 1
            fruitless += 1
    return kills
