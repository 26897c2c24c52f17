"""Peaks of a recording, for drawing its waveform."""

from typing import TYPE_CHECKING

import numpy as np

from speechnode.engines.pcm import RATE, Piece

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The largest number of peaks of a recording.
MAX_PEAKS = 4_000
#: How long the sound of one measured peak is.
_STEP_MS = 10
_STEP = RATE * _STEP_MS // 1000
_FULL_SCALE = 32_768


class Peaks:
    """The greatest amplitude of each 10 ms of a recording."""

    def __init__(self) -> None:
        self._measured = bytearray()
        self._rest: NDArray[np.int16] = np.empty(0, np.int16)

    def add(self, piece: Piece) -> None:
        """Measure the next samples. The time between two pieces is silent."""
        missing = piece.start_ms // _STEP_MS - len(self._measured) - len(self._rest) // _STEP
        if missing > 1:  # Less may be a matter of rounding.
            self._measure(np.pad(self._rest, (0, -len(self._rest) % _STEP)))
            self._measured += bytes(piece.start_ms // _STEP_MS - len(self._measured))
        self._measure(np.concatenate([self._rest, np.frombuffer(piece.pcm, np.int16)]))

    def result(self) -> bytes:
        """Return at most `MAX_PEAKS` peaks of equal spans, from 0 (silence) to 255 (full scale), one byte each."""
        if len(self._rest):
            self._measure(np.pad(self._rest, (0, -len(self._rest) % _STEP)))
        measured = np.frombuffer(bytes(self._measured), np.uint8)
        if len(measured) <= MAX_PEAKS:
            return measured.tobytes()
        begins = np.arange(MAX_PEAKS) * len(measured) // MAX_PEAKS
        return np.maximum.reduceat(measured, begins).tobytes()

    def _measure(self, samples: "NDArray[np.int16]") -> None:
        whole = len(samples) // _STEP * _STEP
        self._rest = samples[whole:]
        if whole:
            loudest = np.abs(samples[:whole].astype(np.int32)).reshape(-1, _STEP).max(axis=1)
            self._measured += (loudest * 255 // _FULL_SCALE).astype(np.uint8).tobytes()
