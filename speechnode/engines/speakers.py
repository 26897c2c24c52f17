"""Diarization by voice prints: the speakers of a recording, and their turns."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from speechnode.engines.clustering import centres, cluster
from speechnode.engines.pcm import Piece
from speechnode.engines.voice_prints import WINDOW_FRAMES, Floats, VoiceEncoder, normalised
from speechnode.failures import TooLittleSpeech

_FRAME_MS = 10
_STEP_FRAMES = WINDOW_FRAMES // 2
#: A shorter utterance does not identify its voice well enough to be clustered.
_TELLING_MS = 1000
#: Minimum duration of speech for a voice print.
MIN_SPEECH_MS = 3000
#: Longest pause within a turn.
_PAUSE_MS = 1000


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
    """Distinguishes voices by the voice prints of windows of 1.6 s."""

    def __init__(self) -> None:
        self._encoder = VoiceEncoder()

    def listen(self) -> "Voices":
        """Return a listener for one recording."""
        return Voices(self._encoder)


class Voices:
    """Receives the utterances of a recording, then assigns them to speakers.

    Args:
        encoder: computes the voice prints.
    """

    def __init__(self, encoder: VoiceEncoder) -> None:
        self._encoder = encoder
        self._prints: list[Floats] = []
        #: The stretch of time of each print, and whether its utterance is long enough to be clustered.
        self._stretches: list[tuple[int, int]] = []
        self._telling: list[bool] = []

    def take(self, utterance: Piece) -> None:
        """Compute the voice prints of an utterance."""
        length = utterance.end_ms - utterance.start_ms
        starts = _window_starts(length // _FRAME_MS)
        # Windows overlap by half: each represents the time that is nearest to its middle.
        middles = [(start + _STEP_FRAMES) * _FRAME_MS for start in starts]
        borders = [0, *((one + other) // 2 for one, other in pairwise(middles)), length]
        self._prints += list(self._encoder.prints(utterance.pcm, starts))
        self._stretches += [(utterance.start_ms + begin, utterance.start_ms + end) for begin, end in pairwise(borders)]
        self._telling += [length >= _TELLING_MS] * len(starts)

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
        return normalised(np.mean(self._prints, axis=0))

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
        prints = np.stack(self._prints)
        telling = np.array(self._telling)
        if not telling.any():
            telling[:] = True
        found = centres(prints[telling], cluster(prints[telling], count, checkpoint))
        labels = (prints @ found.T).argmax(axis=1)
        order = {number: f"S{place}" for place, number in enumerate(dict.fromkeys(labels.tolist()), 1)}
        turns = _turns(self._stretches, [order[number] for number in labels.tolist()])
        speech = dict.fromkeys(order.values(), 0)
        for turn in turns:
            speech[turn.label] += turn.end_ms - turn.start_ms
        return [Speaker(label, found[number], speech[label]) for number, label in order.items()], turns


def _window_starts(frames: int) -> list[int]:
    """Return the starts of windows that cover an utterance; the last window ends with it."""
    starts = list(range(0, max(1, frames - WINDOW_FRAMES + 1), _STEP_FRAMES))
    last = frames - WINDOW_FRAMES
    if last - starts[-1] >= _STEP_FRAMES // 2:
        starts.append(last)
    return starts


def _turns(stretches: list[tuple[int, int]], labels: list[str]) -> list[Turn]:
    turns: list[Turn] = []
    for (start, end), label in zip(stretches, labels, strict=True):
        if turns and turns[-1].label == label and start - turns[-1].end_ms <= _PAUSE_MS:
            turns[-1] = Turn(turns[-1].start_ms, end, label)
        else:
            turns.append(Turn(start, end, label))
    return turns
