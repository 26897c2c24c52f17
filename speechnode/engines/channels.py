"""Mixing: several channels, or several tracks, to one."""

import numpy as np
from numpy.typing import NDArray

from speechnode.engines.pcm import RATE

Samples = NDArray[np.float32]
_Numbers = NDArray[np.float64]

#: Correlation from which on channels have the same sound, and below whose opposite one is taken for an inverted copy.
#: Voices on separate channels have one of about 0.
_ALIKE = 0.5
#: Proportion of what is known of the channels that is kept for each second.
_KEPT_PER_SECOND = 0.8
#: The loudness of separate channels is measured in frames of 20 ms. Their noise is the quietest frame, which rises by
#: 3 dB per second; the speech in them falls by 40 dB per second, their peak by 1.
_FRAME = RATE // 50
_NOISE_RISE, _SPEECH_FALL, _PEAK_FALL = 10 ** (3 / 10 / 50), 10 ** (-40 / 10 / 50), 10 ** (-1 / 10 / 50)
_LEAST_NOISE = 1e-10
#: A quieter channel is raised to the loudest one by at most 30 dB.
_MAX_LIFT = 10 ** (30 / 20)


class Mixer:
    """Mixes channels. Those with the same sound are averaged, after inverting those that would cancel others.

    Separate channels, such as the two sides of a call, are raised to the same loudness; then each has a share that
    follows its speech, so that the noise of one does not cover the voice on another.

    Attributes:
        has_inverted: whether a channel was inverted against another.
    """

    def __init__(self) -> None:
        self.has_inverted = False
        self._products: _Numbers = np.zeros((0, 0))
        self._sides = _Sides(0)

    def mix(self, channels: Samples) -> Samples:
        """Return the sum of channels.

        Args:
            channels: an array of (channels, samples), the continuation of the last one.
        """
        count, length = channels.shape
        if count == 1 or not length:
            alone: Samples = channels[0]
            return alone
        if len(self._products) != count:
            self._products, self._sides = np.zeros((count, count)), _Sides(count)
        exact = channels.astype(np.float64)
        self._products = self._products * _KEPT_PER_SECOND ** (length / RATE) + exact @ exact.T
        alike = self._alike()
        signs = np.where(alike <= -_ALIKE, -1.0, 1.0)
        self.has_inverted |= bool((signs < 0).any())
        # Whichever is the loudest, the first channel stays as it is, so that the sum does not turn on its way.
        exact *= (signs * signs[0])[:, None]
        mixed = exact.mean(axis=0) if (np.abs(alike) >= _ALIKE).all() else self._sides.mix(exact)
        return mixed.astype(np.float32)

    def _alike(self) -> _Numbers:
        """Return the correlation of each channel with the loudest one."""
        energies = np.diag(self._products)
        loudest = int(energies.argmax())
        scale = np.sqrt(energies * energies[loudest])
        correlations: _Numbers = np.divide(self._products[loudest], scale, out=np.zeros(len(scale)), where=scale > 0)
        return correlations


class _Sides:
    """Mixes separate channels, by what is known of their loudness."""

    def __init__(self, count: int) -> None:
        self._noise = np.full(count, np.inf)
        self._speech = np.zeros(count)
        self._peak = np.zeros(count)
        self._gains = np.full(count, 1 / max(1, count))

    def mix(self, channels: _Numbers) -> _Numbers:
        length = channels.shape[1]
        starts = np.arange(0, length, _FRAME)
        ends = np.append(starts[1:], length)
        energies = np.add.reduceat(channels**2, starts, axis=1) / (ends - starts)
        gains = np.array([self._gains, *map(self._next_gains, energies.T)])
        self._gains = gains[-1]
        places, edges = np.arange(length), np.append(0, ends)
        mixed: _Numbers = sum(
            np.interp(places, edges, gain) * channel for gain, channel in zip(gains.T, channels, strict=True)
        )
        return mixed

    def _next_gains(self, energies: _Numbers) -> _Numbers:
        """Return the gains after a frame with these energies."""
        self._noise = np.maximum(np.minimum(self._noise * _NOISE_RISE, energies), _LEAST_NOISE)
        self._speech = np.maximum(self._speech * _SPEECH_FALL, energies / self._noise)
        self._peak = np.maximum(self._peak * _PEAK_FALL, energies)
        lifts = np.minimum(_MAX_LIFT, np.sqrt(self._peak.max() / np.maximum(self._peak, _LEAST_NOISE)))
        shares = np.sqrt(self._speech)
        result: _Numbers = lifts * shares / max(shares.sum(), 1e-9)
        return result
