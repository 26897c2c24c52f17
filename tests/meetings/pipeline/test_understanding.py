"""A recording of which little was understood gets a notice, and below a floor no summary."""

from typing import Any

import pytest

from meetings.models import ActionItem, Meeting, Segment, Stage, Status, Summary, Transcript
from meetings.services.pipeline.transcribing import NO_SPEECH
from meetings.services.pipeline.understanding import (
    HARDLY_UNDERSTOOD,
    MUCH_MISSED,
    NOTHING_UNDERSTOOD,
    OTHER_LANGUAGE,
    judge,
)
from meetings.services.pipeline.work import Failed, Work
from tests.support.pipeline_jobs import DONE, Script, process
from tests.support.scripts import LINES, finals, submitted, texts, version_of
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]


def heard(script: Script, ann: User, confidence: float, engine: str = "moonshine", **fields: Any) -> Meeting:
    """Process a recording whose segments are recognised with this confidence."""
    steps = [{"final": {**step["final"], "confidence": confidence}} for step in finals()]
    script(transcribe=[{"accepted": engine}, {"detected": "en"}, *steps, DONE])
    return process(submitted(owner=ann, **fields))


@pytest.mark.parametrize(("engine", "confidence"), [("moonshine", 0.75), ("pocketsphinx", 0.55), ("another", 0.1)])
def test_understood_recording_gets_no_notice(script: Script, ann: User, engine: str, confidence: float) -> None:
    meeting = heard(script, ann, confidence, engine)
    assert MUCH_MISSED not in meeting.notice
    assert HARDLY_UNDERSTOOD not in meeting.notice
    assert Summary.objects.count() == ActionItem.objects.count() == 1


def test_doubtful_recording_gets_a_notice_and_a_summary(script: Script, ann: User) -> None:
    meeting = heard(script, ann, 0.6)
    assert meeting.notice == f"{MUCH_MISSED} {OTHER_LANGUAGE}"
    assert (meeting.missing, version_of(meeting).spoken_language) == ([], "en")
    assert Summary.objects.count() == ActionItem.objects.count() == 1


def test_recording_that_was_hardly_understood_gets_no_summary(script: Script, ann: User) -> None:
    meeting = heard(script, ann, 0.4)
    assert (meeting.status, texts(meeting.pk)) == (Status.COMPLETED, list(LINES))
    (missing,) = meeting.missing
    assert missing == {"stage": Stage.SUMMARIZING, "reason": f"{HARDLY_UNDERSTOOD} {OTHER_LANGUAGE}"}
    assert meeting.notice == f"There is no summary. {missing['reason']}"
    assert Summary.objects.count() == ActionItem.objects.count() == 0
    # The only language of the engine was assumed, not detected.
    assert version_of(meeting).spoken_language == ""


def test_language_that_was_given_is_not_doubted(script: Script, ann: User) -> None:
    meeting = heard(script, ann, 0.4, language="en")
    assert meeting.notice == f"There is no summary. {HARDLY_UNDERSTOOD}"
    assert version_of(meeting).spoken_language == "en"


def test_speech_without_text_was_not_understood(script: Script, ann: User) -> None:
    steps = [{"final": {**step["final"], "confidence": 0.95}} for step in finals()]
    script(
        transcribe=[{"accepted": "moonshine"}, *steps, DONE],
        diarize=[{"voice": {"label": "S1", "speech_ms": 60_000}}, {"done": {"audio_ms": 20_000}}],
    )
    assert HARDLY_UNDERSTOOD in process(submitted(owner=ann)).notice


def test_corrected_text_is_understood(script: Script, ann: User) -> None:
    meeting = heard(script, ann, 0.4)
    work = Work(Transcript.objects.get(meeting=meeting), None)
    with pytest.raises(Failed):
        judge(work)
    Segment.objects.update(edited_by=ann)
    judge(work)


@pytest.mark.parametrize(
    ("speech_ms", "notice"), [(0, NO_SPEECH), (700, NO_SPEECH), (4000, f"{NOTHING_UNDERSTOOD} {OTHER_LANGUAGE}")]
)
def test_speech_without_any_text_is_not_called_silence(script: Script, ann: User, speech_ms: int, notice: str) -> None:
    script(transcribe=[{"done": {"audio_ms": 20_000, "speech_ms": speech_ms}}])
    meeting = process(submitted(owner=ann))
    assert (meeting.status, meeting.notice) == (Status.COMPLETED, notice)
