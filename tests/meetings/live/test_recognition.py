"""Live audio is recognized while it arrives, and the meeting is completed after its end."""

import threading
import time
from itertools import pairwise
from typing import Any

import psutil
import pytest

from meetings.models import Meeting, Segment, Status, Transcript
from speechnode.engines.decode import Decoder
from tests.support.audio_socket import AudioSocket, bearer
from tests.support.factories import MeetingFactory, UserFactory
from tests.support.servers import PATIENCE_SECONDS, ROOT, Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from tests.support.sse import EventSource
from tests.support.worker_process import Worker, shorten_leases, workers
from users.models import User

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("shared_servers", [{"DEV_AUTH_AS": ""}], indirect=True),
]

#: Two voices: see tests/speech/data/README.md.
RECORDING = ROOT / "tests/speech/data/meeting.ogg"
PART_BYTES = 3200


def sound(seconds: float) -> bytes:
    with RECORDING.open("rb") as file:
        return b"".join(Decoder(file))[: round(seconds * 32_000)]


class Speaker:
    """Sends sound as it is spoken, and keeps the answers.

    Args:
        speed: how many times faster than speech.
    """

    def __init__(self, socket: AudioSocket, pcm: bytes, speed: float) -> None:
        self.answers: list[dict[str, Any]] = []
        self._socket = socket
        self._pcm = pcm
        self._speed = speed

        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def speak(self, first: int = 1, last: int | None = None) -> None:
        """Send these parts."""
        for seq in range(first, (last or len(self._pcm) // PART_BYTES) + 1):
            self._socket.part(seq, self._pcm[(seq - 1) * PART_BYTES : seq * PART_BYTES])
            time.sleep(0.1 / self._speed)

    def end(self) -> None:
        """End the recording, and wait for the last answer."""
        self._socket.send(end={})
        self._reading.join(PATIENCE_SECONDS)

    def _read(self) -> None:
        while True:
            try:
                self.answers.append(self._socket.next())
            except Exception:
                return

    def of(self, kind: str) -> list[Any]:
        return [answer[kind] for answer in self.answers if kind in answer]


def test_speech_is_shown_while_it_arrives(servers: Servers) -> None:
    owner: User = UserFactory()
    listener: User = UserFactory()
    meeting: Meeting = MeetingFactory(owner=owner, participants=[listener.pk])
    pcm = sound(8)
    seen: list[Any] = []
    with workers() as start, AudioSocket(servers.http_url, meeting.pk, bearer(owner)) as socket:
        start()
        stream = EventSource(
            f"{servers.http_url}/api/v1/meetings/{meeting.pk}/stream", {"Authorization": bearer(listener)}
        )
        watching = threading.Thread(target=lambda: seen.extend(iter(stream.next, None)), daemon=True)
        watching.start()
        socket.configure()
        until(lambda: Meeting.objects.get(pk=meeting.pk).status == Status.PROCESSING, "a worker listens")
        speaker = Speaker(socket, pcm, speed=4)
        # In the middle of the first utterance the client pauses.
        speaker.speak(last=20)
        until(lambda: speaker.of("draft"), "a draft is shown")
        speaker.speak(21)
        until(lambda: speaker.of("segment"), "a segment is shown")
        speaker.end()
        until(lambda: Meeting.objects.get(pk=meeting.pk).status == Status.COMPLETED, "it is completed")
        watching.join(20)
    drafts, segments = speaker.of("draft"), speaker.of("segment")
    assert drafts
    assert {one["state"] for one in speaker.of("recognition")} >= {"running"}
    assert any(event.name == "draft" for event in seen)
    rows = list(Segment.objects.filter(meeting=meeting).order_by("start_ms"))
    assert rows
    assert segments
    # What was shown as final while it arrived is what is stored.
    stored = {str(row.pk): row.recognized_text for row in rows}
    assert {one["id"]: one["recognized_text"] for one in segments}.items() <= stored.items()
    assert Transcript.objects.get(meeting=meeting).version == 1
    assert [event.name for event in seen][-1] == "end"


@pytest.mark.parametrize("killed", ["worker", "node"])
def test_recognition_resumes_after_a_kill(servers: Servers, killed: str) -> None:
    owner: User = UserFactory()
    meeting: Meeting = MeetingFactory(owner=owner)
    pcm = sound(12)
    with workers() as start, AudioSocket(servers.http_url, meeting.pk, bearer(owner)) as socket:
        worker: Worker = start()
        socket.configure()
        speaker = Speaker(socket, pcm, speed=6)
        speaking = threading.Thread(target=lambda: (speaker.speak(), speaker.end()))
        speaking.start()
        until(lambda: Segment.objects.filter(meeting=meeting).exists(), "something is recognized")
        kill(worker, killed)
        if killed == "worker":
            shorten_leases(0.5)
            start()
        speaking.join()
        until(lambda: Meeting.objects.get(pk=meeting.pk).status == Status.COMPLETED, "it is completed")
    rows = list(Segment.objects.filter(meeting=meeting).order_by("start_ms").values_list("start_ms", "end_ms"))
    assert all(end <= start for (_, end), (start, _) in pairwise(rows))


def kill(worker: Worker, what: str) -> None:
    children = psutil.Process(worker.process.pid).children(recursive=True)
    if what == "worker":
        worker.kill()
    for child in children:
        child.kill()
