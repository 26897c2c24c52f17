"""A stored recording becomes a completed meeting: stages, versions, participants."""

import logging
from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from django.db import transaction
from prometheus_client import REGISTRY

from changes.models import Change
from core.models import Job
from meetings.models import ActionItem, Meeting, Segment, Speaker, Stage, StageRun, Status, Summary, Waveform
from meetings.services import processing
from tests.support.pipeline_jobs import DONE, TOTAL, RunningJob, Script, process
from tests.support.scripts import LINES, finals, submitted, texts, version_of
from tests.support.servers import until
from users.models import Status as UserStatus
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]


def completed_count() -> float:
    return REGISTRY.get_sample_value("tandem_meetings_completed_total") or 0


@pytest.mark.usefixtures("script")
def test_recording_is_processed_to_completed_meeting(ann: User, bob: User) -> None:
    completed = completed_count()
    meeting = process(submitted(owner=ann, participants=[bob.pk], starts_at=datetime(2026, 2, 3, 10, tzinfo=UTC)))
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
    assert completed_count() == completed + 1


@pytest.mark.usefixtures("script")
def test_days_are_counted_in_the_time_zone_of_the_owner(ann: User) -> None:
    """On Tuesday evening in Los Angeles it is Wednesday in UTC."""
    User.objects.filter(pk=ann.pk).update(timezone="America/Los_Angeles")
    meeting = process(submitted(owner=ann, starts_at=datetime(2026, 12, 2, 2, tzinfo=UTC)))
    assert version_of(meeting).held_on == date(2026, 12, 1)


def test_peaks_are_stored_for_the_recording(script: Script, ann: User) -> None:
    script(diarize=[{"done": {"audio_ms": 20_000, "peaks": [0, 200]}}])
    meeting = process(submitted(owner=ann))
    waveform = Waveform.objects.get(meeting=meeting)
    assert (waveform.recording_sha256, bytes(waveform.peaks)) == (meeting.recording_sha256, bytes([0, 200]))


def test_days_at_the_end_of_the_calendar_are_those_of_utc(ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(timezone="Asia/Tokyo")
    meeting = submitted(owner=ann, starts_at=datetime(9999, 12, 31, 20, tzinfo=UTC))
    assert version_of(meeting).held_on == date(9999, 12, 31)


def test_engine_is_given_the_vocabulary_of_the_submission(script: Script, ann: User) -> None:
    script(transcribe=[{"final": {"start_ms": 0, "end_ms": 900, "text": "{vocabulary}"}}, DONE])
    meeting = submitted(owner=ann, vocabulary=["Ada Lovelace", "Kubernetes"])
    Meeting.objects.filter(pk=meeting.pk).update(vocabulary=["Later"])
    process(meeting)
    assert Segment.objects.get().text == "Ada Lovelace, Kubernetes"


@pytest.mark.usefixtures("script")
def test_progress_never_falls(ann: User) -> None:
    meeting = process(submitted(owner=ann))
    images = Change.objects.filter(subject_id=meeting.pk).order_by("id").values_list("new", flat=True)
    states = [(image["status"], image["stage"], image["progress"]) for image in images if image]
    progress = [percent for _, _, percent in states]
    assert progress == sorted(progress)
    assert {16, 80, 95, 100} <= set(progress)
    assert [status for status, _, _ in states] == sorted(status for status, _, _ in states)
    stages = [stage for status, stage, _ in states if status == Status.PROCESSING]
    assert stages == sorted(stages)
    assert set(stages) == set(Stage)


def test_each_stage_logs_one_line_without_spoken_text(
    script: Script, ann: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        process(submitted(owner=ann))
    states = [record.call for record in caplog.records if hasattr(record, "call")]
    lines = [line for line in states if line["operation"].startswith("meetings.")]
    assert [(line["operation"], line["code"]) for line in lines] == [
        ("meetings.transcribing", "DONE"), ("meetings.diarizing", "DONE"), ("meetings.summarizing", "DONE"),
        ("meetings.process", "DONE"),
    ]  # fmt: skip
    assert not any(line in str(states) for line in LINES)


def test_retranscription_makes_a_new_version(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    processing.retranscribe(ann, str(meeting.pk), speaker_count=2)
    script(transcribe=[TOTAL, *finals(("better",)), DONE], summarize=[])
    process(meeting)
    assert (meeting.status, meeting.transcript_version) == (Status.COMPLETED, 2)
    assert (texts(meeting.pk, 1), texts(meeting.pk, 2)) == (list(LINES), ["better"])


def test_failed_version_keeps_its_committed_segments(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    processing.retranscribe(ann, str(meeting.pk))
    script(transcribe=[TOTAL, *finals(("half",)), {"fail": "BadRecording", "sentence": "It is broken."}])
    process(meeting)
    assert (meeting.status, meeting.failure_reason) == (Status.FAILED, "It is broken.")
    assert meeting.transcript_version == 1, "the complete one is shown"
    assert texts(meeting.pk, 2) == ["half"]


def test_speaker_with_longest_overlap_is_assigned_despite_many_short_turns(script: Script, ann: User) -> None:
    turns = [{"turn": {"start_ms": 100 * at, "end_ms": 100 * at + 10, "label": "S2"}} for at in range(1, 40)]
    speaks_on = {"turn": {"start_ms": 0, "end_ms": 20_000, "label": "S1"}}
    script(diarize=[{"voice": {"label": "S1"}}, {"voice": {"label": "S2"}}, speaks_on, *turns, DONE])
    process(submitted(owner=ann))
    assert set(Segment.objects.values_list("speaker_id", flat=True)) == {Speaker.objects.get(label="S1").pk}


def test_summary_uses_the_participants_of_that_moment(script: Script, ann: User, bob: User) -> None:
    script(diarize=[{"wait": 0.5}, {"voice": {"label": "S1"}}, DONE])
    meeting = submitted(owner=ann, participants=[bob.pk])
    running = RunningJob()
    running.until_stored(4)
    bob.delete()
    assert running.ended() == "done"
    meeting.refresh_from_db()
    assert (meeting.status, meeting.participants) == (Status.COMPLETED, [])
    assert ActionItem.objects.get().assigned_to_id is None


def test_deactivated_user_is_assigned_no_action_item(script: Script, ann: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(status=UserStatus.DEACTIVATED)
    script(summarize=[{"summary": {"deeds": [{"text": "send it", "owner": "bob"}]}}])
    process(submitted(owner=ann, participants=[bob.pk]))
    assert ActionItem.objects.get().assigned_to_id is None


def test_user_deleted_during_summary_is_assigned_no_action_item(script: Script, ann: User, bob: User) -> None:
    deed = {"text": "send it", "owner": "bob", "person_id": str(bob.pk)}
    script(summarize=[{"wait": 1}, {"summary": {"deeds": [deed]}}])
    submitted(owner=ann, participants=[bob.pk])
    running = RunningJob()
    until(lambda: Meeting.objects.get().stage == Stage.SUMMARIZING, "it is summarised")
    bob.delete()
    assert running.ended() == "done"
    assert ActionItem.objects.get().assigned_to_id is None


def test_segments_of_the_simple_engine_are_degraded(script: Script, ann: User) -> None:
    """The engine that serves the call counts, not the one that was offered before."""
    script(transcribe=[{"accepted": "pocketsphinx"}, TOTAL, *finals(), DONE])
    meeting = process(submitted(owner=ann))
    segments = list(Segment.objects.all())
    assert {(segment.engine["name"], segment.degraded) for segment in segments} == {("pocketsphinx", True)}
    assert "a simple one made this transcript" in meeting.notice


def test_silent_recording_completes_without_segments(script: Script, ann: User) -> None:
    script(
        transcribe=[
            TOTAL,
            {
                "done": {
                    "audio_ms": 20_000,
                    "incomplete_reason": "The file was cut off.",
                    "notice": "Its 2 tracks were mixed.",
                }
            },
        ]
    )
    meeting = process(submitted(owner=ann))
    assert (meeting.status, meeting.progress, meeting.duration_ms) == (Status.COMPLETED, 100, 20_000)
    assert meeting.notice.startswith("The file was cut off. Its 2 tracks were mixed. No speech was detected")
    assert (Segment.objects.count(), Speaker.objects.count(), ActionItem.objects.count()) == (0, 0, 0)
    assert Summary.objects.get().overview == []


def test_segment_and_progress_commit_in_one_transaction(script: Script, ann: User) -> None:
    """A reader that sees a segment sees it counted."""
    script(transcribe=[TOTAL, *finals(LINES[:2]), {"hang": {}}])
    submitted(owner=ann)
    running = RunningJob()
    running.until_stored(2)
    numbers = Change.objects.filter(subject_type="meeting.segment").values_list("xid", flat=True)
    shown = Change.objects.filter(subject_type="meeting").values_list("xid", flat=True)
    assert set(numbers) <= set(shown)
    assert StageRun.objects.get().done_ms == 9_000
    running.stopping = True
    running.ended()


def test_segment_cannot_be_stored_twice(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    first = Segment.objects.order_by("start_ms")[0]
    first.pk, first._state.adding = None, True
    with pytest.raises(Exception, match="meetings_segment_unique"), suppress(ZeroDivisionError), transaction.atomic():
        first.save(force_insert=True)
    assert texts(meeting.pk) == list(LINES)
