"""Detection of voice activity."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from speechnode.engines.pcm import Piece
from speechnode.engines.vad import MAX_MS, VoiceSegments, detected_from, may_be_cut


def cut(pcm: bytes, size: int = 32_000, start_ms: int = 0) -> list[Piece]:
    voices = VoiceSegments(start_ms)
    ended = [piece for at in range(0, len(pcm), size) for piece in voices.feed(pcm[at : at + size])]
    return ended + voices.finish()


def test_each_line_is_an_utterance(meeting_pcm: bytes, meeting_lines: list[dict[str, Any]]) -> None:
    found = cut(meeting_pcm)
    assert [piece.start_ms for piece in found] == pytest.approx([line["start_ms"] for line in meeting_lines], abs=300)
    assert [piece.end_ms for piece in found] == pytest.approx([line["end_ms"] for line in meeting_lines], abs=300)
    for piece in found:
        assert piece.pcm == meeting_pcm[piece.start_ms * 32 : piece.start_ms * 32 + len(piece.pcm)]


@pytest.mark.parametrize("size", [2, 1000, 10_000_000])
def test_result_does_not_depend_on_the_size_of_pieces(meeting_pcm: bytes, size: int) -> None:
    part = meeting_pcm[: 32 * 6000]
    assert cut(part, size) == cut(part)


def test_a_pause_shows_how_the_utterance_ends(meeting_pcm: bytes) -> None:
    voices = VoiceSegments()
    paused: Piece | None = None
    ends = 0
    for at in range(0, len(meeting_pcm), 1024):
        for ended in voices.feed(meeting_pcm[at : at + 1024]):
            assert ended == paused
            ends += 1
        paused = voices.paused
        assert paused is None or (voices.open is not None and voices.may_pause)
    assert ends > 5


def test_a_pause_is_probable_before_it_is_certain(meeting_pcm: bytes) -> None:
    voices = VoiceSegments()
    states = []
    for at in range(0, 32 * 8000, 1024):
        voices.feed(meeting_pcm[at : at + 1024])
        if voices.open:
            states.append((voices.may_pause, voices.paused is not None))
    assert {(False, False), (True, False), (True, True)} == set(states)


def test_long_speech_is_cut_in_time(meeting_pcm: bytes, meeting_lines: list[dict[str, Any]]) -> None:
    # Without the pauses between the lines.
    speech = b"".join(meeting_pcm[line["start_ms"] * 32 : line["end_ms"] * 32] for line in meeting_lines)
    found = cut(speech * 3)
    assert max(piece.end_ms - piece.start_ms for piece in found) <= MAX_MS
    covered = sum(piece.end_ms - piece.start_ms for piece in found)
    assert covered > 0.9 * len(speech) * 3 / 32
    for one, other in pairwise(found):
        assert one.end_ms <= other.start_ms


@pytest.mark.parametrize("decibels", [0, -40])
def test_resumed_stream_is_cut_in_the_same_places(meeting_pcm: bytes, decibels: int) -> None:
    """Also where quiet speech follows loud speech."""
    samples = np.frombuffer(meeting_pcm * 2, "<i2") * np.where(
        np.arange(len(meeting_pcm)) < 160_000, 1, 10 ** (decibels / 20)
    )
    pcm = samples.round().astype("<i2").tobytes()
    whole = cut(pcm)
    for number, piece in enumerate(whole, 1):
        begin_ms = detected_from(piece.end_ms)
        resumed = cut(pcm[begin_ms * 32 :], start_ms=begin_ms)
        assert [each for each in resumed if each.start_ms >= piece.end_ms] == whole[number:]


def test_stream_begins_anew_after_long_speech(meeting_pcm: bytes, meeting_lines: list[dict[str, Any]]) -> None:
    speech = b"".join(meeting_pcm[line["start_ms"] * 32 : line["end_ms"] * 32] for line in meeting_lines)
    whole = cut(speech * 3)
    long = [number for number, piece in enumerate(whole, 1) if may_be_cut(piece)]
    assert len(long) >= 2
    for number in long:
        begin_ms = whole[number - 1].end_ms
        assert cut((speech * 3)[begin_ms * 32 :], start_ms=begin_ms) == whole[number:]


def test_speech_is_detected_in_noise_of_a_quarter_of_its_loudness(
    meeting_pcm: bytes, meeting_lines: list[dict[str, Any]]
) -> None:
    samples = np.frombuffer(meeting_pcm, "<i2").astype(float)
    noise = np.random.default_rng(1).normal(0, np.sqrt(np.mean(samples**2)) / 4, len(samples))
    found = cut(np.clip(samples + noise, -32768, 32767).astype("<i2").tobytes())
    heard = sum(piece.end_ms - piece.start_ms for piece in found)
    spoken = sum(line["end_ms"] - line["start_ms"] for line in meeting_lines)
    assert 0.8 * spoken < heard < 1.2 * spoken


@pytest.mark.parametrize("seconds", [0, 0.01, 20])
def test_silence_is_nothing(seconds: float) -> None:
    voices = VoiceSegments()
    assert voices.feed(bytes(int(seconds * 16_000) * 2)) + voices.finish() == []
    assert voices.heard_ms == int(seconds * 1000)


def test_times_follow_the_source(meeting_pcm: bytes) -> None:
    voices = VoiceSegments()
    first = voices.feed(meeting_pcm[: 32 * 5200]) + voices.continue_at(60_000)
    later = voices.feed(meeting_pcm[: 32 * 5200]) + voices.finish()
    assert [piece.start_ms for piece in first] == [0]
    assert [piece.start_ms for piece in later] == [pytest.approx(60_000, abs=32)]
    assert voices.fed_ms == 65_200


def test_unfinished_utterance_is_visible(meeting_pcm: bytes) -> None:
    voices = VoiceSegments()
    assert voices.open is None
    voices.feed(meeting_pcm[: 32 * 2000])
    assert voices.open
    assert voices.open.end_ms > 1900
    assert voices.heard_ms == voices.open.start_ms
    voices.feed(meeting_pcm[32 * 2000 : 32 * 5650])
    assert voices.open is None
