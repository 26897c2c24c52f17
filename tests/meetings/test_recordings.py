"""Recordings of all kinds, worked on by the node that comes along: real files, real engines."""

import io
import re
import subprocess
import wave
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from core.models import Job
from meetings.models import ActionItem, Meeting, Segment, Speaker, Status, Summary
from meetings.speech.pool import nodes
from speechnode.engines.decode import Decoder
from tests.jobs import run_jobs
from tests.speech.conftest import DATA
from tests.support.recordings import a_recording
from tests.support.scripts import submitted, texts, version_of
from tests.support.sound_files import Part, Sound, sound_file
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]

RATE = 16_000


@pytest.fixture(scope="module", autouse=True)
def _node_ends() -> Iterator[None]:
    yield
    nodes().close()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """The first ten seconds of the meeting, as samples."""
    with (DATA / "meeting.ogg").open("rb") as file:
        return np.frombuffer(b"".join(Decoder(file)), "<i2")[: 10 * RATE]


def worked_on(content: bytes, owner: User, **fields: Any) -> Meeting:
    """Process this recording, and return its meeting."""
    meeting = submitted(content, owner, **fields)
    run_jobs()
    meeting.refresh_from_db()
    return meeting


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    """Return samples, of shape (n) or (n, channels), as a file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def encoded(samples: np.ndarray, container: str, codec: str) -> bytes:
    """Return samples in another format."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as target:
        stream: Any = target.add_stream(codec, rate=48_000, layout="mono")
        stream.codec_context.open()
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.rate = RATE
        resampler = av.AudioResampler(
            format=stream.format.name, layout="mono", rate=48_000, frame_size=stream.codec_context.frame_size or None
        )
        for given in (frame, None):
            for made in resampler.resample(given):
                target.mux(stream.encode(made))
        target.mux(stream.encode(None))
    return file.getvalue()


def words(meeting: Meeting) -> set[str]:
    return set(re.findall(r"\w+", " ".join(texts(meeting.pk)).casefold()))


def test_a_meeting_becomes_text_voices_a_summary_and_action_items(ann: User, bob: User) -> None:
    mary = User.objects.create(email="mary@example.com", display_name="Mary Major", first_name="Mary")
    content = (DATA / "meeting.ogg").read_bytes()
    meeting = worked_on(content, ann, participants=[bob.pk, mary.pk], starts_at=datetime(2026, 2, 3, 10, tzinfo=UTC))
    assert (meeting.status, meeting.progress, meeting.notice) == (Status.COMPLETED, 100, "")
    assert abs(meeting.duration_ms - 33_565) < 50
    segments = list(Segment.objects.order_by("start_ms"))
    assert len(segments) == 7
    assert {segment.engine["name"] for segment in segments} == {"moonshine"}
    assert not any(segment.degraded for segment in segments)
    assert all(segment.words and segment.speaker_id for segment in segments)
    assert {"budget", "customers"} <= words(meeting)
    assert [speaker.label for speaker in Speaker.objects.order_by("place")] == ["S1", "S2"]
    assert Summary.objects.get().overview
    reports = ActionItem.objects.get(text__icontains="report")
    assert (reports.assigned_to_id, reports.due, str(reports.due_on)) == (mary.pk, "by Friday", "2026-02-06")
    known = {segment.pk for segment in segments}
    assert all(set(item.segment_ids) <= known for item in ActionItem.objects.all())
    assert version_of(meeting).spoken_language == "en"


def test_interrupted_and_undisturbed_processing_agree(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (DATA / "meeting.ogg").read_bytes()
    undisturbed = worked_on(content, ann)
    monkeypatch.setattr("meetings.services.pipeline.FIRST_PAUSE_SECONDS", 0.0)
    killed: list[int] = []

    def kill_node() -> None:
        # One of an earlier test may be left beside that of this one, which is the newest.
        nodes = [child for child in psutil.Process().children() if "speechnode" in child.cmdline()]
        killed.append(max(nodes, key=lambda node: node.create_time()).pid)
        for node in nodes:
            node.kill()
            node.wait()  # So that the next call sees that it has ended.

    def kill_after_commit(execute: Callable[..., Any], sql: str, *others: Any) -> Any:
        result = execute(sql, *others)
        if sql.startswith('INSERT INTO "meetings_segment"') and len(killed) < 3:
            transaction.on_commit(kill_node)
        return result

    with connection.execute_wrapper(kill_after_commit):
        disturbed = worked_on(content, ann)
    assert (disturbed.status, len(set(killed))) == (Status.COMPLETED, 3)
    columns = ("start_ms", "end_ms", "text", "words", "confidence")
    of = [
        list(Segment.objects.filter(meeting=meeting).order_by("start_ms").values_list(*columns))
        for meeting in (undisturbed, disturbed)
    ]
    assert of[0] == of[1]


@pytest.mark.parametrize("content", [b"%PDF-1.7" + bytes(10_000), b"", b"RIFF" + bytes(2_000)])
def test_file_without_audio_fails_with_a_reason(content: bytes, ann: User) -> None:
    meeting = worked_on(content, ann)
    assert meeting.status == Status.FAILED
    assert meeting.failure_reason.endswith(".")
    assert "file" in meeting.failure_reason


def test_m4a_without_its_index_fails_with_a_reason(ann: User, speech: np.ndarray) -> None:
    whole = encoded(speech, "ipod", "aac")
    meeting = worked_on(whole[: len(whole) // 2], ann)
    assert meeting.status == Status.FAILED
    assert "has no index" in meeting.failure_reason


@pytest.mark.parametrize("kind", ["webm", "wav"])
def test_truncated_file_is_processed_up_to_its_end(kind: str, ann: User, speech: np.ndarray) -> None:
    whole = encoded(speech, "webm", "libopus") if kind == "webm" else wav(speech)
    meeting = worked_on(whole[: len(whole) * 2 // 3], ann)
    assert meeting.status == Status.COMPLETED
    assert "cut off" in meeting.notice
    assert "morning" in words(meeting)


def test_8_khz_and_stereo(ann: User, speech: np.ndarray) -> None:
    telephone = worked_on(wav(speech[::2], RATE // 2), ann)
    stereo = worked_on(wav(np.stack([speech, speech], axis=1)), ann)
    assert telephone.status == stereo.status == Status.COMPLETED
    assert words(telephone)
    assert {"morning", "customers"} <= words(stereo)


def test_later_track_after_a_pause_of_the_recorder(ann: User, speech: np.ndarray) -> None:
    """The first track is silent. The second is quiet, begins at 3 s, and pauses for a minute after its first line."""
    quiet = (speech / 32768 * 10 ** (-35 / 20)).astype(np.float32)[None]
    first, second = quiet[:, : round(5.4 * RATE)], quiet[:, round(5.4 * RATE) :]
    silent = Sound([Part(0, np.zeros((1, RATE), np.float32))], rate=RATE)
    spoken = Sound([Part(3, first), Part(68.4, second)], rate=RATE)
    meeting = worked_on(sound_file("matroska", silent, spoken), ann)
    assert meeting.status == Status.COMPLETED
    assert meeting.notice.startswith("This file has 2 sound tracks; they were mixed, and transcribed together.")
    assert {"morning", "customers"} <= words(meeting)
    starts = Segment.objects.order_by("start_ms").values_list("start_ms", flat=True)
    assert starts[0] == pytest.approx(3000, abs=400)
    assert starts[1] == pytest.approx(68_700, abs=400)
    assert meeting.duration_ms == pytest.approx(73_000, abs=200)


def test_silence(ann: User) -> None:
    meeting = worked_on(a_recording(seconds=20), ann)
    assert (meeting.status, texts(meeting.pk), Speaker.objects.count()) == (Status.COMPLETED, [], 0)
    assert "No speech was detected" in meeting.notice


@pytest.mark.parametrize("kind", ["noise", "music"])
def test_noise_and_music_are_worked_on_to_the_end(kind: str, ann: User) -> None:
    at = np.arange(10 * RATE) / RATE
    notes = sum(
        np.sin(2 * np.pi * pitch * at) * (np.sin(2 * np.pi * beat * at) > 0) for pitch, beat in ((262, 2), (392, 3))
    )
    noise = np.random.default_rng(1).normal(0, 3000, len(at))
    meeting = worked_on(wav(noise if kind == "noise" else 6000 * np.asarray(notes)), ann)
    assert (meeting.status, meeting.progress) == (Status.COMPLETED, 100)


def test_a_language_that_the_engine_does_not_know(ann: User) -> None:
    meeting = worked_on(a_recording(), ann, language="de")
    assert meeting.status == Status.FAILED
    assert "language de; understood are: en" in meeting.failure_reason


def test_a_node_without_room_is_waited_for(ann: User, settings: Any, tmp_path: Path) -> None:
    """A real file system that is full, which takes root to make."""
    room = tmp_path / "media" / "speech"
    room.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", room], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    nodes().close()
    try:
        meeting = submitted(a_recording(seconds=30), ann)
        run_jobs()
        meeting.refresh_from_db()
        assert (meeting.status, Job.objects.get().state) == (Status.PROCESSING, "waiting")
        assert "cannot store this file" in Job.objects.get().last_error
    finally:
        nodes().close()
        subprocess.run(["umount", room], check=True)
    Job.objects.update(next_try_at=Now())
    run_jobs()
    meeting.refresh_from_db()
    assert meeting.status == Status.COMPLETED
