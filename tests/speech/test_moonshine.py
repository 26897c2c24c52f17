"""Moonshine: what it invents, quiet recordings, times of words, and what takes its place where it cannot be used."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import grpc
import numpy as np
import pytest

from bench.word_error import word_error
from speechnode.engines import word_times
from speechnode.engines.moonshine import Recogniser, Token, is_invented, joined, read_tokens
from tandem.speech.v1 import speech_pb2 as speech
from tests.support.speech_node import SpeechNode, sent

PCM = speech.AUDIO_FORMAT_PCM_S16LE_16K
LINE = "We have decided to open it at the end of March. The budget is large enough for that."


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser()


@pytest.fixture(scope="module")
def line(meeting_pcm: bytes) -> bytes:
    """The fourth line of the meeting."""
    return meeting_pcm[32 * 15_872 : 32 * 20_704]


def asr_of(node: SpeechNode) -> speech.Engine:
    engines = node.info.GetCapabilities(speech.GetCapabilitiesRequest()).engines
    (asr,) = [engine for engine in engines if engine.kind == speech.ENGINE_KIND_ASR]
    return asr


def segments_of(node: SpeechNode, pcm: bytes) -> list[speech.Segment]:
    answers = node.asr.Transcribe(sent(speech.AsrStart(format=PCM, word_times=True), pcm))
    return [answer.segment for answer in answers if answer.HasField("segment")]


def test_text_has_case_and_punctuation_and_its_words_have_times(recogniser: Recogniser, line: bytes) -> None:
    words = recogniser.recognise(line).words
    assert " ".join(word.text for word in words) == LINE
    until_ms = 0
    for word in words:
        assert until_ms <= word.start_ms < word.end_ms <= len(line) // 32
        assert 0 < word.confidence <= 1
        until_ms = word.end_ms
    # A pause of about 300 ms is between the sentences, at 2.7 s.
    (the,) = [word for word in words if word.text == "The"]
    assert 2300 <= the.start_ms <= 3200


def test_node_reports_the_model(node: SpeechNode) -> None:
    asr = asr_of(node)
    assert (asr.name, asr.version, list(asr.languages)) == ("moonshine", version("moonshine-voice"), ["en"])
    assert len(asr.model_sha256) == 64 and asr.word_times


@pytest.mark.parametrize("decibels", [-20, -30, -40])
def test_quiet_utterances_give_the_same_words(recogniser: Recogniser, line: bytes, decibels: int) -> None:
    quiet = (np.frombuffer(line, "<i2") * 10 ** (decibels / 20)).round().astype("<i2").tobytes()
    text = " ".join(word.text for word in recogniser.recognise(quiet).words)
    assert word_error(LINE, text).rate <= 0.06


@pytest.mark.parametrize("seconds", [1, 3])
@pytest.mark.parametrize("loudness", [0.0, 0.06, 0.25])
def test_noise_gives_no_words_even_without_voice_detection(
    recogniser: Recogniser, seconds: int, loudness: float
) -> None:
    noise = np.random.default_rng(1).normal(0, loudness * 32768, 16_000 * seconds)
    assert recogniser.recognise(noise.clip(-32768, 32767).astype("<i2").tobytes()).words == []


def test_tokens_are_joined_to_words() -> None:
    content = b"\x05\xe2\x96\x81to\x08-morrow,\x02ok\x80\x01" + b"x" * 128
    pieces = read_tokens(content)
    assert pieces == ["▁to".encode(), b"-morrow,", b"ok", b"x" * 128]
    assert joined(pieces, [Token(0, 0.5), Token(1, 1.0), Token(0, 0.2), Token(2, 0.4)]) == [
        ("tomorrow,", 0.75),
        ("took", pytest.approx(0.3)),
    ]


@pytest.mark.parametrize(
    ("text", "numbers", "confidence", "seconds", "invented"),
    [
        ("Yes.", [3, 4], 0.8, 0.8, False),
        ("You", [3], 0.8, 1.0, True),
        ("You", [3], 0.95, 1.0, False),
        ("Thank you for watching!", [3, 4, 5, 6, 7], 0.75, 3.0, True),
        ("So be it.", [3, 4, 5, 6], 0.3, 1.5, True),
        ("So.", [3, 4], 0.9, 8.0, True),
        ("ha ha ha", [3, 4] * 12, 0.9, 3.1, True),
        ("...", [3], 0.9, 1.0, True),
        ("Mm.", [3, 4, 5], 0.57, 0.7, True),
        ("Laughed.", [3, 4], 0.66, 0.8, False),
        ("2-3ตวบน", [3, 4, 5], 0.9, 0.7, True),
    ],
)
def test_invented_texts(text: str, numbers: list[int], confidence: float, seconds: float, invented: bool) -> None:
    words = [(word, confidence) for word in text.split()]
    assert is_invented(words, [Token(number, confidence) for number in numbers], seconds) == invented


def test_unknown_words_share_the_time_beside_known_ones(line: bytes) -> None:
    aligner = word_times.make_aligner()
    known = LINE.split()
    aligned = word_times.times(line, known, aligner)
    within = word_times.times(line, [*known[:3], "qzxyq", "2026", *known[3:]], aligner)
    assert within[:2] == aligned[:2] and within[5:] == aligned[3:]
    around = word_times.times(line, ["Qzxyq", *known, "qzxyq", "2026."], aligner)
    assert around[2:-3] == aligned[1:-1]
    for times in (within, around):
        until_ms = 0
        for start_ms, end_ms in times:
            assert until_ms <= start_ms < end_ms <= len(line) // 32
            until_ms = end_ms


def test_without_an_aligner_times_are_shared_by_length() -> None:
    assert word_times.times(bytes(32 * 1000), ["a", "abc", "abc"], None) == [(0, 200), (200, 600), (600, 1000)]


def wrong_hash(packages: Path) -> None:
    """Make a package whose files are not those of the version."""
    folder = packages / "moonshine_voice/assets/tiny-en"
    folder.mkdir(parents=True)
    (packages / "moonshine_voice/__init__.py").touch()
    for name in ("decoder_model_merged.ort", "encoder_model.ort", "tokenizer.bin"):
        (folder / name).write_bytes(b"another model")


def test_files_with_a_wrong_hash_are_not_used(
    start_node: Callable[..., SpeechNode], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    wrong_hash(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    node = start_node()
    assert asr_of(node).name == "pocketsphinx"
    assert segments_of(node, line)[0].text.islower()
    logged = [entry for entry in node.logged() if "is not used" in str(entry)]
    assert len(logged) == 1 and "is not the file of version 0.1.0" in str(logged)


def test_model_that_cannot_be_loaded_is_replaced_for_the_next_call(
    start_node: Callable[..., SpeechNode], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('no such library')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    node = start_node()
    with pytest.raises(grpc.RpcError) as failed:
        segments_of(node, line)
    assert failed.value.code() == grpc.StatusCode.UNAVAILABLE
    assert segments_of(node, line)[0].text.islower()
    assert asr_of(node).name == "pocketsphinx"
    logged = [entry for entry in node.logged() if "is not used" in str(entry)]
    assert len(logged) == 1 and "no such library" in str(logged)
