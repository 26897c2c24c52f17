"""Spans of an utterance between its short pauses, at which the speaker may change."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speechnode.engines.pcm import RATE

#: Spans are measured in frames of 10 ms.
FRAME_MS = 10
_FRAME = RATE * FRAME_MS // 1000
#: Shortest pause between two spans. Closures of plosives are shorter.
_PAUSE_FRAMES = 10
#: A frame belongs to a pause if it is this much less loud than the speech, or is in the lowest quarter between the
#: noise and the speech.
_BELOW_SPEECH_DB, _NOISE_SHARE = 25.0, 0.25
#: A shorter span is joined to the nearer one beside it.
_MIN_FRAMES = 25
#: A longer span is divided, because the speaker may change without a pause.
_MAX_FRAMES = 200

Span = tuple[int, int]


def spans(pcm: bytes) -> list[Span]:
    """Return the spans of an utterance as (first, end) in frames, in order. At least one, unless it lasts no frame."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    count = len(samples) // _FRAME
    if not count:
        return []
    power = (samples[: count * _FRAME].reshape(count, _FRAME) ** 2).mean(axis=1)
    found = _joined(_loud(10 * np.log10(power + 1e-3)))
    return [part for span in found or [(0, count)] for part in _divided(span)]


def _loud(level: NDArray[np.float32]) -> list[Span]:
    """Return the stretches between pauses."""
    noise, speech = np.percentile(level, (5, 90))
    is_loud = level > max(speech - _BELOW_SPEECH_DB, noise + _NOISE_SHARE * (speech - noise))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_loud.astype(np.int8), [0]])))
    loud: list[Span] = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if loud and first - loud[-1][1] < _PAUSE_FRAMES:
            loud[-1] = loud[-1][0], end
        else:
            loud.append((first, end))
    return loud


def _joined(loud: list[Span]) -> list[Span]:
    """Join short spans to the nearest one, the shortest first."""
    while len(loud) > 1:
        shortest = min(range(len(loud)), key=lambda place: loud[place][1] - loud[place][0])
        if loud[shortest][1] - loud[shortest][0] >= _MIN_FRAMES:
            break
        gaps = [other[0] - one[1] for one, other in pairwise(loud)]
        beside = [place for place in (shortest - 1, shortest) if 0 <= place < len(gaps)]
        place = min(beside, key=gaps.__getitem__)
        loud[place : place + 2] = [(loud[place][0], loud[place + 1][1])]
    return loud


def _divided(span: Span) -> list[Span]:
    first, end = span
    parts = -(-(end - first) // _MAX_FRAMES)
    bounds = [first + (end - first) * place // parts for place in range(parts + 1)]
    return list(pairwise(bounds))
