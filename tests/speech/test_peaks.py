"""The peaks of a recording."""

import numpy as np
import pytest

from speechnode.engines.pcm import Piece
from speechnode.engines.peaks import MAX_PEAKS, Peaks


def pcm(*levels: float, steps: int = 1) -> bytes:
    """Return a part of `steps` times 10 ms at each of these amplitudes (1 = full scale)."""
    samples = [np.full(160 * steps, round(level * 32767), np.int16) for level in levels]
    return np.concatenate(samples).tobytes()


def peaks_of(*pieces: Piece) -> list[int]:
    peaks = Peaks()
    for piece in pieces:
        peaks.add(piece)
    return list(peaks.result())


def test_each_peak_is_the_greatest_amplitude_of_10_ms() -> None:
    assert peaks_of(Piece(0, pcm(0, 1, 0.5, -1))) == [0, 254, 127, 254]


@pytest.mark.parametrize("size", [2, 100, 319 * 2, 320, 1_000])
def test_size_of_the_pieces_does_not_matter(size: int) -> None:
    sound = pcm(0.1, 0.9, 0.3, 0.2, 0.7)
    parts = [sound[at : at + size] for at in range(0, len(sound), size)]
    pieces = [Piece(at * size // 32, part) for at, part in enumerate(parts)]
    assert peaks_of(*pieces) == peaks_of(Piece(0, sound))


def test_rest_of_less_than_10_ms_has_a_peak() -> None:
    assert peaks_of(Piece(0, pcm(0.5) + pcm(1)[:20])) == [127, 254]


def test_time_without_sound_is_silent() -> None:
    assert peaks_of(Piece(0, pcm(1)), Piece(50, pcm(1))) == [254, 0, 0, 0, 0, 254]


def test_long_recording_keeps_its_greatest_peaks() -> None:
    levels = np.zeros(MAX_PEAKS * 3)
    levels[[0, 7_001, -1]] = 1
    found = peaks_of(Piece(0, pcm(*levels)))
    assert len(found) == MAX_PEAKS
    assert [at for at, peak in enumerate(found) if peak] == [0, 7_001 // 3, MAX_PEAKS - 1]


def test_nothing_has_no_peaks() -> None:
    assert peaks_of() == []
