"""Processing resumes after the last stored segment."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from changes.models import Change
from core.jobs import store
from core.jobs.worker import run_job
from core.models import Job
from meetings.models import Segment, Stage, StageRun, Status
from meetings.services import processing
from meetings.services.pipeline.work import Work
from tandem.speech.v1 import speech_pb2
from tests.jobs import run_jobs
from tests.support.pipeline_jobs import DONE, TOTAL, RunningJob, Script, process
from tests.support.scripts import LINES, finals, submitted, texts, version_of
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]


def test_retry_resumes_after_last_stored_segment(script: Script, ann: User) -> None:
    script(transcribe=[TOTAL, *finals(LINES[:2]), {"fail": "EngineFailed", "times": 1}, *finals()[2:], DONE])
    meeting = process(submitted(owner=ann))
    assert texts(meeting.pk) == list(LINES)
    assert meeting.status == Status.COMPLETED


@pytest.mark.parametrize(("named", "expected"), [(1500, "1500"), (None, "2000")], ids=["named", "not named"])
def test_engine_resumes_where_the_last_segment_names_or_two_seconds_before_its_end(
    script: Script, ann: User, named: int | None, expected: str
) -> None:
    (last,) = finals(("first",))
    last["final"]["resume_ms"] = named
    resumed = {"final": {"start_ms": 5000, "end_ms": 6000, "text": "{start_ms}"}}
    script(transcribe=[TOTAL, last, {"fail": "EngineFailed", "times": 1}, resumed, DONE], summarize=[])
    meeting = process(submitted(owner=ann))
    assert texts(meeting.pk) == ["first", expected]


def test_estimated_end_ignores_progress_of_earlier_attempts(
    script: Script, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("meetings.services.pipeline.work.time", SimpleNamespace(monotonic=lambda: clock.now))
    work = Work(version_of(submitted(owner=ann)), None)
    work.begin_stage(Stage.TRANSCRIBING, "0" * 64, speech_pb2.Engine(name="scripted", version="1"))
    # It resumes at half of the stage, and completes a quarter of it in ten seconds.
    for clock.now, share in ((5.0, 0.5), (15.0, 0.75)):
        with work.commit() as meeting:
            work.show(meeting, Stage.TRANSCRIBING, share)
    left = (meeting.estimated_end_at - timezone.now()).total_seconds()
    # From 60 to 100 %, at 2 % a second.
    assert meeting.progress == 60
    assert 15 < left <= 20


def test_words_that_overlap_stored_segments_are_dropped(script: Script, ann: User) -> None:
    words = [
        {"text": "known", "start_ms": 3000, "end_ms": 3900, "confidence": 0.5},
        {"text": "new", "start_ms": 4100, "end_ms": 5000, "confidence": 0.7},
    ]
    across = {"final": {"start_ms": 2500, "end_ms": 5000, "text": "known new", "words": words}}
    # A scripted engine returns what ends after `start_ms` (2000): all of these, when it is called again.
    script(transcribe=[*finals(LINES[:1]), {"fail": "EngineFailed", "times": 1}, DONE], summarize=[])
    meeting = submitted(owner=ann)
    process(meeting)
    assert texts(meeting.pk) == list(LINES[:1])
    processing.retranscribe(ann, str(meeting.pk))
    asked = version_of(meeting)
    for row in Segment.objects.filter(transcript_version=1):
        row.pk, row.transcript_version, row._state.adding = None, asked.version, True
        row.save(force_insert=True)
    script(transcribe=[across, DONE], summarize=[])
    process(meeting)
    assert texts(meeting.pk, 2) == ["good morning", "new"]
    new = Segment.objects.get(text="new")
    assert (new.start_ms, new.end_ms, new.confidence) == (4100, 5000, pytest.approx(0.7))


def test_retry_skips_completed_stages(script: Script, ann: User) -> None:
    script(diarize=[{"fail": "EngineFailed", "times": 1}, DONE])
    meeting = submitted(owner=ann)
    (job,) = store.claim(1)
    run_job(job)
    meeting.refresh_from_db()
    assert meeting.status == Status.COMPLETED
    assert StageRun.objects.filter(stage=Stage.TRANSCRIBING).count() == 1
    assert Change.objects.filter(subject_type="meeting.segment", operation="created").count() == len(LINES)


def test_another_engine_resumes_after_last_stored_segment(
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
    process(meeting)
    engines = [segment.engine["name"] for segment in Segment.objects.order_by("start_ms")]
    assert engines == ["scripted", "scripted", "better", "better"]
    assert texts(meeting.pk) == list(LINES)


def test_stopping_worker_releases_its_job(script: Script, ann: User) -> None:
    script(transcribe=[TOTAL, *finals(LINES[:2]), {"hang": {}}])
    meeting = submitted(owner=ann)
    running = RunningJob()
    running.until_stored(2)
    running.stopping = True
    assert running.ended() == "waiting"
    script()
    process(meeting)
    assert (meeting.status, texts(meeting.pk)) == (Status.COMPLETED, list(LINES))
    assert Job.objects.get().attempts == 2


def test_worker_whose_lease_expired_writes_nothing_more(script: Script, ann: User) -> None:
    script(transcribe=[*finals(LINES[:1]), {"wait": 1.0}, *finals()[1:], DONE])
    meeting = submitted(owner=ann)
    running = RunningJob()
    running.until_stored(1)
    Job.objects.update(lease_until=Now())
    (other,) = store.claim(1)
    assert running.ended() == "running"
    assert texts(meeting.pk) == list(LINES[:1])
    run_job(other)
    assert texts(meeting.pk) == list(LINES)
