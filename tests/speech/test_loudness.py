"""Quiet recordings, quiet sides and clipped ones: the words are those of a recording of normal loudness."""

import io
import struct
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from bench.word_error import word_error
from speechnode.engines.decode import Decoder
from speechnode.engines.loudness import Quantizer
from speechnode.engines.vad import VoiceSegments

RATE = 16_000


@pytest.fixture(scope="module", params=["moonshine", "sphinx"])
def recogniser(request: pytest.FixtureRequest) -> Any:
    return import_module(f"speechnode.engines.{request.param}").Recogniser()


@pytest.fixture(scope="module")
def speech(meeting_pcm: bytes) -> np.ndarray:
    """The fourth line of the meeting, as numbers from -1 to 1."""
    return np.frombuffer(meeting_pcm[32 * 15_500 : 32 * 21_000], "<i2") / np.float32(32768)


@pytest.fixture(scope="module")
def normal(recogniser: Any, speech: np.ndarray) -> str:
    return words(recogniser, wav(speech, "<f4"))


def wav(samples: np.ndarray, kind: str) -> bytes:
    """Return a WAV file of 16 or 24 bits, or of floating-point numbers, which may go beyond full scale."""
    if kind == "<i3":
        whole = (samples * 2**23).round().clip(-(2**23), 2**23 - 1).astype("<i4")
        data = whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    elif kind == "<i2":
        data = (samples * 32768).round().clip(-32768, 32767).astype("<i2").tobytes()
    else:
        data = samples.astype("<f4").tobytes()
    size = int(kind[-1])
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3 if kind == "<f4" else 1, 1, RATE, RATE * size, size, size * 8)
    return (
        struct.pack("<4sI4s", b"RIFF", len(data) + 36, b"WAVE") + form + struct.pack("<4sI", b"data", len(data)) + data
    )


def words(recogniser: Any, file: bytes) -> str:
    voices = VoiceSegments()
    utterances = [piece for pcm in Decoder(io.BytesIO(file)) for piece in voices.feed(pcm)] + voices.finish()
    return " ".join(word.text for piece in utterances for word in recogniser.recognise(piece.pcm).words)


@pytest.mark.parametrize(
    ("decibels", "kind", "errors"),
    [(-25, "<i2", 0), (-40, "<i2", 1), (-50, "<i2", 2), (-60, "<i3", 1), (-80, "<f4", 1), (14, "<f4", 1)],
)
def test_words_do_not_depend_on_loudness(
    recogniser: Any, speech: np.ndarray, normal: str, decibels: int, kind: str, errors: int
) -> None:
    found = words(recogniser, wav(speech * np.float32(10 ** (decibels / 20)), kind))
    assert word_error(normal, found).errors <= errors, f"{normal!r} became {found!r}"


def test_normal_loudness_is_not_changed(speech: np.ndarray) -> None:
    exact = (speech * 32768).round().astype("<i2")
    assert b"".join(Decoder(io.BytesIO(wav(speech, "<i2")))) == exact.tobytes()


def test_sound_beyond_full_scale_keeps_its_form() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE).astype(np.float32)
    pcm = np.frombuffer(b"".join(Decoder(io.BytesIO(wav(tone * 8, "<f4")))), "<i2") / 32768
    assert np.abs(pcm - tone).max() < 0.01


def test_quiet_side_is_detected_after_a_loud_one(meeting_pcm: bytes) -> None:
    samples = np.frombuffer(meeting_pcm, "<i2").astype(np.float32)
    samples[round(15.6 * RATE) : round(20.9 * RATE)] *= 10 ** (-40 / 20)
    ended = VoiceSegments()
    quiet = ended.feed(samples.round().astype("<i2").tobytes()) + ended.finish()
    whole = VoiceSegments()
    loud = whole.feed(meeting_pcm) + whole.finish()
    for quiet_piece, piece in zip(quiet, loud, strict=True):
        assert quiet_piece.start_ms == pytest.approx(piece.start_ms, abs=200)
        assert quiet_piece.end_ms == pytest.approx(piece.end_ms, abs=200)


@pytest.mark.parametrize("decibels", [-20, -60, -80, -90])
def test_noise_is_not_speech_however_it_is_raised(decibels: int) -> None:
    noise = np.random.default_rng(1).normal(0, 10 ** (decibels / 20), 15 * RATE).astype(np.float32)
    for kind in ("<i2", "<f4"):
        voices = VoiceSegments()
        assert [piece for pcm in Decoder(io.BytesIO(wav(noise, kind))) for piece in voices.feed(pcm)] == []


@pytest.mark.parametrize("damaged", [np.nan, np.inf, -1e38])
def test_damaged_sample_does_not_silence_the_rest(damaged: float) -> None:
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE)).astype(np.float32)
    tone[RATE] = damaged
    pcm = np.frombuffer(b"".join(Decoder(io.BytesIO(wav(tone, "<f4")))), "<i2") / 32768
    assert np.abs(pcm[9 * RATE :] - tone[9 * RATE :]).max() < 0.01


def test_gain_changes_slowly() -> None:
    quantizer = Quantizer()
    loud, quiet = np.full(RATE, 0.9, np.float32), np.full(RATE, 0.001, np.float32)
    pcm = (
        np.frombuffer(
            quantizer.pcm(loud, may_raise=True) + b"".join(quantizer.pcm(quiet, may_raise=True) for _ in range(30)),
            "<i2",
        )
        / 32768
    )
    assert pcm[:RATE] == pytest.approx(0.9, abs=0.001)
    assert pcm[RATE : 10 * RATE] == pytest.approx(0.001, abs=0.0001)
    assert pcm[-1] == pytest.approx(0.01, abs=0.002)
    assert np.abs(np.diff(pcm[RATE:])).max() < 0.0001
