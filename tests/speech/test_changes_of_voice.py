"""AsrService.Transcribe where several voices share an utterance."""

from typing import Any

import pytest

from tandem.speech.v1 import speech_pb2 as speech
from tests.support.speech_node import SpeechNode, sent

#: How many lines of the meeting follow each other without a pause that ends an utterance.
SHARED = 4


def finals(node: SpeechNode, pcm: bytes, **start: Any) -> list[speech.Segment]:
    message = speech.AsrStart(format=speech.AUDIO_FORMAT_PCM_S16LE_16K, word_times=True, **start)
    answers = node.asr.Transcribe(sent(message, pcm))
    return [answer.segment for answer in answers if answer.HasField("segment") and answer.segment.final]


@pytest.fixture(scope="module")
def exchange(meeting_pcm: bytes, meeting_lines: list[dict[str, Any]]) -> tuple[bytes, list[int]]:
    """The first lines of the meeting with short pauses, then two more; and the times at which the lines begin."""
    pcm, starts = b"", []
    for place, line in enumerate(meeting_lines[: SHARED + 2]):
        pcm += bytes(32 * (1000 if place == SHARED else 150))
        starts.append(len(pcm) // 32)
        pcm += meeting_pcm[32 * line["start_ms"] : 32 * line["end_ms"]]
    return pcm, starts


@pytest.fixture(scope="module")
def undisturbed(node: SpeechNode, exchange: tuple[bytes, list[int]]) -> list[speech.Segment]:
    return finals(node, exchange[0])


def test_each_voice_in_an_utterance_is_a_segment(
    undisturbed: list[speech.Segment], exchange: tuple[bytes, list[int]], meeting_lines: list[dict[str, Any]]
) -> None:
    assert [segment.start_ms for segment in undisturbed] == pytest.approx(exchange[1], abs=300)
    for segment, line in zip(undisturbed, meeting_lines, strict=False):
        assert segment.text.split()[-1].strip(".?!").casefold() == line["text"].split()[-1].strip(".?!").casefold()
    assert len({segment.segment_id for segment in undisturbed}) == len(undisturbed)


def test_recording_of_one_speaker_is_not_cut(node: SpeechNode, exchange: tuple[bytes, list[int]]) -> None:
    first, *_ = finals(node, exchange[0], speaker_count=1)
    third_line = exchange[1][2]
    assert first.end_ms > third_line


@pytest.mark.parametrize("known", [1, 3, SHARED])
def test_transcription_resumes_at_the_time_that_the_last_final_names(
    node: SpeechNode, exchange: tuple[bytes, list[int]], undisturbed: list[speech.Segment], known: int
) -> None:
    stored = undisturbed[:known]
    resume_ms = stored[-1].resume_ms
    assert resume_ms < stored[-1].end_ms
    resumed = finals(node, exchange[0][resume_ms * 32 :], start_ms=resume_ms)
    rest = [segment for segment in resumed if segment.words[0].start_ms >= stored[-1].end_ms]
    assert stored + rest == undisturbed
