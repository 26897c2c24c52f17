"""SpeakerService: Diarize and Embed."""

from typing import Any

import grpc
import numpy as np
import pytest

from tandem.speech.v1 import speech_pb2 as speech
from tests.support.rpc_failures import failure_of
from tests.support.servers import until
from tests.support.speech_node import SpeechNode, Talk, sent

PCM, FILE = speech.AUDIO_FORMAT_PCM_S16LE_16K, speech.AUDIO_FORMAT_FILE


def diarized(node: SpeechNode, audio: bytes, **start: Any) -> list[speech.DiarizeDown]:
    return list(node.speakers.Diarize(sent(speech.AudioStart(**{"format": PCM} | start), audio)))


def turns(answers: list[speech.DiarizeDown]) -> list[speech.Turn]:
    return [answer.turn for answer in answers if answer.HasField("turn")]


def test_each_line_is_assigned_to_its_voice(
    node: SpeechNode, meeting_file: bytes, meeting_lines: list[dict[str, Any]]
) -> None:
    answers = diarized(node, meeting_file, format=FILE)
    found = turns(answers)
    labels = {"rms": "S1", "slt": "S2"}
    assert [turn.label for turn in found] == [labels[line["voice"]] for line in meeting_lines]
    assert [turn.start_ms for turn in found] == pytest.approx([line["start_ms"] for line in meeting_lines], abs=400)
    progress = [answer.progress.audio_ms_done for answer in answers if answer.HasField("progress")]
    assert progress == sorted(progress)
    assert len(progress) >= 3


def test_number_of_speakers_may_be_given(node: SpeechNode, meeting_pcm: bytes) -> None:
    assert {turn.label for turn in turns(diarized(node, meeting_pcm, speaker_count=1))} == {"S1"}
    assert len({turn.label for turn in turns(diarized(node, meeting_pcm, speaker_count=3))}) == 3


def test_times_are_those_of_the_recording(node: SpeechNode, meeting_pcm: bytes) -> None:
    part = meeting_pcm[: 32 * 11_000]
    late = diarized(node, part, start_ms=64_000)
    assert [turn.start_ms - 64_000 for turn in turns(late)] == [turn.start_ms for turn in turns(diarized(node, part))]
    assert late[-1].done.audio_ms == 64_000 + 11_000
    assert not late[-1].done.peaks, "a part of a recording has no peaks"


def test_voice_print_does_not_depend_on_the_size_of_pieces(node: SpeechNode, meeting_pcm: bytes) -> None:
    part = meeting_pcm[: 32 * 5200]
    one, other = (node.speakers.Embed(sent(speech.AudioStart(format=PCM), part, size=size)) for size in (65536, 999))
    assert np.array_equal(one.embedding, other.embedding)
    assert one.speech_ms == other.speech_ms > 4000


@pytest.mark.parametrize(
    ("requests", "named"),
    [
        ([], "start"),
        ([speech.AudioUp(start=speech.AudioStart())], "format"),
        ([speech.AudioUp(start=speech.AudioStart(format=PCM))] * 2, "start"),
        ([speech.AudioUp(start=speech.AudioStart(format=PCM, speaker_count=-1))], "speaker_count"),
    ],
    ids=["nothing", "no format", "two starts", "speaker_count"],
)
def test_violations_of_the_contract_are_named(node: SpeechNode, requests: list[speech.AudioUp], named: str) -> None:
    failure = failure_of(lambda: list(node.speakers.Diarize(iter(requests))))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID")
    assert named in failure.message


def test_cancelled_it_stops_within_a_second(node: SpeechNode, meeting_pcm: bytes) -> None:
    def free() -> int:
        return node.info.GetCapabilities(speech.GetCapabilitiesRequest()).free_streams

    before = free()
    talk = Talk(*sent(speech.AudioStart(format=PCM), meeting_pcm * 10))
    call = node.speakers.Diarize(talk)
    next(answer for answer in call if answer.HasField("progress"))
    assert free() == before - 1
    call.cancel()
    until(lambda: free() == before, "the stream is free again", 1)
    talk.end()
