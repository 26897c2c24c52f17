"""From a stored recording to a completed meeting, by engines that say what they are told to."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models.functions import Now
from django.utils import timezone

from changes.models import Change
from core.jobs import MAX_ATTEMPTS, store
from core.jobs.worker import run_job
from core.models import Job
from meetings import services
from meetings.metrics import meetings_completed
from meetings.models import ActionItem, Meeting, Segment, Speaker, Stage, StageRun, Status, Summary, Transcript
from meetings.services import processing
from meetings.services.files import storage
from meetings.services.pipeline.work import Work
from meetings.speech.protocols import Engine, Kind
from tests.jobs import run_jobs
from tests.support.scripts import LINES, a_script, finals, submitted, texts, version_of
from tests.support.servers import until
from users.models import Status as UserStatus
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]

Script = Callable[..., None]
TOTAL = {"progress": {"done_ms": 0, "total_ms": 20_000}}
DONE = {"done": {"audio_ms": 20_000, "cpu_ms": 7}}


@pytest.fixture
def script(settings: Any, tmp_path: Path) -> Script:
    """Sets what the engines say."""

    def set_to(**said: Any) -> None:
        settings.SPEECH_NODES = [a_script(tmp_path / "script.json", **said)]

    set_to()
    return set_to


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meetings.services.pipeline.MAX_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("meetings.services.pipeline.FIRST_PAUSE_SECONDS", 0.0)


def worked_on(meeting: Meeting) -> Meeting:
    """The meeting, once the jobs that are due have run."""
    run_jobs()
    meeting.refresh_from_db()
    return meeting


class Running:
    """A job that runs in a thread, as in a worker, until something ends it."""

    def __init__(self) -> None:
        (self.job,) = store.claim(1)
        self.stopping = False
        # A test that fails must not wait for it.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            run_job(self.job, lambda: self.stopping)
        finally:
            connections.close_all()

    def until_stored(self, count: int) -> None:
        until(lambda: Segment.objects.count() == count, f"{count} segments are stored")

    def ended(self) -> str:
        """Waits for its end, which must come soon; how it did."""
        self._thread.join(5)
        assert not self._thread.is_alive(), "it goes on"
        return Job.objects.get(pk=self.job.pk).state


@pytest.mark.usefixtures("script")
def test_a_recording_is_worked_on_to_the_end(ann: User, bob: User) -> None:
    completed = meetings_completed._value.get()
    meeting = worked_on(submitted(owner=ann, participants=[bob.pk], starts_at=datetime(2026, 2, 3, 10, tzinfo=UTC)))
    assert (meeting.status, meeting.progress, meeting.stage) == (Status.COMPLETED, 100, None)
    assert (meeting.transcript_version, meeting.duration_ms, meeting.notice) == (1, 20_000, "")
    assert meeting.estimated_end_at is None
    transcript = version_of(meeting)
    assert (transcript.status, transcript.spoken_language) == (Status.COMPLETED, "en")
    assert transcript.started_at
    assert transcript.ended_at
    segments = list(Segment.objects.order_by("start_ms"))
    assert [segment.text for segment in segments] == list(LINES) == [segment.recognized_text for segment in segments]
    speakers = list(Speaker.objects.order_by("place"))
    assert [(one.label, one.place, one.voice_print) for one in speakers] == [("S1", 1, [1, 0]), ("S2", 2, [0, 1])]
    assert [segment.speaker_id for segment in segments] == [speakers[at % 2].pk for at in range(4)]
    assert Summary.objects.get().overview == [{"text": "Good morning.", "segment_ids": [str(segments[0].pk)]}]
    (item,) = ActionItem.objects.all()
    assert (item.text, item.owner_name, item.assigned_to_id) == ("send the report", "bob", bob.pk)
    assert (item.due, item.due_on, item.segment_ids) == ("by friday", date(2026, 2, 6), [segments[1].pk])
    runs = StageRun.objects.order_by("stage")
    assert [(run.stage, run.tries, run.ended_at is not None) for run in runs] == [(stage, 0, True) for stage in Stage]
    assert runs[0].cpu_ms == 7
    parts = Change.objects.filter(subject_type__startswith="meeting.")
    assert set(parts.values_list("actor", flat=True)) == {"pipeline"}
    assert Job.objects.get().state == "done"
    assert meetings_completed._value.get() == completed + 1


@pytest.mark.usefixtures("script")
def test_progress_only_rises(ann: User) -> None:
    meeting = worked_on(submitted(owner=ann))
    images = Change.objects.filter(subject_id=meeting.pk).order_by("id").values_list("new", flat=True)
    told = [(image["status"], image["stage"], image["progress"]) for image in images if image]
    progress = [percent for _, _, percent in told]
    assert progress == sorted(progress)
    assert {16, 80, 95, 100} <= set(progress)
    assert [status for status, _, _ in told] == sorted(status for status, _, _ in told)
    stages = [stage for status, stage, _ in told if status == Status.PROCESSING]
    assert stages == sorted(stages)
    assert set(stages) == set(Stage)


def test_a_line_tells_of_each_stage_and_none_of_what_was_said(
    script: Script, ann: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        worked_on(submitted(owner=ann))
    told = [record.call for record in caplog.records if hasattr(record, "call")]
    lines = [line for line in told if line["operation"].startswith("meetings.")]
    assert [(line["operation"], line["code"]) for line in lines] == [
        ("meetings.transcribing", "DONE"), ("meetings.diarizing", "DONE"), ("meetings.summarizing", "DONE"),
        ("meetings.process", "DONE"),
    ]  # fmt: skip
    assert not any(line in str(told) for line in LINES)


def test_a_retranscription_is_a_version_of_its_own(script: Script, ann: User) -> None:
    meeting = worked_on(submitted(owner=ann))
    processing.retranscribe(ann, str(meeting.pk), speaker_count=2)
    script(transcribe=[TOTAL, *finals(("better",)), DONE], summarize=[])
    worked_on(meeting)
    assert (meeting.status, meeting.transcript_version) == (Status.COMPLETED, 2)
    assert (texts(meeting.pk, 1), texts(meeting.pk, 2)) == (list(LINES), ["better"])


def test_of_a_failed_version_what_was_committed_stays(script: Script, ann: User) -> None:
    meeting = worked_on(submitted(owner=ann))
    processing.retranscribe(ann, str(meeting.pk))
    script(transcribe=[TOTAL, *finals(("half",)), {"fail": "BadRecording", "sentence": "It is broken."}])
    worked_on(meeting)
    assert (meeting.status, meeting.failure_reason) == (Status.FAILED, "It is broken.")
    assert meeting.transcript_version == 1, "the complete one is shown"
    assert texts(meeting.pk, 2) == ["half"]


def test_a_voice_is_found_however_many_have_spoken_meanwhile(script: Script, ann: User) -> None:
    turns = [{"turn": {"start_ms": 100 * at, "end_ms": 100 * at + 10, "label": "S2"}} for at in range(1, 40)]
    speaks_on = {"turn": {"start_ms": 0, "end_ms": 20_000, "label": "S1"}}
    script(diarize=[{"voice": {"label": "S1"}}, {"voice": {"label": "S2"}}, speaks_on, *turns, DONE])
    worked_on(submitted(owner=ann))
    assert set(Segment.objects.values_list("speaker_id", flat=True)) == {Speaker.objects.get(label="S1").pk}


# Who takes part


def test_people_are_as_they_are_when_it_is_summarised(script: Script, ann: User, bob: User) -> None:
    script(diarize=[{"wait": 0.5}, {"voice": {"label": "S1"}}, DONE])
    meeting = submitted(owner=ann, participants=[bob.pk])
    running = Running()
    running.until_stored(4)
    bob.delete()
    assert running.ended() == "done"
    meeting.refresh_from_db()
    assert (meeting.status, meeting.participants) == (Status.COMPLETED, [])
    assert ActionItem.objects.get().assigned_to_id is None


def test_a_closed_account_gets_nothing_to_do(script: Script, ann: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(status=UserStatus.DEACTIVATED)
    script(summarize=[{"summary": {"deeds": [{"text": "send it", "owner": "bob"}]}}])
    worked_on(submitted(owner=ann, participants=[bob.pk]))
    assert ActionItem.objects.get().assigned_to_id is None


def test_who_is_deleted_while_it_is_summarised_is_left_out(script: Script, ann: User, bob: User) -> None:
    deed = {"text": "send it", "owner": "bob", "person_id": str(bob.pk)}
    script(summarize=[{"wait": 1}, {"summary": {"deeds": [deed]}}])
    submitted(owner=ann, participants=[bob.pk])
    running = Running()
    until(lambda: Meeting.objects.get().stage == Stage.SUMMARIZING, "it is summarised")
    bob.delete()
    assert running.ended() == "done"
    assert ActionItem.objects.get().assigned_to_id is None


# Resuming


def test_who_goes_on_begins_where_the_last_one_ended(script: Script, ann: User) -> None:
    script(transcribe=[TOTAL, *finals(LINES[:2]), {"fail": "EngineFailed", "times": 1}, *finals()[2:], DONE])
    meeting = worked_on(submitted(owner=ann))
    assert texts(meeting.pk) == list(LINES)
    assert meeting.status == Status.COMPLETED


def test_what_an_earlier_try_has_done_is_no_speed_of_this_one(
    script: Script, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("meetings.services.pipeline.work.time", SimpleNamespace(monotonic=lambda: clock.now))
    work = Work(version_of(submitted(owner=ann)), None)
    work.begin_stage(Stage.TRANSCRIBING, "0" * 64, Engine("scripted", "1", Kind.ASR))
    # It goes on at half of the stage, and does a quarter of it in ten seconds.
    for clock.now, share in ((5.0, 0.5), (15.0, 0.75)):
        with work.commit() as meeting:
            work.show(meeting, Stage.TRANSCRIBING, share)
    left = (meeting.estimated_end_at - timezone.now()).total_seconds()
    # From 60 to 100 %, at 2 % a second.
    assert meeting.progress == 60
    assert 15 < left <= 20


def test_words_that_overlap_what_is_stored_are_dropped(script: Script, ann: User) -> None:
    words = [
        {"text": "known", "start_ms": 3000, "end_ms": 3900, "confidence": 0.5},
        {"text": "new", "start_ms": 4100, "end_ms": 5000, "confidence": 0.7},
    ]
    across = {"final": {"start_ms": 2500, "end_ms": 5000, "text": "known new", "words": words}}
    # A scripted engine tells what ends after `start_ms` (2000): all of these, when it is asked again.
    script(transcribe=[*finals(LINES[:1]), {"fail": "EngineFailed", "times": 1}, DONE], summarize=[])
    meeting = submitted(owner=ann)
    worked_on(meeting)
    assert texts(meeting.pk) == list(LINES[:1])
    processing.retranscribe(ann, str(meeting.pk))
    asked = version_of(meeting)
    for row in Segment.objects.filter(transcript_version=1):
        row.pk, row.transcript_version, row._state.adding = None, asked.version, True
        row.save(force_insert=True)
    script(transcribe=[across, DONE], summarize=[])
    worked_on(meeting)
    assert texts(meeting.pk, 2) == ["good morning", "new"]
    new = Segment.objects.get(text="new")
    assert (new.start_ms, new.end_ms, new.confidence) == (4100, 5000, 0.7)


def test_a_stage_that_is_done_is_not_done_again(script: Script, ann: User) -> None:
    script(diarize=[{"fail": "EngineFailed", "times": 1}, DONE])
    meeting = submitted(owner=ann)
    (job,) = store.claim(1)
    run_job(job)
    meeting.refresh_from_db()
    assert meeting.status == Status.COMPLETED
    assert StageRun.objects.filter(stage=Stage.TRANSCRIBING).count() == 1
    assert Change.objects.filter(subject_type="meeting.segment", operation="created").count() == len(LINES)


def test_another_engine_goes_on_and_does_not_begin_anew(
    script: Script, ann: User, settings: Any, tmp_path: Path
) -> None:
    script(transcribe=[*finals(LINES[:2]), {"fail": "EngineUnavailable"}])
    meeting = submitted(owner=ann)
    run_jobs()
    better = {"name": "better", "kind": "asr"}
    script(engines=[better, {"kind": "speaker"}, {"kind": "summary"}])
    Job.objects.update(next_try_at=Now())
    # Another process does not remember who there was.
    settings.SPEECH_NODES = [f"script://{(tmp_path / 'script.json').rename(tmp_path / 'other.json')}"]
    worked_on(meeting)
    engines = [segment.engine["name"] for segment in Segment.objects.order_by("start_ms")]
    assert engines == ["scripted", "scripted", "better", "better"]
    assert texts(meeting.pk) == list(LINES)


# Calling it off


@pytest.mark.parametrize("stage", ["transcribe", "diarize", "summarize"])
def test_a_cancelled_meeting_is_let_go_of_at_once(script: Script, ann: User, stage: str) -> None:
    script(**{stage: [*(finals() if stage == "transcribe" else []), {"hang": {}}]})
    meeting = submitted(owner=ann)
    running = Running()
    running.until_stored(4)
    processing.cancel_processing(ann, str(meeting.pk))
    assert running.ended() == "done"
    meeting.refresh_from_db()
    assert (meeting.status, texts(meeting.pk)) == (Status.CANCELLED, list(LINES))


def test_a_deleted_meeting_is_let_go_of_at_once(script: Script, ann: User) -> None:
    script(transcribe=[*finals(), {"hang": {}}])
    meeting = submitted(owner=ann)
    running = Running()
    running.until_stored(4)
    services.delete_meeting(ann, str(meeting.pk))
    assert running.ended() == "done"
    assert not Transcript.objects.exists()
    assert not Segment.objects.exists()


def test_what_was_cancelled_before_it_began_is_not_begun(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    processing.cancel_processing(ann, str(meeting.pk))
    worked_on(meeting)
    assert (meeting.status, Segment.objects.count()) == (Status.CANCELLED, 0)


def test_after_it_was_cancelled_nothing_more_is_written(script: Script, ann: User) -> None:
    """Also in the second in which nobody has noticed yet."""
    script(transcribe=[*finals(LINES[:1]), {"wait": 0.3}, *finals()[1:], DONE])
    meeting = submitted(owner=ann)
    running = Running()
    running.until_stored(1)
    processing.cancel_processing(ann, str(meeting.pk))
    version = Meeting.objects.get().version
    assert running.ended() == "done"
    assert texts(meeting.pk) == list(LINES[:1])
    assert Meeting.objects.get().version == version


def test_cancelled_and_asked_for_again_at_once(script: Script, ann: User) -> None:
    script(transcribe=[*finals(), {"hang": {}}])
    meeting = submitted(owner=ann)
    running = Running()
    running.until_stored(4)
    processing.cancel_processing(ann, str(meeting.pk))
    processing.retranscribe(ann, str(meeting.pk))
    script()
    worked_on(meeting)
    assert running.ended() == "done"
    meeting.refresh_from_db()
    assert (meeting.status, meeting.transcript_version) == (Status.COMPLETED, 2)


def test_a_worker_that_is_told_to_end_gives_it_back(script: Script, ann: User) -> None:
    script(transcribe=[TOTAL, *finals(LINES[:2]), {"hang": {}}])
    meeting = submitted(owner=ann)
    running = Running()
    running.until_stored(2)
    running.stopping = True
    assert running.ended() == "waiting"
    script()
    worked_on(meeting)
    assert (meeting.status, texts(meeting.pk)) == (Status.COMPLETED, list(LINES))
    assert Job.objects.get().attempts == 2


def test_who_slept_past_the_lease_writes_nothing_more(script: Script, ann: User) -> None:
    script(transcribe=[*finals(LINES[:1]), {"wait": 1.0}, *finals()[1:], DONE])
    meeting = submitted(owner=ann)
    running = Running()
    running.until_stored(1)
    Job.objects.update(lease_until=Now())
    (other,) = store.claim(1)
    assert running.ended() == "running"
    assert texts(meeting.pk) == list(LINES[:1])
    run_job(other)
    assert texts(meeting.pk) == list(LINES)


# What goes wrong


@pytest.mark.parametrize("stage", ["transcribe", "diarize", "summarize"])
def test_an_engine_that_fails_now_and_then_is_asked_again(script: Script, ann: User, stage: str) -> None:
    good = {"transcribe": [*finals(), DONE], "diarize": [DONE], "summarize": []}[stage]
    script(**{stage: [{"fail": "EngineFailed", "times": 4}, *good]})
    meeting = worked_on(submitted(owner=ann))
    assert (meeting.status, Job.objects.get().attempts) == (Status.COMPLETED, 1)


@pytest.mark.parametrize("stage", ["transcribe", "diarize", "summarize"])
def test_what_fails_each_time_fails_with_a_sentence(script: Script, ann: User, stage: str) -> None:
    poison = {"fail": "EngineFailed", "sentence": "The engine died."}
    script(**{stage: [TOTAL, *finals(LINES[:2]), poison] if stage == "transcribe" else [poison]})
    meeting = worked_on(submitted(owner=ann))
    assert meeting.status == Status.FAILED
    assert "5 times in a row" in meeting.failure_reason
    assert "The engine died." in meeting.failure_reason
    assert "upload it to a new meeting" in meeting.failure_reason
    assert ("at about 0:09" in meeting.failure_reason) == (stage == "transcribe")
    assert Job.objects.get().state == "done"
    assert version_of(meeting).status == Status.FAILED


def test_what_ends_its_worker_each_time_fails_too(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    transcript = version_of(meeting)
    script(transcribe=[*finals(LINES[:1]), {"fail": "EngineUnavailable"}])
    run_jobs()
    StageRun.objects.filter(transcript=transcript).update(tries=5)
    script()
    Job.objects.update(next_try_at=Now())
    worked_on(meeting)
    assert meeting.status == Status.FAILED
    assert "ended without an error message" in meeting.failure_reason


def test_getting_further_counts_tries_anew(script: Script, ann: User) -> None:
    steps: list[dict[str, Any]] = []
    for final in finals():
        steps += [final, {"fail": "EngineFailed", "times": 4}]
    script(transcribe=[*steps, DONE])
    meeting = worked_on(submitted(owner=ann))
    assert (meeting.status, texts(meeting.pk)) == (Status.COMPLETED, list(LINES))


GARBAGE: dict[str, list[dict[str, Any]]] = {
    "ends before it begins": [{"final": {"start_ms": 9000, "end_ms": 8000, "text": "x"}}, DONE],
    "overlaps": [
        {"final": {"start_ms": 0, "end_ms": 8000, "text": "x"}},
        {"final": {"start_ms": 7000, "end_ms": 9000, "text": "y"}}, DONE,
    ],
    "negative": [{"final": {"start_ms": -5, "end_ms": 8000, "text": "x"}}, DONE],
    "no end": finals(),
    "goes on": [DONE, *finals()],
    "backwards": [{"progress": {"done_ms": 900}}, {"progress": {"done_ms": 100}}, DONE],
    "endless text": [{"final": {"start_ms": 0, "end_ms": 1, "text": "x" * 10_001}}, DONE],
    "no text": [{"final": {"start_ms": 0, "end_ms": 1, "text": "a\0b"}}, DONE],
    "control": [{"final": {"start_ms": 0, "end_ms": 1, "text": "a\x07b"}}, DONE],
    "confidence": [{"final": {"start_ms": 0, "end_ms": 1, "text": "x", "confidence": 7}}, DONE],
    "language": [{"detected": "../etc"}, DONE],
    "no word": [{"final": {"start_ms": 0, "end_ms": 9, "text": "x", "words": [
        {"text": "a\0b", "start_ms": 0, "end_ms": 9, "confidence": 1}]}}, DONE],
    "beyond all numbers": [{"final": {"start_ms": 0, "end_ms": 2**63, "text": "x"}}, DONE],
    "ends before it begins at all": [{"done": {"audio_ms": -1}}],
    "no reason": [{"done": {"audio_ms": 1, "incomplete_reason": "a\x07"}}],
}  # fmt: skip


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_is_a_failed_engine(script: Script, ann: User, what: str) -> None:
    script(transcribe=GARBAGE[what])
    meeting = worked_on(submitted(owner=ann))
    assert meeting.status == Status.FAILED
    assert "Invalid engine response" in meeting.failure_reason
    assert len(texts(meeting.pk)) <= len(LINES)


@pytest.mark.parametrize(
    "steps",
    [
        [{"turn": {"start_ms": 0, "end_ms": 9, "label": "S9"}}, DONE],
        [{"voice": {"label": "S1"}}, {"voice": {"label": "S1"}}, DONE],
        [{"voice": {"label": "S1"}}, {"turn": {"start_ms": 9, "end_ms": 2, "label": "S1"}}, DONE],
        [{"voice": {"label": ""}}, DONE],
        [{"voice": {"label": "S\0"}}, DONE],
        [{"voice": {"label": "S1", "speech_ms": 2**63}}, DONE],
        [{"voice": {"label": "S1", "voice_print": [float("nan")]}}, DONE],
        [],
    ],
)
def test_voices_that_are_none(script: Script, ann: User, steps: list[dict[str, Any]]) -> None:
    script(diarize=steps)
    meeting = worked_on(submitted(owner=ann))
    assert (meeting.status, Speaker.objects.count()) == (Status.FAILED, 0)
    assert texts(meeting.pk) == list(LINES)


@pytest.mark.parametrize(
    "summary",
    [
        {"overview": [{"text": "x", "segments": ["s1"]}]},
        {"overview": [{"text": "x", "segments": []}]},
        {"topics": [{"text": " "}]},
        {"deeds": [{"text": "x", "person_id": "0198a3c0-0000-7000-8000-00000000000a"}]},
        {"deeds": [{"text": "x", "confidence": -3}]},
        {"deeds": [{"text": "x", "owner": "b\x07b"}]},
        {"overview": [{"text": "x"}], "language": "../etc"},
    ],
)
def test_summaries_that_are_none(script: Script, ann: User, summary: dict[str, Any]) -> None:
    script(summarize=[{"summary": summary}])
    meeting = worked_on(submitted(owner=ann))
    assert (meeting.status, Summary.objects.count(), ActionItem.objects.count()) == (Status.FAILED, 0, 0)


@pytest.mark.parametrize("lives", [False, True])
@pytest.mark.parametrize("stage", ["transcribe", "diarize", "summarize"])
def test_an_engine_that_hangs_is_noticed(script: Script, ann: User, settings: Any, stage: str, lives: bool) -> None:
    settings.SPEECH_SILENCE_SECONDS, settings.SPEECH_BUSY_SECONDS = (60, 0.4) if lives else (0.4, 60)
    script(**{stage: [{"fail": "EngineFailed", "times": 1}, {"hang": {"lives": lives}}]})
    meeting = submitted(owner=ann)
    worked_on(meeting)
    assert meeting.status == Status.FAILED
    assert "has hung" in meeting.failure_reason


def test_a_place_that_is_waited_for_is_no_try(script: Script, ann: User) -> None:
    script(transcribe=[{"fail": "EngineBusy", "times": 8}, *finals(), DONE])
    meeting = submitted(owner=ann)
    for _ in range(9):
        Job.objects.update(next_try_at=Now())
        run_jobs()
    meeting.refresh_from_db()
    job = Job.objects.get()
    assert (meeting.status, job.state, job.max_attempts - job.attempts) == (
        Status.COMPLETED, "done", MAX_ATTEMPTS + 9 - 9,
    )  # fmt: skip


def test_a_drain_is_no_try(script: Script, ann: User) -> None:
    script(diarize=[{"hang": {}}])
    meeting = submitted(owner=ann)
    running = Running()
    until(lambda: StageRun.objects.filter(stage=Stage.DIARIZING, tries=1).exists(), "voices are told apart")
    running.stopping = True
    assert running.ended() == "waiting"
    assert StageRun.objects.get(stage=Stage.DIARIZING).tries == 0
    script()
    assert worked_on(meeting).status == Status.COMPLETED


def test_a_storage_that_is_away_is_no_try(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    file = Path(storage().path(meeting.recording))
    content = file.read_bytes()
    file.unlink()
    file.mkdir()  # There, and not to be read.
    for _ in range(6):
        Job.objects.update(next_try_at=Now())
        assert worked_on(meeting).status == Status.PROCESSING
    file.rmdir()
    file.write_bytes(content)
    Job.objects.update(next_try_at=Now())
    assert worked_on(meeting).status == Status.COMPLETED


def test_an_engine_that_misses_a_file_of_its_own_says_nothing_of_the_recording(
    script: Script, ann: User, settings: Any, tmp_path: Path
) -> None:
    meeting = submitted(owner=ann)
    there = settings.SPEECH_NODES
    settings.SPEECH_NODES = [f"script://{tmp_path / 'nowhere.json'}"]
    assert worked_on(meeting).status == Status.QUEUED
    settings.SPEECH_NODES = there
    Job.objects.update(next_try_at=Now())
    assert worked_on(meeting).status == Status.COMPLETED


def test_an_engine_that_cannot_be_asked_is_waited_for(script: Script, ann: User) -> None:
    script(unreachable=True)
    meeting = worked_on(submitted(owner=ann))
    assert (meeting.status, Job.objects.get().state) == (Status.QUEUED, "waiting")
    script()
    Job.objects.update(next_try_at=Now())
    assert worked_on(meeting).status == Status.COMPLETED


def test_but_not_for_ever(script: Script, ann: User) -> None:
    script(unreachable=True)
    meeting = submitted(owner=ann)
    Job.objects.update(attempts=MAX_ATTEMPTS - 1)
    worked_on(meeting)
    assert meeting.status == Status.FAILED
    assert "No speech engine could be reached" in meeting.failure_reason
    assert version_of(meeting).status == Status.FAILED


def test_a_meeting_whose_workers_all_died_does_not_wait_for_ever(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    Job.objects.update(attempts=MAX_ATTEMPTS)
    worked_on(meeting)
    assert (meeting.status, Job.objects.get().state) == (Status.FAILED, "failed")
    assert "ask an administrator" in meeting.failure_reason


def test_what_was_given_up_after_it_was_cancelled_stays_cancelled(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    processing.cancel_processing(ann, str(meeting.pk))
    Job.objects.update(attempts=MAX_ATTEMPTS)
    assert worked_on(meeting).status == Status.CANCELLED


@pytest.mark.parametrize(
    ("kinds", "missing"),
    [
        (["speaker", "summary"], "turn speech into text"),
        (["asr", "summary"], "tell voices"),
        (["asr", "speaker"], "summar"),
    ],
)
def test_what_nobody_can_do_fails_at_once(script: Script, ann: User, kinds: list[str], missing: str) -> None:
    script(engines=[{"kind": kind} for kind in kinds])
    meeting = worked_on(submitted(owner=ann))
    assert (meeting.status, Segment.objects.count()) == (Status.FAILED, 0)
    assert missing in meeting.failure_reason
    assert "SPEECH_NODES" in meeting.failure_reason


def test_a_language_that_nobody_knows_fails_at_once(script: Script, ann: User) -> None:
    engines = [{"kind": "asr", "languages": ["en", "es"]}, {"kind": "speaker"}, {"kind": "summary"}]
    script(engines=engines)
    meeting = worked_on(submitted(owner=ann, language="fi"))
    assert meeting.status == Status.FAILED
    assert "language fi; understood are: en, es" in meeting.failure_reason
    processing.retranscribe(ann, str(meeting.pk), language="es")
    assert worked_on(meeting).status == Status.COMPLETED
    assert version_of(meeting).spoken_language == "en", "what the engine detects"


def test_a_recording_that_is_not_there_any_more(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    storage().delete(meeting.recording)
    worked_on(meeting)
    assert meeting.status == Status.FAILED
    assert "no longer in the storage" in meeting.failure_reason


def test_silence_is_a_complete_meeting_in_which_nobody_speaks(script: Script, ann: User) -> None:
    script(transcribe=[TOTAL, {"done": {"audio_ms": 20_000, "incomplete_reason": "The file was cut off."}}])
    meeting = worked_on(submitted(owner=ann))
    assert (meeting.status, meeting.progress, meeting.duration_ms) == (Status.COMPLETED, 100, 20_000)
    assert meeting.notice.startswith("The file was cut off. No speech was detected")
    assert (Segment.objects.count(), Speaker.objects.count(), ActionItem.objects.count()) == (0, 0, 0)
    assert Summary.objects.get().overview == []


def test_a_poisoned_recording_blocks_nobody(script: Script, ann: User) -> None:
    script(transcribe=[{"needs": "RIFF"}, TOTAL, *finals(), DONE])
    poisoned = submitted(b"this is no sound", owner=ann)
    good = submitted(owner=ann)
    worked_on(good)
    poisoned.refresh_from_db()
    assert (poisoned.status, good.status) == (Status.FAILED, Status.COMPLETED)
    assert "not an audio file" in poisoned.failure_reason


def test_of_those_that_failed_together_each_is_tried_apart(script: Script, ann: User) -> None:
    """One of them may be what ends the engine; the others must not fail with it."""
    meetings = [submitted(owner=ann), submitted(owner=ann)]
    script(diarize=[{"fail": "EngineUnavailable"}])
    run_jobs()
    failing = StageRun.objects.filter(stage=Stage.DIARIZING)
    failing.update(tries=2)
    script(diarize=[{"hang": {}}])
    Job.objects.update(next_try_at=Now())
    running = Running()
    until(lambda: failing.filter(tries=3).exists(), "one of them is tried")
    assert Running().ended() == "waiting"
    assert sorted(failing.values_list("tries", flat=True)) == [2, 3]
    running.stopping = True
    assert running.ended() == "waiting"
    script()
    for meeting in meetings:
        Job.objects.update(next_try_at=Now())
        assert worked_on(meeting).status == Status.COMPLETED


def test_who_gets_further_keeps_no_other_suspect_waiting(script: Script, ann: User) -> None:
    for _ in range(2):
        submitted(owner=ann)
    script(transcribe=[{"fail": "EngineUnavailable"}])
    run_jobs()
    StageRun.objects.update(tries=2)
    script(transcribe=[TOTAL, *finals(LINES[:1]), {"hang": {}}])
    Job.objects.update(next_try_at=Now())
    running = []
    for count in (1, 2):
        running.append(Running())
        running[-1].until_stored(count)
    for one in running:
        one.stopping = True
        assert one.ended() == "waiting"


def test_one_transaction_commits_a_segment_and_how_far_it_is(script: Script, ann: User) -> None:
    """Whoever sees a segment sees it counted."""
    script(transcribe=[TOTAL, *finals(LINES[:2]), {"hang": {}}])
    submitted(owner=ann)
    running = Running()
    running.until_stored(2)
    numbers = Change.objects.filter(subject_type="meeting.segment").values_list("xid", flat=True)
    shown = Change.objects.filter(subject_type="meeting").values_list("xid", flat=True)
    assert set(numbers) <= set(shown)
    assert StageRun.objects.get().done_ms == 9_000
    running.stopping = True
    running.ended()


def test_a_segment_is_never_stored_twice(script: Script, ann: User) -> None:
    meeting = worked_on(submitted(owner=ann))
    first = Segment.objects.order_by("start_ms")[0]
    first.pk, first._state.adding = None, True
    with pytest.raises(Exception, match="meetings_segment_unique"), suppress(ZeroDivisionError), transaction.atomic():
        first.save(force_insert=True)
    assert texts(meeting.pk) == list(LINES)
