"""Turns of the speakers, and the lines that they make of the words of a segment."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Any, NamedTuple

from tandem.speech.v1 import speech_pb2

#: Shorter speech within a segment is an inaccuracy at its edge.
_MIN_SPEECH_MS = 150
#: A change of speakers is moved to the end of a sentence that is this near: times of words are not exact.
_NEAR_MS = 600
_SENTENCE_ENDS = (".", "?", "!", "…")

Word = Mapping[str, Any]


class Line(NamedTuple):
    """Successive words of one speaker: `words[first:until]`; the label is empty for an unknown speaker."""

    label: str
    first: int
    until: int


class Turns:
    """The turns of a recording.

    Args:
        turns: ordered by start.
    """

    def __init__(self, turns: Sequence[speech_pb2.Turn]) -> None:
        self._turns = turns
        # The latest end up to each turn: the ends of overlapping turns are not in order.
        self._ends = list(accumulate((turn.end_ms for turn in turns), max))

    def speech_ms(self, start_ms: int, end_ms: int) -> dict[str, int]:
        """Return how long each speaker speaks between two times, by label."""
        speech: dict[str, int] = defaultdict(int)
        for place in range(bisect_right(self._ends, start_ms), len(self._turns)):
            turn = self._turns[place]
            if turn.start_ms >= end_ms:
                break
            if (shared := min(turn.end_ms, end_ms) - max(turn.start_ms, start_ms)) > 0:
                speech[turn.label] += shared
        return speech

    def speaker(self, start_ms: int, end_ms: int) -> str:
        """Return the label of the speaker with the longest speech between two times; empty = none."""
        speech = self.speech_ms(start_ms, end_ms)
        return max(speech, key=speech.__getitem__) if speech else ""

    def has_several(self, start_ms: int, end_ms: int) -> bool:
        """Return whether more than one speaker speaks between two times."""
        return sum(speech >= _MIN_SPEECH_MS for speech in self.speech_ms(start_ms, end_ms).values()) > 1

    def lines(self, words: Sequence[Word]) -> list[Line]:
        """Return the lines of a segment's words. A word without a turn belongs to the line before it."""
        found = [self.speaker(word["start_ms"], max(word["end_ms"], word["start_ms"] + 1)) for word in words]
        first_known = next(filter(None, found), "")
        labels = list(accumulate(found, lambda before, label: label or before, initial=first_known))[1:]
        bounds = [0]
        for border in (place for place, (one, other) in enumerate(pairwise(labels), 1) if one != other):
            moved = _sentence_end(words, border)
            bounds.append(moved if moved > bounds[-1] else max(border, bounds[-1]))
        bounds.append(len(words))
        names = (label for label, _ in groupby(labels))
        lines = [Line(name, first, until) for name, (first, until) in zip(names, pairwise(bounds), strict=True)]
        return [line for line in lines if line.first < line.until]


def _sentence_end(words: Sequence[Word], border: int) -> int:
    """Return the end of a sentence nearest to a border between words, or the border itself if there is no near one."""
    at_ms: int = words[border]["start_ms"]

    def distance(place: int) -> int:
        return abs(int(words[place]["start_ms"]) - at_ms)

    ends = [
        place
        for place in range(1, len(words))
        if words[place - 1]["text"].endswith(_SENTENCE_ENDS) and distance(place) <= _NEAR_MS
    ]
    return min(ends, key=lambda place: (distance(place), place)) if ends else border
