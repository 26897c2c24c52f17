"""Voice prints: Resemblyzer's encoder (generalised end-to-end loss, arXiv:1710.10467), run by numpy.

The similarity of two prints is their dot product. Prints have length 1 and no negative components.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechnode.engines.pcm import RATE

WEIGHTS = Path(__file__).with_name("voice_encoder.npz")
DIMENSIONS = 256
#: Window length that the network was trained with, in frames of its spectrogram; and the length of a frame in samples.
WINDOW_FRAMES = 160
_HOP = RATE // 100
WINDOW_SAMPLES = WINDOW_FRAMES * _HOP

_FFT = 400
_BANDS = 40
#: Minimum loudness: that of the network's training material.
_TARGET_RMS = 10 ** (-30 / 20)
_BATCH = 32

Floats = NDArray[np.float32]


@cache
def model_sha256() -> str:
    """Return the SHA-256 of the weights."""
    return hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()


class VoiceEncoder:
    """Computes voice prints of windows of audio."""

    def __init__(self) -> None:
        with np.load(WEIGHTS) as file:
            weights = {name: file[name].astype(np.float32) for name in file}
        self._layers = [
            (
                weights[f"lstm.weight_ih_l{layer}"].T.copy(),
                weights[f"lstm.weight_hh_l{layer}"].T.copy(),
                weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"],
            )
            for layer in range(3)
        ]
        self._linear = weights["linear.weight"].T.copy(), weights["linear.bias"]

    def prints(self, pcm: bytes, spans: Sequence[tuple[int, int]]) -> Floats:
        """Return the voice prints of spans of an utterance, one row each: the means of windows that overlap by half.

        Args:
            spans: as (first, end), in frames of 10 ms. Each is made as loud as the training material; one that is
                shorter than a window is repeated. (With silence instead, the equal error rate of half a second of 12
                people is 20 %, not 10 %.)
        """
        samples: Floats = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
        spectrogram = mel_spectrogram(samples)
        windows, counts = [], []
        for first, end in spans:
            part = samples[first * _HOP : end * _HOP]
            rms = float(np.sqrt(np.mean(part**2)))
            # The spectrogram is of power.
            frames = spectrogram[first:end] * ((_TARGET_RMS / rms) ** 2 if 0 < rms < _TARGET_RMS else 1)
            starts = _window_starts(end - first)
            windows += [np.resize(frames[start : start + WINDOW_FRAMES], (WINDOW_FRAMES, _BANDS)) for start in starts]
            counts.append(len(starts))
        batches = [self._forward(np.stack(windows[at : at + _BATCH])) for at in range(0, len(windows), _BATCH)]
        each = np.split(np.concatenate(batches), np.cumsum(counts)[:-1])
        return normalised(np.stack([prints.mean(axis=0) for prints in each]))

    def _forward(self, windows: Floats) -> Floats:
        """Run the network: (windows, frames, bands) to (windows, dimensions)."""
        sequence = windows
        for w_input, w_hidden, bias in self._layers:
            count, frames, _ = sequence.shape
            hidden_size = len(w_hidden)
            from_input = sequence @ w_input + bias
            hidden = np.zeros((count, hidden_size), np.float32)
            cell = np.zeros_like(hidden)
            sequence = np.empty((count, frames, hidden_size), np.float32)
            for frame in range(frames):
                gates = from_input[:, frame] + hidden @ w_hidden
                enter, forget, value, leave = np.split(gates, 4, axis=1)
                cell = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(value)
                hidden = _sigmoid(leave) * np.tanh(cell)
                sequence[:, frame] = hidden
        weight, bias = self._linear
        return normalised(np.maximum(hidden @ weight + bias, 0))


def _window_starts(frames: int) -> list[int]:
    """Return the starts of windows that cover a span; the last window ends with it."""
    starts = list(range(0, max(1, frames - WINDOW_FRAMES + 1), WINDOW_FRAMES // 2))
    last = frames - WINDOW_FRAMES
    if last - starts[-1] >= WINDOW_FRAMES // 4:
        starts.append(last)
    return starts


def normalised(rows: Floats) -> Floats:
    """Return the rows scaled to length 1."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    result: Floats = rows / np.maximum(lengths, 1e-9)
    return result


def mel_spectrogram(samples: Floats) -> Floats:
    """Return the power in 40 mel bands every 10 ms, as librosa 0.9 does by default (centred frames, Hann, Slaney)."""
    padded = np.pad(samples, _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT, dtype=np.float32) / _FFT)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    bands: Floats = (power @ _mel_filters().T).astype(np.float32)
    return bands


@cache
def _mel_filters() -> Floats:
    """Return (bands, frequencies): triangles of equal area, evenly spread on Slaney's mel scale from 0 to 8 kHz."""
    edges = _mel_to_hz(np.linspace(0, _hz_to_mel(RATE / 2), _BANDS + 2))
    frequencies = np.linspace(0, RATE / 2, _FFT // 2 + 1)
    widths = np.diff(edges)
    slopes = edges[:, None] - frequencies[None, :]
    rising, falling = -slopes[:-2] / widths[:-1, None], slopes[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    result: Floats = (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)
    return result


#: Slaney's scale is linear up to 1 kHz, which is 15 mel, and logarithmic above.
_LINEAR_HZ, _LINEAR_MEL, _STEP = 1000.0, 15.0, math.log(6.4) / 27


def _hz_to_mel(hertz: float) -> float:
    return _LINEAR_MEL + math.log(hertz / _LINEAR_HZ) / _STEP


def _mel_to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mels * (_LINEAR_HZ / _LINEAR_MEL)
    result: NDArray[np.float64] = np.where(
        mels < _LINEAR_MEL, linear, _LINEAR_HZ * np.exp(_STEP * (mels - _LINEAR_MEL))
    )
    return result


def _sigmoid(values: Floats) -> Floats:
    # Computed by tanh, which does not overflow.
    result: Floats = 0.5 * np.tanh(0.5 * values) + 0.5
    return result
