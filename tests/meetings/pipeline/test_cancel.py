"""Cancelled and deleted meetings are processed no further."""

import pytest

from core.jobs import MAX_ATTEMPTS
from core.models import Job
from meetings import services
from meetings.models import Meeting, Segment, Status, Transcript
from meetings.services import processing
from tests.support.pipeline_jobs import DONE, RunningJob, Script, process
from tests.support.scripts import LINES, finals, submitted, texts
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]


@pytest.mark.parametrize("stage", ["transcribe", "diarize", "summarize"])
def test_cancelling_ends_each_stage_at_once(script: Script, ann: User, stage: str) -> None:
    script(**{stage: [*(finals() if stage == "transcribe" else []), {"hang": {}}]})
    meeting = submitted(owner=ann)
    running = RunningJob()
    running.until_stored(4)
    processing.cancel_processing(ann, str(meeting.pk))
    assert running.ended() == "done"
    meeting.refresh_from_db()
    assert (meeting.status, texts(meeting.pk)) == (Status.CANCELLED, list(LINES))


def test_deleting_a_meeting_ends_its_processing_at_once(script: Script, ann: User) -> None:
    script(transcribe=[*finals(), {"hang": {}}])
    meeting = submitted(owner=ann)
    running = RunningJob()
    running.until_stored(4)
    services.delete_meeting(ann, str(meeting.pk))
    assert running.ended() == "done"
    assert not Transcript.objects.exists()
    assert not Segment.objects.exists()


def test_meeting_cancelled_while_queued_is_not_processed(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    processing.cancel_processing(ann, str(meeting.pk))
    process(meeting)
    assert (meeting.status, Segment.objects.count()) == (Status.CANCELLED, 0)


def test_nothing_is_written_after_cancellation(script: Script, ann: User) -> None:
    """Not even in the second before the worker notices."""
    script(transcribe=[*finals(LINES[:1]), {"wait": 0.3}, *finals()[1:], DONE])
    meeting = submitted(owner=ann)
    running = RunningJob()
    running.until_stored(1)
    processing.cancel_processing(ann, str(meeting.pk))
    version = Meeting.objects.get().version
    assert running.ended() == "done"
    assert texts(meeting.pk) == list(LINES[:1])
    assert Meeting.objects.get().version == version


def test_retranscription_right_after_cancellation_completes(script: Script, ann: User) -> None:
    script(transcribe=[*finals(), {"hang": {}}])
    meeting = submitted(owner=ann)
    running = RunningJob()
    running.until_stored(4)
    processing.cancel_processing(ann, str(meeting.pk))
    processing.retranscribe(ann, str(meeting.pk))
    script()
    process(meeting)
    assert running.ended() == "done"
    meeting.refresh_from_db()
    assert (meeting.status, meeting.transcript_version) == (Status.COMPLETED, 2)


def test_failed_job_leaves_cancelled_meeting_cancelled(script: Script, ann: User) -> None:
    meeting = submitted(owner=ann)
    processing.cancel_processing(ann, str(meeting.pk))
    Job.objects.update(attempts=MAX_ATTEMPTS)
    assert process(meeting).status == Status.CANCELLED
