"""Recordings that may end an engine are processed one at a time."""

import pytest
from django.db.models.functions import Now

from core.models import Job
from meetings.models import Stage, StageRun, Status
from tests.jobs import run_jobs
from tests.support.pipeline_jobs import DONE, TOTAL, RunningJob, Script, process
from tests.support.scripts import LINES, finals, submitted
from tests.support.servers import until
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]


def test_unreadable_recording_does_not_hold_up_others(script: Script, ann: User) -> None:
    script(transcribe=[{"needs": "RIFF"}, TOTAL, *finals(), DONE])
    poisoned = submitted(b"this is no sound", owner=ann)
    good = submitted(owner=ann)
    process(good)
    poisoned.refresh_from_db()
    assert (poisoned.status, good.status) == (Status.FAILED, Status.COMPLETED)
    assert "not an audio file" in poisoned.failure_reason


def test_recordings_that_failed_together_are_retried_one_at_a_time(script: Script, ann: User) -> None:
    """One of them may be what ends the engine; the others must not fail with it."""
    meetings = [submitted(owner=ann), submitted(owner=ann)]
    script(diarize=[{"fail": "EngineUnavailable"}])
    run_jobs()
    failing = StageRun.objects.filter(stage=Stage.DIARIZING)
    failing.update(tries=2)
    script(diarize=[{"hang": {}}])
    Job.objects.update(next_try_at=Now())
    running = RunningJob()
    until(lambda: failing.filter(tries=3).exists(), "one of them is tried")
    assert RunningJob().ended() == "waiting"
    assert sorted(failing.values_list("tries", flat=True)) == [2, 3]
    running.stopping = True
    assert running.ended() == "waiting"
    script()
    for meeting in meetings:
        Job.objects.update(next_try_at=Now())
        assert process(meeting).status == Status.COMPLETED


def test_recording_that_makes_progress_leaves_quarantine(script: Script, ann: User) -> None:
    for _ in range(2):
        submitted(owner=ann)
    script(transcribe=[{"fail": "EngineUnavailable"}])
    run_jobs()
    StageRun.objects.update(tries=2)
    script(transcribe=[TOTAL, *finals(LINES[:1]), {"hang": {}}])
    Job.objects.update(next_try_at=Now())
    running = []
    for count in (1, 2):
        running.append(RunningJob())
        running[-1].until_stored(count)
    for one in running:
        one.stopping = True
        assert one.ended() == "waiting"
