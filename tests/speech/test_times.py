"""Times of samples: those that the file states, however its sound is interrupted."""

import io
import struct
from collections.abc import Sequence

import numpy as np
import pytest

from speechnode.engines.decode import Decoder
from speechnode.failures import TooLarge
from tests.support.sound_files import RATE, Part, Sound, sound_file, tone

#: Container, codec, rate.
TIMED = [
    ("matroska", "pcm_s16le", RATE),
    ("webm", "libopus", RATE),
    ("mp4", "aac", RATE),
    ("mpegts", "mp2", RATE),
    ("ogg", "libopus", RATE),
    ("flv", "aac", 44_100),
]


def heard(file: bytes, start_ms: int = 0) -> tuple[list[float], str, str]:
    """Return when tones begin and end, in seconds, and the two sentences of the decoder."""
    decoder = Decoder(io.BytesIO(file), start_ms)
    samples = np.abs(np.frombuffer(b"".join(decoder), "<i2").astype(int))
    loud = [bool(samples[at : at + 160].max() > 1000) for at in range(0, len(samples), 160)]
    edges = np.flatnonzero(np.diff([False, *loud, False])) / 100
    return edges.tolist(), decoder.incomplete_reason, decoder.notice


def are(times: Sequence[float]) -> object:
    return pytest.approx(times, abs=0.04)


@pytest.mark.parametrize(("container", "codec", "rate"), TIMED)
def test_pause_of_the_recorder_is_silence_of_the_same_length(container: str, codec: str, rate: int) -> None:
    file = sound_file(container, Sound([Part(0, tone(2, rate=rate)), Part(5, tone(1, rate=rate))], codec, rate))
    assert heard(file) == (are([0, 2, 5, 6]), "", "")
    assert heard(file, 1500) == (are([0, 0.5, 3.5, 4.5]), "", "")


@pytest.mark.parametrize(("container", "codec"), [("matroska", "pcm_s16le"), ("mp4", "aac"), ("mpegts", "mp2")])
@pytest.mark.parametrize("picture_seconds", [0, 8])
def test_sound_that_begins_late_is_late(container: str, codec: str, picture_seconds: int) -> None:
    file = sound_file(container, Sound([Part(3, tone(2))], codec), picture_seconds=picture_seconds)
    # A transport stream may begin at any time, so that alone its sound is at its beginning.
    begin = 0 if container == "mpegts" and not picture_seconds else 3
    assert heard(file) == (are([begin, begin + 2]), "", "")


def test_lost_packets_are_silence() -> None:
    file = sound_file("webm", Sound([Part(0, tone(4))], "libopus", lost=frozenset(range(60, 120))))
    assert heard(file) == (are([0, 1.2, 2.4, 4]), "", "")


def test_many_short_losses_add_up() -> None:
    file = sound_file(
        "webm", Sound([Part(0, tone(20)), Part(21, tone(1))], "libopus", lost=frozenset(range(5, 900, 10)))
    )
    times, incomplete, _ = heard(file)
    assert (times[-2:], incomplete) == (are([21, 22]), "")


def test_times_that_waver_change_nothing() -> None:
    # Frames of 20 ms, each late by 0 to 40 ms.
    parts = [Part(number / 50 + (number % 5) / 100, tone(0.0215)) for number in range(200)]
    decoder = Decoder(io.BytesIO(sound_file("matroska", Sound(parts))))
    assert len(b"".join(decoder)) / 32_000 == pytest.approx(200 * 1024 / RATE + 0.04, abs=0.03)


@pytest.mark.parametrize("days", [1, 1000])
def test_false_clock_is_not_followed(days: int) -> None:
    file = sound_file("matroska", Sound([Part(0, tone(2)), Part(days * 86_400, tone(2))]))
    times, incomplete, notice = heard(file)
    assert (times, incomplete) == (are([0, 4]), "")
    assert notice.startswith("The times in this file jump by more than 1 hour; that pause is omitted")


def test_times_before_zero_do_not_matter() -> None:
    assert heard(sound_file("matroska", Sound([Part(-2, tone(2)), Part(1, tone(1))])))[0] == are([0, 2, 3, 4])


def test_silence_counts_for_the_limit() -> None:
    file = sound_file("matroska", Sound([Part(hour * 3000, tone(0.1)) for hour in range(20)]))
    with pytest.raises(TooLarge):
        for _ in Decoder(io.BytesIO(file), max_seconds=7200):
            pass


@pytest.mark.parametrize(("container", "codec"), [("matroska", "pcm_s16le"), ("mp4", "aac"), ("avi", "pcm_s16le")])
def test_sound_shorter_than_its_pictures_is_complete(container: str, codec: str) -> None:
    file = sound_file(container, Sound([Part(0, tone(2))], codec), picture_seconds=60)
    assert heard(file) == (are([0, 2]), "", "")


def wav(declared: int, *, riff: int | None = None, seconds: float = 2.0, before: bytes = b"") -> bytes:
    """Return a WAV file whose header declares so many bytes of samples."""
    data = (tone(seconds, rate=16_000)[0] * 32767).astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    size = declared + 36 + len(before) if riff is None else riff
    return (
        struct.pack("<4sI4s", b"RIFF", size % 2**32, b"WAVE")
        + before
        + form
        + struct.pack("<4sI", b"data", declared)
        + data
    )


@pytest.mark.parametrize(
    ("declared", "riff"),
    [
        (64_000, None),
        (64_008, 64_052),
        (64_000, 2_000_000_036),
        (90_000, None),
        (0, 0),
        (0x7FFFF000, 0x7FFFF024),
        (0x80000000, 0x80000024),
        (2_000_000_000, 2_000_000_036),
        (0x7FFFFFFF - 36, 0x7FFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF - 44, 0xFFFFFFFF),
    ],
)
def test_wav_with_the_sizes_that_programs_declare_is_complete(declared: int, riff: int | None) -> None:
    assert heard(wav(declared, riff=riff)) == (are([0, 2]), "", "")


@pytest.mark.parametrize("declared", [96_000, 1_000_000_000, 1_899_999_998])
def test_wav_without_seconds_of_its_samples_was_cut_off(declared: int) -> None:
    extra = struct.pack("<4sI", b"LIST", 4) + b"INFO"
    for before in (b"", extra):
        assert "cut off" in heard(wav(declared, before=before))[1]


def test_movie_with_its_end_missing_was_cut_off() -> None:
    file = sound_file("matroska", Sound([Part(0, tone(8))]), picture_seconds=8)
    times, incomplete, _ = heard(file[: len(file) // 2])
    assert times == [0, pytest.approx(4, abs=0.5)]
    assert incomplete.startswith("The file was cut off: its declared duration is 8 s, but it contains ")


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("version", ["0", "4"])
def test_mp3_that_declares_its_duration_was_cut_off(rate: int, version: str) -> None:
    sound = Sound([Part(0, tone(8, rate=rate))], "libmp3lame", rate)
    file = sound_file("mp3", sound, options={"id3v2_version": version})
    assert heard(file)[1] == ""
    assert "cut off: its declared duration is 8 s, but it contains 4 s" in heard(file[: len(file) // 2])[1]
