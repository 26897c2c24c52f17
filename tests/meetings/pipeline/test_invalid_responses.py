"""Responses of speech engines that break the contract end the stage, and nothing invalid is stored."""

from typing import Any

import pytest

from meetings.models import ActionItem, Speaker, Stage, Status, Summary
from tests.support.pipeline_jobs import DONE, Script, process
from tests.support.scripts import LINES, finals, submitted, texts
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]

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
    "ends before it begins at all": [{"done": {"audio_ms": -1}}],
    "no reason": [{"done": {"audio_ms": 1, "incomplete_reason": "a\x07"}}],
}  # fmt: skip


@pytest.mark.parametrize("what", GARBAGE)
def test_invalid_transcription_ends_the_stage(script: Script, ann: User, what: str) -> None:
    script(transcribe=GARBAGE[what], summarize=[])
    meeting = process(submitted(owner=ann))
    reason = meeting.missing[0]["reason"] if texts(meeting.pk) else meeting.failure_reason
    assert meeting.status == (Status.COMPLETED if texts(meeting.pk) else Status.FAILED)
    assert "Invalid engine response" in reason
    assert len(texts(meeting.pk)) <= len(LINES)


@pytest.mark.parametrize(
    "steps",
    [
        [{"turn": {"start_ms": 0, "end_ms": 9, "label": "S9"}}, DONE],
        [{"voice": {"label": "S1"}}, {"voice": {"label": "S1"}}, DONE],
        [{"voice": {"label": "S1"}}, {"turn": {"start_ms": 9, "end_ms": 2, "label": "S1"}}, DONE],
        [{"voice": {"label": ""}}, DONE],
        [{"voice": {"label": "S\0"}}, DONE],
        [{"voice": {"label": "S1", "speech_ms": -1}}, DONE],
        [{"voice": {"label": "S1", "voice_print": [float("nan")]}}, DONE],
        [],
    ],
)
def test_invalid_voices_are_missing(script: Script, ann: User, steps: list[dict[str, Any]]) -> None:
    script(diarize=steps)
    meeting = process(submitted(owner=ann))
    assert (meeting.status, Speaker.objects.count()) == (Status.COMPLETED, 0)
    assert [missing["stage"] for missing in meeting.missing] == [Stage.DIARIZING]
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
        {"deeds": [{"text": "x", "due_on": "2026-02-30"}]},
        {"overview": [{"text": "x"}], "language": "../etc"},
    ],
)
def test_invalid_summaries_are_missing(script: Script, ann: User, summary: dict[str, Any]) -> None:
    script(summarize=[{"summary": summary}])
    meeting = process(submitted(owner=ann))
    assert (meeting.status, Summary.objects.count(), ActionItem.objects.count()) == (Status.COMPLETED, 0, 0)
    assert [missing["stage"] for missing in meeting.missing] == [Stage.SUMMARIZING]
