"""Division of a segment in two, and the reverse.

The segment stays the first part, with its id. The second one is a row of its own, which the first one names. So a line
that was divided several times is a chain of parts, and each can be joined with the next one.
"""

import unicodedata
from collections.abc import Mapping, MutableMapping
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone

from core.actors import Actor
from core.db import ids
from core.db.saving import save_clean
from core.errors import invalid
from meetings.models import ActionItem, Segment, SegmentEdit, Summary

#: Statements of a summary, each with the segments that it is based on.
_STATEMENTS = ("overview", "topics", "decisions")


def refuse_second_part(segment: Segment, second: Mapping[str, Any]) -> None:
    """Raise ValidationError if a client sends fields of a second part without dividing the segment."""
    message = (
        f"The segment is divided already; correct its second part by its own id, {segment.second_part_id}."
        if segment.split_at_ms
        else "Give split_at_ms, the time at which the second part begins."
    )
    if second:
        raise ValidationError({f"second_part.{name}": ValidationError(message, code="invalid") for name in second})


def speaker_id(field: str, sent: str, errors: MutableMapping[str, ValidationError]) -> UUID | None:
    """Return the id of a speaker as the client wrote it; None = unknown. Add an error if it is malformed."""
    found = ids.parsed(sent) if sent else None
    if sent and found is None:
        errors[field] = ValidationError(Segment.NO_SUCH_SPEAKER, code="unknown")
    return found


def record(segment: Segment, actor: Actor, speaker_before: UUID | None, *, end_ms: int | None = None) -> None:
    """Add the present state of a segment to the history of its corrections."""
    SegmentEdit.objects.create(
        segment=segment,
        text=segment.text,
        speaker_id=segment.speaker_id,
        speaker_changed=segment.speaker_id != speaker_before,
        end_ms=end_ms,
        edited_by_id=actor.pk,
    )


def split(segment: Segment, at_ms: int, actor: Actor, first: Mapping[str, Any], second: Mapping[str, Any]) -> Segment:
    """Divide a locked segment at this time, and return its first part. Words belong to the part with their middle.

    Args:
        first: `text` and `speaker_id` of the first part, as the client wrote them. By default the words until then,
            and the speaker of the segment.
        second: the same of the second part.

    Raises:
        ValidationError
    """
    _check_time(segment, at_ms)
    count = sum(_middle(word) < at_ms for word in segment.words)
    errors: dict[str, ValidationError] = {}
    parts = zip(
        (("", first), ("second_part.", second)),
        _divided(segment.text, segment, at_ms, count),
        _divided(segment.recognized_text, segment, at_ms, count),
        (segment.words[:count], segment.words[count:]),
        strict=True,
    )
    of_first, of_second = [
        _fields(sent, prefix, errors, text=text, recognized_text=recognized, words=words, **_shared(segment))
        for (prefix, sent), text, recognized, words in parts
    ]
    also = {"edited_by_id": actor.pk, "edited_at": timezone.now()}
    new = Segment(
        meeting_id=segment.meeting_id,
        transcript_version=segment.transcript_version,
        start_ms=at_ms,
        end_ms=segment.end_ms,
        split_at_ms=segment.split_at_ms,
        second_part_id=segment.second_part_id,
        confidence=segment.confidence,
        engine=segment.engine,
        degraded=segment.degraded,
        **of_second,
        **also,
    )
    try:
        save_clean(new)
    except ValidationError as exc:
        errors = {f"second_part.{name}": found[0] for name, found in exc.error_dict.items()} | errors
    speaker_before = segment.speaker_id
    segment = save_clean(
        segment, also=also, extra_errors=errors, end_ms=at_ms, split_at_ms=at_ms, second_part_id=new.pk, **of_first
    )
    for part in (segment, new):
        record(part, actor, speaker_before, end_ms=part.end_ms)
    return segment


def join(segment: Segment) -> dict[str, Any]:
    """Delete the second part of a locked segment, and return the fields of the segment that is both.

    The history of the second part becomes that of the segment, and so does what is based on it.
    """
    second = Segment.objects.select_for_update(no_key=True).get(pk=segment.second_part_id)
    fields = {
        "end_ms": second.end_ms,
        "split_at_ms": second.split_at_ms,
        "second_part_id": second.second_part_id,
        "text": _joined(segment.text, second.text),
        "recognized_text": _joined(segment.recognized_text, second.recognized_text),
        "words": [*segment.words, *second.words],
    }
    SegmentEdit.objects.filter(segment=second).update(segment=segment)
    _rebase(segment, second)
    second.delete()
    return fields


def _check_time(segment: Segment, at_ms: int) -> None:
    if not segment.start_ms < at_ms < segment.end_ms:
        limits = f"after {segment.start_ms} and before {segment.end_ms} ms"
        raise invalid("split_at_ms", "range", f"Choose a time within the segment: {limits}.")
    same = {"meeting": segment.meeting_id, "transcript_version": segment.transcript_version, "start_ms": at_ms}
    if Segment.objects.filter(**same).exists():
        raise invalid("split_at_ms", "unique", "Another segment begins at this time; choose another time.")


def _fields(sent: Mapping[str, Any], prefix: str, errors: dict[str, ValidationError], **fields: Any) -> dict[str, Any]:
    """Return the fields of one part, with what the client sent. Add errors under its names of the fields."""
    text = sent.get("text", fields["text"])
    fields["text"] = text if text.strip() else fields["recognized_text"]
    if not fields["text"].strip():
        message = "No words were recognised in this part; give its text."
        errors[f"{prefix}text"] = ValidationError(message, code="required")
    if "speaker_id" in sent:
        fields["speaker_id"] = speaker_id(f"{prefix}speaker_id", sent["speaker_id"], errors)
    fields["by_vocabulary"] = fields["by_vocabulary"] and "text" not in sent
    return fields


def _shared(segment: Segment) -> dict[str, Any]:
    return {"speaker_id": segment.speaker_id, "by_vocabulary": segment.by_vocabulary}


def _middle(word: Mapping[str, Any]) -> float:
    return float(word["start_ms"] + word["end_ms"]) / 2


def _divided(text: str, segment: Segment, at_ms: int, word_count: int) -> tuple[str, str]:
    """Divide a text before the word of this number; if it has other words than were recognised, by its length."""
    starts = [
        place for place, (before, now) in enumerate(pairwise(f" {text}")) if before.isspace() and not now.isspace()
    ]
    if len(starts) == len(segment.words):
        place = [*starts, len(text)][word_count]
    else:
        share = (at_ms - segment.start_ms) / (segment.end_ms - segment.start_ms)
        place = round(len(text) * share)
        if len(starts) > 1:
            place = min(starts, key=lambda start: abs(start - place))
    return text[:place].rstrip(), text[place:].lstrip()


def _joined(first: str, second: str) -> str:
    """Join two texts, by a space unless both are in a script that has none between words."""
    wide = all(character and unicodedata.east_asian_width(character) in "WF" for character in (first[-1:], second[:1]))
    return f"{first}{second}" if wide else f"{first} {second}".strip()


def _rebase(segment: Segment, second: Segment) -> None:
    """Let what is based on the second part be based on the segment."""
    of_version = {"meeting": segment.meeting_id, "transcript_version": segment.transcript_version}
    for item in ActionItem.objects.filter(**of_version, segment_ids__contains=[second.pk]):
        save_clean(item, segment_ids=_replaced(item.segment_ids, second.pk, segment.pk))
    for summary in Summary.objects.filter(**of_version):
        statements: dict[str, Any] = {
            name: [
                {**statement, "segment_ids": _replaced(statement["segment_ids"], str(second.pk), str(segment.pk))}
                for statement in getattr(summary, name)
            ]
            for name in _STATEMENTS
        }
        save_clean(summary, **statements)


def _replaced(values: list[Any], old: Any, new: Any) -> list[Any]:
    return list(dict.fromkeys(new if value == old else value for value in values))
