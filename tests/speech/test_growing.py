"""Files that are still being written, as samples and as text."""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from speechnode.engines.decode import Decoder
from speechnode.engines.growing import GrowingFile
from speechnode.engines.pcm import BYTES_PER_MS
from speechnode.failures import NotAudio, TooLarge
from tandem.speech.v1 import speech_pb2 as speech
from tests.support.speech_node import SpeechNode, Talk
from tests.support.webm import webm_pieces

GROWING = speech.AUDIO_FORMAT_GROWING_FILE
#: 44 bytes; the sizes are those of a file whose end is not known.
HEAD = bytes.fromhex(
    "52494646 ffffffff 57415645 666d7420 10000000 0100 0100 803e0000 007d0000 0200 1000 64617461 ffffffff"
)


@pytest.fixture(scope="module")
def pcm(meeting_pcm: bytes) -> bytes:
    return meeting_pcm[: 32 * 12_000]


def wav(pcm: bytes) -> list[bytes]:
    whole = HEAD + pcm
    return [whole[begin : begin + 3_333] for begin in range(0, len(whole), 3_333)]


@pytest.fixture(params=[wav, webm_pieces], ids=["wav", "webm"])
def pieces(request: pytest.FixtureRequest, pcm: bytes) -> list[bytes]:
    cut: Callable[[bytes], list[bytes]] = request.param
    return cut(pcm)


def decoded(pieces: Sequence[bytes], start_ms: int = 0) -> Iterator[bytes]:
    file = GrowingFile(start_ms, 100)
    for piece in pieces:
        yield file.feed(piece)
    yield file.end()
    file.close()


def test_samples_are_those_of_the_whole_file(pieces: list[bytes]) -> None:
    assert b"".join(decoded(pieces)) == b"".join(Decoder(io.BytesIO(b"".join(pieces))))


def test_samples_before_the_start_are_omitted(pieces: list[bytes]) -> None:
    whole = b"".join(decoded(pieces))
    assert b"".join(decoded(pieces, 5_000)) == whole[5_000 * BYTES_PER_MS :]


def test_samples_are_available_soon_after_their_bytes(pieces: list[bytes]) -> None:
    received = total = 0
    for piece, samples in zip(pieces, decoded(pieces), strict=False):
        received += len(piece)
        total += len(samples)
        share = received / sum(map(len, pieces))
        assert total / BYTES_PER_MS >= share * 12_000 - 1_500


def test_other_bytes_are_refused() -> None:
    for content in (b"OggS" * 100, b"\x1a\x45\xdf\xa3 is not all of WebM" * 100, HEAD[:20] + b"\x07" + HEAD[21:]):
        file = GrowingFile(0, 100)
        with pytest.raises(NotAudio):
            file.feed(content)
            file.end()
        file.close()


def test_more_sound_than_the_limit_is_refused(pieces: list[bytes]) -> None:
    file = GrowingFile(0, 3)
    with pytest.raises(TooLarge):
        for piece in pieces:
            file.feed(piece)
    file.close()


def finals(node: SpeechNode, pieces: Sequence[bytes], **start: Any) -> list[tuple[int, int, str]]:
    def sent() -> Iterator[speech.AsrUp]:
        yield speech.AsrUp(start=speech.AsrStart(word_times=True, **start))
        for seq, piece in enumerate(pieces):
            yield speech.AsrUp(audio=speech.AudioChunk(seq=seq, data=piece))

    segments = [answer.segment for answer in node.asr.Transcribe(sent()) if answer.HasField("segment")]
    return [(one.start_ms, one.end_ms, one.text) for one in segments if one.final]


def test_text_is_that_of_the_whole_file(node: SpeechNode, pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    cut = [whole[begin : begin + 65_536] for begin in range(0, len(whole), 65_536)]
    growing = finals(node, pieces, format=GROWING, interim=True)
    assert growing == finals(node, cut, format=speech.AUDIO_FORMAT_FILE)
    assert growing


def test_text_is_returned_before_the_end(node: SpeechNode, pieces: list[bytes]) -> None:
    talk = Talk(speech.AsrUp(start=speech.AsrStart(format=GROWING, interim=True)))
    answers = node.asr.Transcribe(iter(talk))
    for seq, piece in enumerate(pieces):
        talk.say(speech.AsrUp(audio=speech.AudioChunk(seq=seq, data=piece)))
    assert any(answer.HasField("segment") and answer.segment.final for answer in answers)
    talk.end()
