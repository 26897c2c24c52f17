"""Several channels and tracks: none of them is lost."""

import io
from typing import Any

import numpy as np
import pytest

from bench.word_error import word_error
from speechnode.engines.channels import Mixer
from speechnode.engines.decode import Decoder
from speechnode.engines.moonshine import Recogniser
from speechnode.engines.vad import VoiceSegments
from tests.support.sound_files import Part, Sound, sound_file, tone


def heard(file: bytes) -> tuple[np.ndarray, str]:
    """Return the amplitude of 440 and of 1000 Hz, and the notice."""
    decoder = Decoder(io.BytesIO(file))
    samples = np.frombuffer(b"".join(decoder), "<i2")[:32_000] / 32768
    spectrum = np.abs(np.fft.rfft(samples)) * 2 / len(samples)
    return np.array([spectrum[2 * 440 - 4 : 2 * 440 + 4].max(), spectrum[2000 - 4 : 2000 + 4].max()]), decoder.notice


LOW, HIGH, NOTHING = tone(3, 440), tone(3, 1000), np.zeros((1, 3 * 48_000), np.float32)


def sides(*channels: np.ndarray) -> Sound:
    return Sound([Part(0, np.concatenate(channels))])


@pytest.mark.parametrize(
    ("left", "right", "amplitudes", "notice"),
    [
        (LOW, LOW, (0.5, 0), ""),
        (LOW, HIGH, (0.25, 0.25), ""),
        (LOW, NOTHING, (0.5, 0), ""),
        (NOTHING, HIGH, (0, 0.5), ""),
        (LOW, -LOW, (0.5, 0), "A channel of this file is inverted"),
        (LOW, -0.6 * LOW, (0.4, 0), "A channel of this file is inverted"),
        (LOW + HIGH, -LOW - HIGH * 0.7, (0.5, 0.42), "A channel of this file is inverted"),
        (LOW, LOW - 0.3 * HIGH, (0.5, 0.075), ""),
    ],
)
def test_no_side_is_lost(left: np.ndarray, right: np.ndarray, amplitudes: tuple[float, float], notice: str) -> None:
    found, said = heard(sound_file("wav", sides(left, right)))
    assert found == pytest.approx(amplitudes, abs=0.02)
    assert said.startswith(notice)
    assert bool(said) == bool(notice)


@pytest.mark.parametrize("container", ["matroska", "mov"])
def test_all_tracks_are_mixed(container: str) -> None:
    found, said = heard(sound_file(container, sides(LOW), sides(HIGH, HIGH), sides(NOTHING)))
    assert found == pytest.approx((0.25, 0.25), abs=0.02)
    assert said == "This file has 3 sound tracks; they were mixed, and transcribed together."


def test_first_track_may_be_silent() -> None:
    assert heard(sound_file("matroska", sides(NOTHING), sides(HIGH)))[0] == pytest.approx((0, 0.5), abs=0.02)


def test_inverted_track_does_not_cancel_another() -> None:
    assert heard(sound_file("matroska", sides(LOW), sides(-LOW)))[0] == pytest.approx((0.5, 0), abs=0.02)


def test_tracks_keep_their_times() -> None:
    file = sound_file("matroska", Sound([Part(0, tone(1, 440))]), Sound([Part(2, tone(1, 1000))]))
    decoder = Decoder(io.BytesIO(file))
    samples = np.frombuffer(b"".join(decoder), "<i2")
    loud = [
        bool(np.abs(samples[at : at + 1600].astype(int)).max() > 1000) for at in range(0, len(samples) - 1600, 1600)
    ]
    assert np.flatnonzero(np.diff(loud)).tolist() == [9, 19]
    assert decoder.incomplete_reason == ""


def test_tracks_in_different_languages_are_not_mixed() -> None:
    english, german = (
        sides(samples)._replace(language=language) for samples, language in ((LOW, "eng"), (HIGH, "ger"))
    )
    found, said = heard(sound_file("matroska", english, german))
    assert found == pytest.approx((0.5, 0), abs=0.02)
    assert said == "This file has 2 sound tracks in different languages; the one in “eng” was transcribed."


def test_tracks_beyond_the_sixteenth_are_named() -> None:
    _, said = heard(sound_file("matroska", *[sides(LOW)] * 20))
    assert said == "This file has 20 sound tracks; 16 of them could be transcribed."


def test_quiet_side_of_a_call_is_not_covered_by_the_noise_of_the_other(
    meeting_pcm: bytes, meeting_lines: list[dict[str, Any]]
) -> None:
    """The second voice is softer by 30 dB; the side of the first has noise that is as loud as it."""
    lines = meeting_lines[:4]
    samples = np.frombuffer(meeting_pcm, "<i2")[: (lines[-1]["end_ms"] + 500) * 16] / np.float32(32768)
    both = np.random.default_rng(1).normal(0, [[10 ** (-50 / 20)], [10 ** (-80 / 20)]], (2, len(samples)))
    for line in lines:
        side = int(line["voice"] != lines[0]["voice"])
        part = slice(max(0, line["start_ms"] - 100) * 16, (line["end_ms"] + 100) * 16)
        both[side, part] += samples[part] * (1, 10 ** (-30 / 20))[side]
    mixer, voices, recogniser = Mixer(), VoiceSegments(), Recogniser()
    mixed = [mixer.mix(both[:, at : at + 1600].astype(np.float32)) for at in range(0, len(samples), 1600)]
    pcm = (np.concatenate(mixed) * 32767).clip(-32768, 32767).astype("<i2").tobytes()
    spoken = [
        word.text for piece in voices.feed(pcm) + voices.finish() for word in recogniser.recognise(piece.pcm).words
    ]
    assert word_error(" ".join(line["text"] for line in lines), " ".join(spoken)).rate < 0.1


@pytest.mark.parametrize("size", [17, 320, 5000])
def test_gains_do_not_depend_on_the_size_of_blocks(size: int) -> None:
    mixer = Mixer()
    stacked = np.concatenate([tone(0.3, 440, 16_000), tone(0.3, 1000, 16_000)])
    mixed = np.concatenate([mixer.mix(stacked[:, at : at + size]) for at in range(0, stacked.shape[1], size)])
    assert mixed == pytest.approx(stacked.mean(axis=0), abs=0.15)
