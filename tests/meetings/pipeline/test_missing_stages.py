"""A stage that cannot be carried out is missing from the meeting, which has everything else."""

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from core.models import Job
from meetings.models import ActionItem, Meeting, Segment, Speaker, Stage, Status, Summary
from meetings.services import processing
from meetings.services.files import storage
from tests.jobs import run_jobs
from tests.support.pipeline_jobs import DONE, TOTAL, Script, process
from tests.support.recordings import a_recording
from tests.support.scripts import LINES, finals, submitted, texts
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]

TRANSCRIBING, DIARIZING, SUMMARIZING = Stage
POISON = {"fail": "EngineFailed", "sentence": "The engine died."}


def stages(meeting: Meeting) -> list[int]:
    return [missing["stage"] for missing in meeting.missing]


@pytest.mark.parametrize(
    ("kinds", "expected", "words"),
    [
        (["asr", "summary"], [DIARIZING], "The speakers are not separated. No speech engine here can separate voices."),
        (["asr", "speaker"], [SUMMARIZING], "There is no summary. No speech engine here can summarise."),
        (["asr"], [DIARIZING, SUMMARIZING], "There is no summary. No speech engine here can summarise."),
    ],
)
def test_a_stage_without_an_engine_is_missing(
    script: Script, ann: User, kinds: list[str], expected: list[int], words: str
) -> None:
    script(engines=[{"kind": kind} for kind in kinds])
    meeting = process(submitted(owner=ann))
    assert (meeting.status, meeting.progress, meeting.failure_reason) == (Status.COMPLETED, 100, "")
    assert texts(meeting.pk) == list(LINES)
    assert stages(meeting) == expected
    assert words in meeting.notice
    assert all("SPEECH_NODES" in missing["reason"] for missing in meeting.missing)
    assert Speaker.objects.count() == (0 if DIARIZING in expected else 2)
    assert Summary.objects.count() == ActionItem.objects.count() == (0 if SUMMARIZING in expected else 1)
    assert Job.objects.get().state == "done"


@pytest.mark.parametrize("stage", ["diarize", "summarize"])
def test_a_stage_that_fails_five_times_is_missing(script: Script, ann: User, stage: str) -> None:
    script(**{stage: [POISON]})
    meeting = process(submitted(owner=ann))
    assert (meeting.status, texts(meeting.pk)) == (Status.COMPLETED, list(LINES))
    assert stages(meeting) == [DIARIZING if stage == "diarize" else SUMMARIZING]
    assert "5 times in a row. The engine died." in meeting.notice


@pytest.mark.parametrize("stage", ["diarize", "summarize"])
def test_a_stage_whose_engine_hangs_is_missing(script: Script, ann: User, settings: Any, stage: str) -> None:
    settings.SPEECH_SILENCE_SECONDS = 0.4
    script(**{stage: [{"fail": "EngineFailed", "times": 3}, {"hang": {"lives": False}}]})
    meeting = process(submitted(owner=ann))
    assert meeting.status == Status.COMPLETED
    assert "has hung" in meeting.missing[0]["reason"]


def test_a_language_that_no_engine_knows_still_gives_voices(script: Script, ann: User) -> None:
    script(engines=[{"kind": "asr", "languages": ["en", "es"]}, {"kind": "speaker"}, {"kind": "summary"}])
    meeting = process(submitted(owner=ann, language="fi"))
    assert (meeting.status, stages(meeting)) == (Status.FAILED, [TRANSCRIBING])
    assert "language fi; understood are: en, es" in meeting.failure_reason
    assert "SPEECH_NODES" in meeting.failure_reason
    assert [(one.label, one.transcript_version) for one in Speaker.objects.order_by("place")] == [("S1", 1), ("S2", 1)]
    assert meeting.recording
    processing.retranscribe(ann, str(meeting.pk), language="es")
    meeting.refresh_from_db()
    assert meeting.missing == []
    assert (process(meeting).status, meeting.missing, meeting.notice) == (Status.COMPLETED, [], "")


def test_without_any_engine_the_meeting_fails_and_names_two_stages(script: Script, ann: User) -> None:
    script(engines=[{"kind": "summary"}])
    meeting = process(submitted(owner=ann))
    assert (meeting.status, stages(meeting)) == (Status.FAILED, [TRANSCRIBING, DIARIZING])
    assert "turn speech into text" in meeting.failure_reason


@pytest.mark.parametrize("cause", ["EngineFailed", "BadRecording"])
def test_a_part_of_a_first_transcript_is_kept_and_summarised(script: Script, ann: User, cause: str) -> None:
    summary = {"summary": {"overview": [{"text": "Good morning.", "segments": [1]}]}}
    script(transcribe=[TOTAL, *finals(LINES[:2]), POISON | {"fail": cause}], summarize=[summary])
    meeting = process(submitted(owner=ann))
    assert (meeting.status, stages(meeting), texts(meeting.pk)) == (Status.COMPLETED, [TRANSCRIBING], list(LINES[:2]))
    assert meeting.notice.startswith("The transcript is not complete.")
    assert "The engine died." in meeting.notice
    assert ("at about 0:09" in meeting.notice) == (cause == "EngineFailed")
    assert (Speaker.objects.count(), Summary.objects.count()) == (2, 1)


def test_a_part_of_a_transcript_does_not_replace_a_complete_one(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    processing.retranscribe(ann, str(meeting.pk))
    script(transcribe=[TOTAL, *finals(LINES[:2]), POISON])
    process(meeting)
    assert (meeting.status, meeting.transcript_version, meeting.missing) == (Status.FAILED, 1, [])


def test_engine_away_for_hours_leaves_its_stage_missing(script: Script, ann: User) -> None:
    script(summarize=[{"fail": "EngineUnavailable", "sentence": "It is away."}])
    meeting = submitted(owner=ann)
    run_jobs()
    Job.objects.update(attempts=F("max_attempts"), next_try_at=Now())
    process(meeting)
    assert (meeting.status, stages(meeting)) == (Status.COMPLETED, [SUMMARIZING])
    assert (Job.objects.get().state, Segment.objects.count(), Speaker.objects.count()) == ("failed", 4, 2)


def test_silence_of_which_no_voices_are_known_is_no_missing_stage(script: Script, ann: User) -> None:
    script(engines=[{"kind": "asr"}], transcribe=[TOTAL, DONE])
    meeting = process(submitted(owner=ann))
    assert (meeting.status, meeting.missing) == (Status.COMPLETED, [])
    assert meeting.notice.startswith("No speech was detected")


def test_a_part_of_another_recording_replaces_a_complete_transcript(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    name = storage().save("another", ContentFile(a_recording()))
    with transaction.atomic():
        processing.submit(ann, meeting, recording={"recording": name})
    summary = {"summary": {"overview": [{"text": "Good morning.", "segments": [1]}]}}
    script(transcribe=[TOTAL, *finals(LINES[:2]), POISON], summarize=[summary])
    process(meeting)
    assert (meeting.status, meeting.transcript_version, stages(meeting)) == (Status.COMPLETED, 2, [TRANSCRIBING])
