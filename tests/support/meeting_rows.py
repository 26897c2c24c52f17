"""Rows of what belongs to a meeting, each with what it needs."""

from typing import Any

from meetings.models import ActionItem, Meeting, Segment, Speaker, Summary, Transcript

ENGINE = {"name": "sphinx", "version": "5.0", "model_id": "en-us", "model_sha256": "ab" * 32}


def a_transcript(meeting: Meeting, version: int = 1, **fields: Any) -> Transcript:
    return Transcript.objects.create(meeting=meeting, version=version, recording="x.wav", **fields)


def a_segment(meeting: Meeting, number: int, version: int = 1, **fields: Any) -> Segment:
    """Create the segment of this number: ten seconds long, after those with lower numbers."""
    start_ms, text = number * 10_000, fields.pop("text", f"Sentence {number}")
    values = {
        "start_ms": start_ms,
        "end_ms": start_ms + 9_000,
        "text": text,
        "recognized_text": text,
        "confidence": 0.5,
    }
    words = [
        {"text": word, "start_ms": start_ms + 400 * place, "end_ms": start_ms + 400 * place + 300, "confidence": 0.5}
        for place, word in enumerate(text.split())
    ]
    values |= {"words": words, "engine": ENGINE}
    return Segment.objects.create(meeting=meeting, transcript_version=version, **(values | fields))


def a_speaker(meeting: Meeting, place: int = 1, version: int = 1, **fields: Any) -> Speaker:
    values = {"label": f"S{place}", "place": place, "engine": ENGINE, "voice_print": [1.0]}
    return Speaker.objects.create(meeting=meeting, transcript_version=version, **(values | fields))


def a_summary(meeting: Meeting, version: int = 1, **fields: Any) -> Summary:
    values = {"overview": [{"text": "They met.", "segment_ids": []}], "language": "en", "engine": ENGINE}
    return Summary.objects.create(meeting=meeting, transcript_version=version, **(values | fields))


def an_action_item(meeting: Meeting, place: int = 1, version: int = 1, **fields: Any) -> ActionItem:
    values = {"place": place, "text": f"Do thing {place}", "confidence": 0.7}
    return ActionItem.objects.create(meeting=meeting, transcript_version=version, **(values | fields))
