"""Subtitle cues: segments split so that each cue can be read in time.

A cue has at most two lines of 42 columns and seven seconds, as broadcasters require (BBC, Netflix: 37 to 42 columns).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from core.texts import printable
from meetings.models import Segment

COLUMNS, LINES = 42, 2
MAX_MS, MIN_MS = 7_000, 1_000
#: A pause after which there is a new cue.
PAUSE_MS = 1_500


class Timed(NamedTuple):
    """A word with its times, or a part of a word that is longer than a line."""

    text: str
    start_ms: int
    end_ms: int


@dataclass
class Cue:
    """A subtitle with its times. The first line may be empty; it then holds only the prefix of the text."""

    start_ms: int
    end_ms: int
    lines: list[str] = field(default_factory=list)


def cues(segment: Segment, columns_taken: int = 0) -> list[Cue]:
    """Return a segment's cues in their order; none if it has no text.

    Args:
        columns_taken: width of the prefix of each cue.
    """
    found: list[Cue] = []
    for word in _fitting(_timed(segment)):
        if not found or not _takes(found[-1], word, columns_taken):
            # If the prefix is too wide, the text begins on the next line.
            fits = width(word.text) + columns_taken <= COLUMNS or not columns_taken
            found.append(Cue(word.start_ms, word.end_ms, [word.text] if fits else ["", word.text]))
    for cue, following in zip_longest(found, found[1:]):
        limit = following.start_ms if following else max(segment.end_ms, cue.end_ms)
        cue.end_ms = max(cue.start_ms + 1, min(max(cue.end_ms, cue.start_ms + MIN_MS), limit))
    return found


def _takes(cue: Cue, word: Timed, columns_taken: int) -> bool:
    """Add the word to the cue if it fits in space and time. Return whether it was added."""
    if word.end_ms - cue.start_ms > MAX_MS or word.start_ms - cue.end_ms > PAUSE_MS:
        return False
    columns = COLUMNS - (columns_taken if len(cue.lines) == 1 else 0)
    if width(cue.lines[-1]) + 1 + width(word.text) <= columns:
        cue.lines[-1] += f" {word.text}"
    elif len(cue.lines) < LINES:
        cue.lines.append(word.text)
    else:
        return False
    cue.end_ms = max(cue.end_ms, word.end_ms)
    return True


def _timed(segment: Segment) -> Sequence[Timed]:
    """Return the words of a segment with their times: as recognised, or estimated by length if their number changed."""
    texts = printable(segment.text).split()
    if len(texts) == len(segment.words):
        return _in_order(segment, texts)
    start, length = segment.start_ms, max(1, segment.end_ms - segment.start_ms)
    whole = sum(len(text) + 1 for text in texts)
    timed, before = [], 0
    for text in texts:
        after = before + len(text) + 1
        timed.append(Timed(text, start + length * before // whole, start + length * after // whole))
        before = after
    return timed


def _in_order(segment: Segment, texts: Sequence[str]) -> Sequence[Timed]:
    """Return the words with the recognised times, corrected to ascend and to lie within the segment."""
    timed, earliest = [], segment.start_ms
    for text, word in zip(texts, segment.words, strict=True):
        start = max(earliest, min(int(word["start_ms"]), segment.end_ms))
        end = max(start, min(int(word["end_ms"]), segment.end_ms))
        timed.append(Timed(text, start, end))
        earliest = end
    return timed


def _fitting(words: Sequence[Timed]) -> Iterator[Timed]:
    """Yield the words, and split those that are longer than a line: some languages are written without spaces."""
    for word in words:
        pieces = list(_pieces(word.text))
        length = word.end_ms - word.start_ms
        for place, piece in enumerate(pieces):
            start, end = (word.start_ms + length * (place + more) // len(pieces) for more in (0, 1))
            yield Timed(piece, start, end)


def _pieces(text: str) -> Iterator[str]:
    piece = ""
    for character in text:
        is_joined = piece.endswith("\u200d") or not width(character)
        if width(piece + character) > COLUMNS and not is_joined:
            yield piece
            piece = ""
        piece += character
    yield piece


def width(text: str) -> int:
    """Return the width in columns; wide East Asian characters take two, marks and joiners none."""
    return sum(
        0
        if unicodedata.category(character) in ("Mn", "Me", "Cf")
        else (2 if unicodedata.east_asian_width(character) in "WF" else 1)
        for character in text
    )
