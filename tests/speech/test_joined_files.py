"""Sound whose rate, channels or codec change within a file."""

import io
import time
from typing import Any

import numpy as np
import pytest

from speechnode.engines.decode import Decoder
from speechnode.engines.joined_files import views
from tests.support.sound_files import Part, Sound, sound_file, tone

FORMATS: list[tuple[str, str, tuple[int, int]]] = [
    ("ogg", "libopus", (48_000, 48_000)),
    ("webm", "libopus", (48_000, 48_000)),
    ("matroska", "aac", (16_000, 48_000)),
    ("mp4", "aac", (16_000, 48_000)),
    ("adts", "aac", (16_000, 48_000)),
    ("mp3", "libmp3lame", (16_000, 44_100)),
    ("mpegts", "mp2", (32_000, 48_000)),
    ("flac", "flac", (16_000, 48_000)),
    ("wav", "pcm_s16le", (8_000, 44_100)),
    ("aiff", "pcm_s16be", (8_000, 44_100)),
    ("caf", "pcm_s16le", (8_000, 48_000)),
    ("flv", "aac", (22_050, 44_100)),
    ("avi", "libmp3lame", (16_000, 44_100)),
    ("ac3", "ac3", (32_000, 48_000)),
]


def part(container: str, codec: str, rate: int, hertz: float, channels: int, seconds: float = 2) -> bytes:
    samples = np.repeat(tone(seconds, hertz, rate), channels, axis=0)
    return sound_file(container, Sound([Part(0, samples)], codec, rate))


def pitches(samples: np.ndarray) -> list[float]:
    """Return the loudest frequency in the middle of each second."""
    middles = [samples[at + 4000 : at + 12_000] for at in range(0, len(samples) - 12_000, 16_000)]
    return [float(np.abs(np.fft.rfft(middle)).argmax() * 2) for middle in middles]


@pytest.mark.parametrize("channels", [(1, 2), (2, 1), (1, 1)])
@pytest.mark.parametrize(("container", "codec", "rates"), FORMATS)
def test_all_of_joined_files_is_decoded(
    container: str, codec: str, rates: tuple[int, int], channels: tuple[int, int]
) -> None:
    first = part(container, codec, rates[0], 440, channels[0])
    second = part(container, codec, rates[1], 1000, channels[1])
    decoder = Decoder(io.BytesIO(first + second))
    samples = np.frombuffer(b"".join(decoder), "<i2")
    assert (decoder.incomplete_reason, decoder.notice) == ("", "")
    assert len(samples) / 16_000 == pytest.approx(4, abs=0.2)
    assert pitches(samples) == pytest.approx([440, 440, 1000, 1000], abs=6)
    later = np.frombuffer(b"".join(Decoder(io.BytesIO(first + second), 3000)), "<i2")
    assert np.array_equal(later, samples[3 * 16_000 :])


def test_codec_may_change_between_chained_streams() -> None:
    file = part("ogg", "libopus", 48_000, 440, 1) + part("ogg", "flac", 16_000, 1000, 2)
    assert pitches(np.frombuffer(b"".join(Decoder(io.BytesIO(file))), "<i2")) == pytest.approx(
        [440, 440, 1000, 1000], abs=6
    )


def test_declared_duration_is_that_of_all_files() -> None:
    file = part("flac", "flac", 16_000, 440, 1) * 3
    assert Decoder(io.BytesIO(file)).expected_ms() == pytest.approx(6000, abs=200)


@pytest.mark.parametrize("tail", [b"RIFF\x00\x00\x00\x00WAVE" + bytes(50), b"RIFF", bytes(200)])
def test_what_only_looks_like_another_file_is_ignored(tail: bytes) -> None:
    decoder = Decoder(io.BytesIO(part("wav", "pcm_s16le", 16_000, 440, 1) + tail))
    assert len(b"".join(decoder)) / 32_000 == pytest.approx(2, abs=0.1)
    assert decoder.incomplete_reason == ""


def test_marks_are_found_wherever_blocks_of_reading_end() -> None:
    first = part("wav", "pcm_s16le", 16_000, 440, 1)
    for length in range((1 << 20) - 16, (1 << 20) + 4, 3):
        filled = first + bytes(length - len(first))
        assert [view.size for view in views(io.BytesIO(filled + first))] == [length, len(first)]


@pytest.mark.parametrize("kind", ["frames", "chains"])
def test_many_changes_take_limited_time(kind: str) -> None:
    file: bytes
    if kind == "frames":
        mono, stereo = (adts_frames(part("adts", "aac", 48_000, 440, channels)) for channels in (1, 2))
        file = b"".join(one + other for one, other in zip(mono, stereo, strict=True)) * 8
    else:
        file = part("ogg", "libopus", 48_000, 440, 1, 0.06) * 1500
    begun = time.process_time()
    decoder = Decoder(io.BytesIO(file))
    seconds = len(b"".join(decoder)) / 32_000
    assert seconds > 28
    assert time.process_time() - begun < 20


def adts_frames(file: bytes) -> list[bytes]:
    frames: list[Any] = []
    while len(file) > 7:
        length = (file[3] & 3) << 11 | file[4] << 3 | file[5] >> 5
        frames.append(file[:length])
        file = file[length:]
    return frames
