"""Corrections of segments, carried to the segments of the next version with the same words at the same time.

A segment that covers the same time takes the corrected text as a whole. Otherwise each corrected passage is looked for
among the words of the new segments: an engine may cut speech in other places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DataError, transaction

from core.db.saving import save_clean
from meetings.models import Meeting, Segment, SegmentEdit

#: The least share of their common time that two segments overlap, to be the same.
_SAME_TIME = 0.8
#: The least likeness of their texts.
_SAME_WORDS = 0.5
#: How far a passage may be from its former time.
_TOLERANCE_MS = 5_000


@dataclass(slots=True)
class Word:
    """A word with punctuation, and its time."""

    text: str
    start_ms: int

    @property
    def key(self) -> str:
        return key_of(self.text)


@dataclass(frozen=True, slots=True)
class Passage:
    """A corrected passage: the words that were recognised, and those that take their place."""

    before: Sequence[Word]
    after: Sequence[str]

    @property
    def start_ms(self) -> int:
        return self.before[0].start_ms


def carry_corrections(meeting: Meeting, previous: int, version: int, speakers: Mapping[UUID, UUID]) -> int:
    """Carry the corrections over, in the order in which they were made. Return how many do not fit.

    Args:
        speakers: new speakers by previous ones.
    """
    corrected = Segment.objects.filter(meeting=meeting, transcript_version=previous, edited_at__isnull=False)
    segments = Segment.objects.filter(meeting=meeting, transcript_version=version).defer("search_words")
    lost = 0
    for old in corrected.defer("search_words").order_by("edited_at", "pk"):
        close = segments.filter(start_ms__lt=old.end_ms + _TOLERANCE_MS, end_ms__gt=old.start_ms - _TOLERANCE_MS)
        if close.filter(edited_by__isnull=False, edited_at__gt=old.edited_at).exists():
            # It was carried before, or the new version was corrected since.
            continue
        try:
            with transaction.atomic():
                # What the vocabulary has corrected, it corrects in each version.
                is_text_kept = old.by_vocabulary or old.text == old.recognized_text
                fits_text = is_text_kept or _carry_text(old, list(close.order_by("start_ms")))
                fits_speaker = not _speaker_was_corrected(old) or _carry_speaker(old, close.all(), speakers)
        except (ValidationError, DataError):
            # A text with the correction may be too long, for example.
            fits_text = fits_speaker = False
        lost += not (fits_text and fits_speaker)
    return lost


def key_of(word: str) -> str:
    """Return the form in which words are compared: without case and punctuation."""
    return "".join(filter(str.isalnum, word.casefold())) or word


def _carry_text(old: Segment, close: Sequence[Segment]) -> bool:
    same = next((new for new in close if _is_same(old, new)), None)
    if same is not None:
        _correct(same, old, text=old.text)
        return True
    passages = _passages(old)
    words_of = {new.pk: _words(new.text, new) for new in close}
    fits = [any(_replace(words, passage) for words in _nearest_first(words_of, passage)) for passage in passages]
    for new in close:
        text = " ".join(word.text for word in words_of[new.pk])
        if text != " ".join(new.text.split()):
            _correct(new, old, text=text)
    return all(fits)


def _is_same(old: Segment, new: Segment) -> bool:
    """Return whether a new segment covers the same time and, more or less, the same words."""
    both_ms = min(old.end_ms, new.end_ms) - max(old.start_ms, new.start_ms)
    if both_ms < _SAME_TIME * (max(old.end_ms, new.end_ms) - min(old.start_ms, new.start_ms)):
        return False
    heard = [key_of(word) for word in new.recognized_text.split()]
    texts = ([key_of(word) for word in text.split()] for text in (old.recognized_text, old.text))
    return any(SequenceMatcher(None, heard, text, autojunk=False).ratio() >= _SAME_WORDS for text in texts)


def _passages(old: Segment) -> list[Passage]:
    """Return the passages in which a corrected segment differs. One that only adds words begins with a word before it,
    or ends with the word after it, so that its place can be found.
    """
    before, after = _words(old.recognized_text, old), old.text.split()
    matcher = SequenceMatcher(None, [word.text for word in before], after, autojunk=False)
    passages = []
    for kind, first, last, new_first, new_last in matcher.get_opcodes():
        if kind == "equal":
            continue
        if first == last and first > 0:
            first, new_first = first - 1, new_first - 1
        elif first == last:
            last, new_last = last + 1, new_last + 1
        if before[first:last]:
            passages.append(Passage(before[first:last], after[new_first:new_last]))
    return passages


def _words(text: str, segment: Segment) -> list[Word]:
    """Return the words of the text, with the recognised times if they are those words, else evenly spread."""
    texts = text.split()
    if len(texts) == len(segment.words):
        return [Word(one, word["start_ms"]) for one, word in zip(texts, segment.words, strict=True)]
    each = (segment.end_ms - segment.start_ms) / max(1, len(texts))
    return [Word(one, segment.start_ms + int(each * place)) for place, one in enumerate(texts)]


def _nearest_first(words_of: Mapping[UUID, list[Word]], passage: Passage) -> list[list[Word]]:
    def distance(words: list[Word]) -> int:
        return min((abs(word.start_ms - passage.start_ms) for word in words), default=_TOLERANCE_MS)

    return sorted(words_of.values(), key=distance)


def _replace(words: list[Word], passage: Passage) -> bool:
    """Correct the passage among these words. Return whether it is there, corrected or to be corrected."""
    wrong, right = [word.key for word in passage.before], [key_of(text) for text in passage.after]
    is_corrected = _find(words, right, passage.start_ms) is not None if right else False
    if is_corrected and _find([Word(text, 0) for text in passage.after], wrong, 0) is not None:
        # The wrong words are a part of the right ones.
        return True
    place = _find(words, wrong, passage.start_ms)
    if place is None:
        return is_corrected
    start_ms = words[place].start_ms
    words[place : place + len(wrong)] = [Word(text, start_ms) for text in passage.after]
    return True


def _find(words: Sequence[Word], keys: Sequence[str], at_ms: int) -> int | None:
    """Return the place of these words that is nearest to a time; None = they are not there."""
    found = [word.key for word in words]
    places = [
        place
        for place in range(len(found) - len(keys) + 1)
        if found[place : place + len(keys)] == keys and abs(words[place].start_ms - at_ms) <= _TOLERANCE_MS
    ]
    return min(places, key=lambda place: abs(words[place].start_ms - at_ms), default=None)


def _speaker_was_corrected(old: Segment) -> bool:
    return SegmentEdit.objects.filter(segment=old, speaker_changed=True).exists()


def _carry_speaker(old: Segment, close: Any, speakers: Mapping[UUID, UUID]) -> bool:
    """Give the new segments that lie within a corrected one its speaker. Return whether there are any, and one has that
    voice.
    """
    speaker_id = speakers.get(old.speaker_id) if old.speaker_id else None
    if old.speaker_id and speaker_id is None:
        return False
    within = [
        new
        for new in close
        if 2 * (min(old.end_ms, new.end_ms) - max(old.start_ms, new.start_ms)) >= new.end_ms - new.start_ms
    ]
    for new in within:
        _correct(new, old, speaker_id=speaker_id)
    return bool(within)


def _correct(new: Segment, old: Segment, **fields: Any) -> None:
    """Correct a segment as the previous one was, in the name of the user who did that."""
    version = new.version
    also: dict[str, Any] = {"edited_by_id": old.edited_by_id, "edited_at": old.edited_at}
    if "text" in fields:
        also["by_vocabulary"] = False
    save_clean(new, also=also, **fields)
    if new.version != version:
        SegmentEdit.objects.create(
            segment=new,
            text=new.text,
            speaker_id=new.speaker_id,
            speaker_changed="speaker_id" in fields,
            edited_by_id=old.edited_by_id,
        )
