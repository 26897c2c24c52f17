"""Failures that are retried, and the ones that fail the meeting."""

from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from core.jobs import MAX_ATTEMPTS
from core.models import Job
from meetings.models import Stage, StageRun, Status
from meetings.services.files import storage
from tests.jobs import run_jobs
from tests.support.pipeline_jobs import DONE, TOTAL, RunningJob, Script, process
from tests.support.scripts import LINES, finals, submitted, texts, version_of
from tests.support.servers import until
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]


@pytest.mark.parametrize("stage", ["transcribe", "diarize", "summarize"])
def test_failing_engine_is_retried_within_one_attempt(script: Script, ann: User, stage: str) -> None:
    good = {"transcribe": [*finals(), DONE], "diarize": [DONE], "summarize": []}[stage]
    script(**{stage: [{"fail": "EngineFailed", "times": 4}, *good]})
    meeting = process(submitted(owner=ann))
    assert (meeting.status, Job.objects.get().attempts) == (Status.COMPLETED, 1)


def test_five_failures_in_a_row_fail_the_meeting_with_a_reason(script: Script, ann: User) -> None:
    script(transcribe=[TOTAL, {"fail": "EngineFailed", "sentence": "The engine died."}])
    meeting = process(submitted(owner=ann))
    assert (meeting.status, meeting.missing) == (Status.FAILED, [])
    assert "5 times in a row" in meeting.failure_reason
    assert "The engine died." in meeting.failure_reason
    assert "upload it to a new meeting" in meeting.failure_reason
    assert Job.objects.get().state == "done"
    assert version_of(meeting).status == Status.FAILED


def test_recording_that_kills_its_workers_fails(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    transcript = version_of(meeting)
    script(transcribe=[TOTAL, {"fail": "EngineUnavailable"}])
    run_jobs()
    StageRun.objects.filter(transcript=transcript).update(tries=5)
    script()
    Job.objects.update(next_try_at=Now())
    process(meeting)
    assert meeting.status == Status.FAILED
    assert "ended without an error message" in meeting.failure_reason


def test_progress_resets_the_count_of_tries(script: Script, ann: User) -> None:
    steps: list[dict[str, Any]] = []
    for final in finals():
        steps += [final, {"fail": "EngineFailed", "times": 4}]
    script(transcribe=[*steps, DONE])
    meeting = process(submitted(owner=ann))
    assert (meeting.status, texts(meeting.pk)) == (Status.COMPLETED, list(LINES))


@pytest.mark.parametrize("lives", [False, True])
def test_hung_engine_fails_the_meeting(script: Script, ann: User, settings: Any, lives: bool) -> None:
    settings.SPEECH_SILENCE_SECONDS, settings.SPEECH_BUSY_SECONDS = (60, 0.4) if lives else (0.4, 60)
    script(transcribe=[{"fail": "EngineFailed", "times": 1}, {"hang": {"lives": lives}}])
    meeting = submitted(owner=ann)
    process(meeting)
    assert meeting.status == Status.FAILED
    assert "has hung" in meeting.failure_reason


def test_waiting_for_a_busy_engine_counts_no_attempt(script: Script, ann: User) -> None:
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


def test_stop_of_the_worker_counts_no_try(script: Script, ann: User) -> None:
    script(diarize=[{"hang": {}}])
    meeting = submitted(owner=ann)
    running = RunningJob()
    until(lambda: StageRun.objects.filter(stage=Stage.DIARIZING, tries=1).exists(), "voices are being distinguished")
    running.stopping = True
    assert running.ended() == "waiting"
    assert StageRun.objects.get(stage=Stage.DIARIZING).tries == 0
    script()
    assert process(meeting).status == Status.COMPLETED


def test_unreadable_storage_is_retried_until_it_recovers(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    file = Path(storage().path(meeting.recording))
    content = file.read_bytes()
    file.unlink()
    file.mkdir()  # There, and not to be read.
    for _ in range(6):
        Job.objects.update(next_try_at=Now())
        assert process(meeting).status == Status.PROCESSING
    file.rmdir()
    file.write_bytes(content)
    Job.objects.update(next_try_at=Now())
    assert process(meeting).status == Status.COMPLETED


def test_engine_without_its_model_file_does_not_fail_the_meeting(
    script: Script, ann: User, settings: Any, tmp_path: Path
) -> None:
    meeting = submitted(owner=ann)
    there = settings.SPEECH_NODES
    settings.SPEECH_NODES = [f"script://{tmp_path / 'nowhere.json'}"]
    assert process(meeting).status == Status.QUEUED
    settings.SPEECH_NODES = there
    Job.objects.update(next_try_at=Now())
    assert process(meeting).status == Status.COMPLETED


def test_unreachable_engine_is_retried(script: Script, ann: User) -> None:
    script(unreachable=True)
    meeting = process(submitted(owner=ann))
    assert (meeting.status, Job.objects.get().state) == (Status.QUEUED, "waiting")
    script()
    Job.objects.update(next_try_at=Now())
    assert process(meeting).status == Status.COMPLETED


def test_unreachable_engine_fails_the_meeting_after_the_last_attempt(script: Script, ann: User) -> None:
    script(unreachable=True)
    meeting = submitted(owner=ann)
    Job.objects.update(attempts=MAX_ATTEMPTS - 1)
    process(meeting)
    assert meeting.status == Status.FAILED
    assert "No speech engine could be reached" in meeting.failure_reason
    assert version_of(meeting).status == Status.FAILED


def test_meeting_fails_when_all_attempts_ended_without_result(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    Job.objects.update(attempts=MAX_ATTEMPTS)
    process(meeting)
    assert (meeting.status, Job.objects.get().state) == (Status.FAILED, "failed")
    assert "ask an administrator" in meeting.failure_reason


def test_missing_recording_fails_the_meeting(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    storage().delete(meeting.recording)
    process(meeting)
    assert meeting.status == Status.FAILED
    assert "no longer in the storage" in meeting.failure_reason
