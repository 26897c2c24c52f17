"""Diarization by voice prints: the speakers of a recording, and their turns."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speechnode.engines.clustering import Labels, centres, cluster
from speechnode.engines.pcm import BYTES_PER_MS, Piece
from speechnode.engines.spans import FRAME_MS, Span, spans
from speechnode.engines.voice_prints import Floats, VoiceEncoder, normalised
from speechnode.engines.voice_space import in_voice_space
from speechnode.failures import TooLittleSpeech

#: A shorter span does not identify its voice well enough to be clustered.
_TELLING_MS = 800
#: A voice with less speech in such spans is a noise or an unusual moment of another voice.
_MIN_VOICE_MS = 1000
#: Minimum duration of speech for a voice print.
MIN_SPEECH_MS = 3000
#: Longest pause within a turn.
_PAUSE_MS = 1000
#: How much more similar another voice must be for a change to it; of a span of `_SURE_MS` or more. Shorter ones must
#: differ more, because their prints vary more.
_CHANGE, _SURE_MS = 0.04, 1600


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice; `print` is its voice print, of length 1."""

    label: str
    print: Floats
    speech_ms: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch of time in which one speaker speaks."""

    start_ms: int
    end_ms: int
    label: str


class VoicePrints:
    """Distinguishes voices by the voice prints of the spans between short pauses."""

    def __init__(self) -> None:
        self._encoder = VoiceEncoder()

    def listen(self) -> "Voices":
        """Return a listener for one recording."""
        return Voices(self._encoder)

    def parts(self, utterance: Piece) -> list[Piece]:
        """Cut an utterance at its changes of voice. The same samples give the same parts."""
        found = spans(utterance.pcm)
        if len(found) < 2:
            return [utterance]
        vectors = in_voice_space(self._encoder.prints(utterance.pcm, found))
        labels, _ = _voices(vectors, _durations(found), 0, 0, lambda: None)
        ends = _borders(found, utterance)[1:]
        changes = [end for end, (one, other) in zip(ends, pairwise(labels.tolist()), strict=False) if one != other]
        bounds = [utterance.start_ms, *changes, utterance.end_ms]
        pcm = utterance.pcm
        cuts = [(bound - utterance.start_ms) * BYTES_PER_MS for bound in bounds[:-1]] + [len(pcm)]
        return [Piece(start_ms, pcm[one:other]) for start_ms, (one, other) in zip(bounds, pairwise(cuts), strict=False)]


class Voices:
    """Receives the utterances of a recording, then assigns them to speakers.

    Args:
        encoder: computes the voice prints.
    """

    def __init__(self, encoder: VoiceEncoder) -> None:
        self._encoder = encoder
        #: Of each span: its voice print, its duration, and the stretch of time that it stands for.
        self._prints: list[Floats] = []
        self._durations: list[float] = []
        self._stretches: list[tuple[int, int]] = []

    def take(self, utterance: Piece) -> None:
        """Compute the voice prints of an utterance."""
        if found := spans(utterance.pcm):
            self._prints += list(self._encoder.prints(utterance.pcm, found))
            self._durations += _durations(found).tolist()
            self._stretches += pairwise(_borders(found, utterance))

    @property
    def speech_ms(self) -> int:
        return sum(end - start for start, end in self._stretches)

    def overall_print(self) -> Floats:
        """Return the voice print of all received speech, taken to be of one person.

        Raises:
            TooLittleSpeech: there is less than `MIN_SPEECH_MS` of it.
        """
        if self.speech_ms < MIN_SPEECH_MS:
            raise TooLittleSpeech(
                f"There is too little speech for a voice print: {self.speech_ms / 1000:.1f} s of the required "
                f"{MIN_SPEECH_MS / 1000:.0f} s."
            )
        return _mean(np.stack(self._prints), np.array(self._durations))

    def told_apart(
        self, count: int = 0, checkpoint: Callable[[], None] = lambda: None
    ) -> tuple[list[Speaker], list[Turn]]:
        """Return the speakers, in the order of their first turns, and the turns.

        Args:
            count: number of speakers; 0 = estimate it.
            checkpoint: called regularly; may raise.
        """
        if not self._prints:
            return [], []
        prints, durations = np.stack(self._prints), np.array(self._durations)
        labels, is_telling = _voices(in_voice_space(prints), durations, count, _MIN_VOICE_MS, checkpoint)
        order = {number: f"S{place}" for place, number in enumerate(dict.fromkeys(labels.tolist()), 1)}
        turns = _turns(self._stretches, [order[number] for number in labels.tolist()])
        speech = dict.fromkeys(order.values(), 0)
        for turn in turns:
            speech[turn.label] += turn.end_ms - turn.start_ms
        speakers = []
        for number, label in order.items():
            own = (labels == number) & is_telling
            own = own if own.any() else labels == number
            speakers.append(Speaker(label, _mean(prints[own], durations[own]), speech[label]))
        return speakers, turns


def _voices(
    vectors: Floats,
    durations: NDArray[np.float64],
    count: int,
    min_voice_ms: int,
    checkpoint: Callable[[], None],
) -> tuple[Labels, NDArray[np.bool_]]:
    """Return the number of the voice of each span, and which spans were compared to find the voices.

    Args:
        count: number of voices; 0 = estimate it.
        min_voice_ms: minimum speech of an estimated voice.
    """
    is_telling = durations >= _TELLING_MS
    if is_telling.sum() <= count:
        is_telling = np.ones_like(is_telling)
    telling, lasting = vectors[is_telling], durations[is_telling]
    labels = cluster(telling, lasting, count, checkpoint)
    found = centres(telling, labels, lasting)
    if not count:
        speech = np.bincount(labels, lasting, len(found))
        found = found[(speech >= min_voice_ms) | (speech == speech.max())]
    scores = (vectors @ found.T).astype(np.float64) * np.minimum(durations / _SURE_MS, 1)[:, None]
    return _most_likely(scores), is_telling


def _most_likely(scores: NDArray[np.float64]) -> Labels:
    """Return the sequence of voices with the highest sum of scores, less `_CHANGE` for each change (Viterbi)."""
    best = scores[0]
    came_from = []
    for row in scores[1:]:
        other = best.argmax()
        changes = best[other] - _CHANGE > best
        came_from.append(np.where(changes, other, np.arange(len(best))))
        best = np.where(changes, best[other] - _CHANGE, best) + row
    labels = [int(best.argmax())]
    for sources in reversed(came_from):
        labels.append(int(sources[labels[-1]]))
    return np.array(labels[::-1], dtype=np.intp)


def _durations(found: list[Span]) -> NDArray[np.float64]:
    """Return the durations of spans in ms."""
    return np.array([(end - first) * FRAME_MS for first, end in found], dtype=np.float64)


def _borders(found: list[Span], utterance: Piece) -> list[int]:
    """Return the times between which the spans of an utterance lie: its ends, and the middles of its pauses."""
    middles = [(one[1] + other[0]) // 2 * FRAME_MS for one, other in pairwise(found)]
    return [utterance.start_ms, *(utterance.start_ms + middle for middle in middles), utterance.end_ms]


def _mean(prints: Floats, durations: NDArray[np.float64]) -> Floats:
    return normalised(np.average(prints, axis=0, weights=durations).astype(np.float32))


def _turns(stretches: list[tuple[int, int]], labels: list[str]) -> list[Turn]:
    turns: list[Turn] = []
    for (start, end), label in zip(stretches, labels, strict=True):
        if turns and turns[-1].label == label and start - turns[-1].end_ms <= _PAUSE_MS:
            turns[-1] = Turn(turns[-1].start_ms, end, label)
        else:
            turns.append(Turn(start, end, label))
    return turns
