"""Mixing: several channels, or several tracks, to one."""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

#: Correlation below which a channel is taken for an inverted copy of another. Microphones side by side that are not
#: inverted have a positive one, and voices on separate channels one of about 0.
_INVERTED = -0.5
#: Proportion of what is known of the channels that is kept for each second.
_KEPT_PER_SECOND = 0.8


class Mixer:
    """Mixes channels to their mean, inverting those that would cancel others.

    Attributes:
        has_inverted: whether a channel was inverted against another.
    """

    def __init__(self) -> None:
        self.has_inverted = False
        self._products: NDArray[np.float64] = np.zeros((0, 0))

    def mix(self, channels: Samples, seconds: float = 1.0) -> Samples:
        """Return the mean of channels.

        Args:
            channels: an array of (channels, samples), the continuation of the last one.
            seconds: its length.
        """
        if len(channels) == 1:
            alone: Samples = channels[0]
            return alone
        if len(self._products) != len(channels):
            self._products = np.zeros((len(channels), len(channels)))
        exact = channels.astype(np.float64)
        self._products = self._products * _KEPT_PER_SECOND**seconds + exact @ exact.T
        signs = self._signs()
        self.has_inverted |= bool((signs < 0).any())
        mixed: Samples = (signs @ channels / len(channels)).astype(np.float32)
        return mixed

    def _signs(self) -> NDArray[np.float32]:
        """Return -1 for channels that are inverted against the loudest one, otherwise 1."""
        energies = np.diag(self._products)
        loudest = int(energies.argmax())
        scale = np.sqrt(energies * energies[loudest])
        alike = np.divide(self._products[loudest], scale, out=np.zeros(len(scale)), where=scale > 0)
        signs = np.where(alike < _INVERTED, -1, 1).astype(np.float32)
        # Whichever is the loudest, the first channel stays as it is, so that the sum does not turn on its way.
        result: NDArray[np.float32] = signs * signs[0]
        return result
