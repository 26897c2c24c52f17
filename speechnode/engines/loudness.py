"""Loudness: quiet recordings, and quiet parts, reach the engines at the level of loud ones."""

import numpy as np
from numpy.typing import NDArray

from speechnode.engines.pcm import RATE

Samples = NDArray[np.float32]

#: The loudness of an utterance is that of this quantile of its amplitudes, so that a click does not decide. It is set
#: to `_PEAK`, by at most 60 dB: of speech that is quieter still, 16 bits do not keep enough.
_PEAK_QUANTILE, _PEAK, _MAX_GAIN = 0.999, 0.5, 10 ** (60 / 20)
#: The input of the voice detection is raised to this peak, by at most 50 dB. It detects speech of that loudness as well
#: as louder speech; without it, it detects a third of speech at -50 dB.
_DETECTED_PEAK, _MAX_DETECTED_GAIN = 0.1, 10 ** (50 / 20)
#: How fast the gain rises after something loud, in dB per second, so that a voice of -40 dB is detected within 0.1 s of
#: one of 0 dB. With 6 to 40 dB, no more white noise or music is taken for speech; with 80 dB, pauses are missed.
_RISE = 30.0
#: The same for the samples of a file that has more than 16 bits: peaks below -40 dB would lose too much.
_KEPT_PEAK, _MAX_KEPT_GAIN, _KEPT_RISE = 0.01, 10 ** (40 / 20), 3.0


class _Peak:
    """The peak of a signal, which falls slowly.

    Args:
        fall: in dB per second.
    """

    def __init__(self, fall: float) -> None:
        self._fall = fall
        self._peak = 0.0

    def after(self, samples: Samples) -> float:
        """Return the peak after these samples."""
        fallen = self._peak * 10 ** (-self._fall * len(samples) / RATE / 20)
        self._peak = max(fallen, float(np.abs(samples).max(initial=0)))
        return self._peak


class DetectionGain:
    """Raises quiet samples for the voice detection."""

    def __init__(self) -> None:
        self._peak = _Peak(_RISE)

    def raised(self, pcm: bytes) -> bytes:
        """Return samples at the loudness for voice detection; loud ones as they are."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
        gain = min(_MAX_DETECTED_GAIN, _DETECTED_PEAK / max(self._peak.after(samples), 1e-9))
        return pcm if gain <= 1 else to_pcm(samples * np.float32(gain))


class Quantizer:
    """Converts samples of a file to 16 bits: those beyond full scale are lowered, very quiet ones raised, slowly."""

    def __init__(self) -> None:
        self._peak = _Peak(_KEPT_RISE)
        self._gain = 0.0

    def pcm(self, samples: Samples, *, may_raise: bool) -> bytes:
        """Return the next samples.

        Args:
            may_raise: whether they have more than 16 bits.
        """
        peak = self._peak.after(samples)
        gain = max(1.0, min(_MAX_KEPT_GAIN, _KEPT_PEAK / max(peak, 1e-9))) if may_raise else 1.0
        if peak > 1:
            gain = 1 / peak
        # A lower gain holds at once, since the samples would be clipped.
        begin = min(gain, self._gain or gain)
        self._gain = gain
        if begin == gain == 1:
            return to_pcm(samples)
        return to_pcm(samples * np.linspace(begin, gain, len(samples), dtype=np.float32))


def evened_out(samples: Samples) -> Samples:
    """Return an utterance at the loudness that recognisers expect, near and far from the microphone alike."""
    peak = float(np.quantile(np.abs(samples), _PEAK_QUANTILE)) if len(samples) else 0.0
    return (samples * min(_MAX_GAIN, _PEAK / max(peak, 1e-9))).clip(-1, 1).astype(np.float32)


def to_pcm(samples: Samples) -> bytes:
    """Convert samples to 16 bits."""
    return (samples * 32768).round().clip(-32768, 32767).astype("<i2").tobytes()
