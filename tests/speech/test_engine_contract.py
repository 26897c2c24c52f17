"""Requirements on every engine: tested over the wire, for each engine that the node offers.

Another engine is tested by adding a node that runs it to `NODES`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from speechnode.catalog import OFFERS
from speechnode.engines import moonshine_files
from tandem.speech.v1 import speech_pb2 as speech
from tests.support.rpc_failures import failure_of
from tests.support.servers import until
from tests.support.speech_node import SpeechNode, Talk, seconds_of, sent

#: The arguments of nodes that together run every engine, by the engines' names.
NODES: dict[str, tuple[str, ...]] = {
    "moonshine, resemblyzer, textrank": (),
    "pocketsphinx": ("--engines", "pocketsphinx,resemblyzer,textrank"),
}
if not OFFERS["moonshine"].missing:
    NODES["model directory"] = ("--model-dir", str(moonshine_files.folder()))

PCM = speech.AUDIO_FORMAT_PCM_S16LE_16K
SILENCE = bytes(32_000 * 5)
SEGMENTS = [
    speech.SpokenSegment(
        segment_id="a", text="the website is ready and the customers like the website", person_id="p1"
    ),
    speech.SpokenSegment(segment_id="b", text="we have decided to open the website in march", person_id="p2"),
    speech.SpokenSegment(segment_id="c", text="mary will send the report by friday", person_id="p1"),
]
ROSTER = [speech.Person(person_id="p2", names=["Mary Poppins"])]


@pytest.fixture(scope="module", params=NODES.values(), ids=NODES.keys())
def engine_node(request: pytest.FixtureRequest) -> Iterator[SpeechNode]:
    node = SpeechNode(*request.param)
    try:
        yield node.wait_until_it_serves()
    finally:
        node.close()


def transcribed(node: SpeechNode, pcm: bytes, **start: Any) -> list[speech.AsrDown]:
    return list(node.asr.Transcribe(sent(speech.AsrStart(format=PCM, word_times=True, **start), pcm)))


def finals(answers: list[speech.AsrDown]) -> list[speech.Segment]:
    return [answer.segment for answer in answers if answer.HasField("segment") and answer.segment.final]


@pytest.fixture(scope="module")
def answers(engine_node: SpeechNode, meeting_pcm: bytes) -> list[speech.AsrDown]:
    """The answers to a transcription of the whole meeting."""
    return transcribed(engine_node, meeting_pcm)


def diarized(node: SpeechNode, pcm: bytes, **start: Any) -> list[speech.DiarizeDown]:
    return list(node.speakers.Diarize(sent(speech.AudioStart(format=PCM, **start), pcm)))


def music() -> bytes:
    """Three notes, over and over."""
    seconds = np.arange(16_000 * 6) / 16_000
    notes = np.choose((seconds * 3).astype(int) % 3, [262, 330, 392])
    return (8000 * np.sin(2 * np.pi * notes * seconds)).astype("<i2").tobytes()


def noise() -> bytes:
    return np.random.default_rng(1).normal(0, 2000, 16_000 * 6).astype("<i2").tobytes()


# Every engine.


def test_capabilities_name_the_engine(engine_node: SpeechNode) -> None:
    engines = engine_node.info.GetCapabilities(speech.GetCapabilitiesRequest()).engines
    assert {engine.kind for engine in engines} == {
        speech.ENGINE_KIND_ASR,
        speech.ENGINE_KIND_SPEAKER,
        speech.ENGINE_KIND_SUMMARY,
    }
    for engine in engines:
        assert engine.name and engine.version and engine.device
        assert bool(engine.model_id) == (len(engine.model_sha256) == 64)
        if engine.kind == speech.ENGINE_KIND_SPEAKER:
            assert engine.embedding_dim > 0
            assert 0 < engine.calibrated_margin < engine.calibrated_threshold < 1


# Speech to text.


def test_segments_are_in_order_and_words_lie_within(answers: list[speech.AsrDown], meeting_pcm: bytes) -> None:
    segments = finals(answers)
    assert len(segments) >= 2
    known_ms = 0
    for segment in segments:
        assert known_ms <= segment.start_ms < segment.end_ms <= segment.start_ms + 30_000
        known_ms = segment.end_ms
        assert segment.text == " ".join(word.text for word in segment.words)
        assert 0 <= segment.confidence <= 1
        said_ms = segment.start_ms
        for word in segment.words:
            assert said_ms <= word.start_ms < word.end_ms <= segment.end_ms
            assert 0 <= word.confidence <= 1
            said_ms = word.end_ms
    done = answers[-1].done
    assert done.audio_ms == len(meeting_pcm) // 32
    assert done.cpu_ms > 0
    assert done.incomplete_reason == ""
    # A peak for each 10 ms, of a recording that is loud where there is speech.
    assert len(done.peaks) == pytest.approx(len(meeting_pcm) / 320, abs=1)
    spoken = [max(done.peaks[segment.start_ms // 10 : segment.end_ms // 10]) for segment in segments]
    assert min(spoken) > 10


def test_answers_begin_with_accepted_and_end_with_done(engine_node: SpeechNode) -> None:
    kinds = [answer.WhichOneof("down") for answer in transcribed(engine_node, SILENCE)]
    assert kinds[0] == "accepted"
    assert kinds[-1] == "done"
    assert kinds.count("accepted") == kinds.count("done") == 1


def test_progress_only_rises(answers: list[speech.AsrDown], meeting_pcm: bytes) -> None:
    received = [answer.progress.audio_ms_done for answer in answers if answer.HasField("progress")]
    assert received == sorted(received)
    assert received[-1] == len(meeting_pcm) // 32


def test_the_same_sound_gives_the_same_words(engine_node: SpeechNode, meeting_pcm: bytes) -> None:
    part = meeting_pcm[: 32 * 5500]
    first = finals(transcribed(engine_node, part))
    transcribed(engine_node, noise())
    assert finals(transcribed(engine_node, part)) == first


@pytest.mark.parametrize("sound", [b"", SILENCE, noise(), music()], ids=["nothing", "silence", "noise", "music"])
def test_silence_gives_no_text(engine_node: SpeechNode, sound: bytes) -> None:
    answers = transcribed(engine_node, sound)
    assert finals(answers) == []
    assert answers[-1].done.audio_ms == len(sound) // 32


def test_drafts_become_one_final(engine_node: SpeechNode, meeting_pcm: bytes) -> None:
    start, first, *rest = sent(speech.AsrStart(format=PCM, interim=True), meeting_pcm[: 32 * 11_000], size=64_000)
    talk = Talk(start, first)
    answers = engine_node.asr.Transcribe(talk)
    # In the middle of a sentence nothing can be final.
    segments = [next(answer.segment for answer in answers if answer.HasField("segment"))]
    assert not segments[0].final
    for message in rest:
        talk.say(message)
    talk.end()
    segments += [answer.segment for answer in answers if answer.HasField("segment")]
    by_id: dict[str, list[speech.Segment]] = {}
    for segment in segments:
        by_id.setdefault(segment.segment_id, []).append(segment)
    assert len(by_id) >= 2
    for of_one in by_id.values():
        assert [segment.revision for segment in of_one] == list(range(1, len(of_one) + 1))
        assert [segment.final for segment in of_one] == [False] * (len(of_one) - 1) + [True]
        assert len({segment.start_ms for segment in of_one}) == 1


def test_a_language_that_it_does_not_know_is_refused(engine_node: SpeechNode) -> None:
    engines = engine_node.info.GetCapabilities(speech.GetCapabilitiesRequest()).engines
    (asr,) = [engine for engine in engines if engine.kind == speech.ENGINE_KIND_ASR]
    if not asr.languages:
        pytest.skip("it knows every language")
    assert failure_of(lambda: transcribed(engine_node, SILENCE, language="tlh")).reason == "CAPABILITY_MISSING"
    assert transcribed(engine_node, SILENCE, language=asr.languages[0])


def test_cancelled_it_stops_within_a_second(engine_node: SpeechNode, meeting_pcm: bytes) -> None:
    def free() -> int:
        return engine_node.info.GetCapabilities(speech.GetCapabilitiesRequest()).free_streams

    before = free()
    talk = Talk(*sent(speech.AsrStart(format=PCM), meeting_pcm * 4))
    call = engine_node.asr.Transcribe(talk)
    next(answer for answer in call if answer.HasField("segment"))
    call.cancel()
    talk.end()
    assert seconds_of(lambda: until(lambda: free() == before, "the stream is free again", 5)) < 1


# Voices.


def test_turns_are_those_of_the_speakers(engine_node: SpeechNode, meeting_pcm: bytes) -> None:
    answers = diarized(engine_node, meeting_pcm)
    engine = answers[0].accepted.engine
    speakers = [answer.speaker for answer in answers if answer.HasField("speaker")]
    turns = [answer.turn for answer in answers if answer.HasField("turn")]
    assert [speaker.label for speaker in speakers] == ["S1", "S2"]
    assert {turn.label for turn in turns} == {"S1", "S2"}
    assert turns[0].label == "S1"
    known_ms = 0
    for turn in turns:
        assert known_ms <= turn.start_ms < turn.end_ms <= len(meeting_pcm) // 32
        known_ms = turn.end_ms
    for speaker in speakers:
        assert np.linalg.norm(speaker.embedding) == pytest.approx(1, abs=1e-4)
        assert len(speaker.embedding) == engine.embedding_dim
        spoken_ms = sum(turn.end_ms - turn.start_ms for turn in turns if turn.label == speaker.label)
        assert speaker.speech_ms == spoken_ms
    assert answers[-1].done.audio_ms == len(meeting_pcm) // 32


def test_voice_prints_distinguish_voices(engine_node: SpeechNode, meeting_pcm: bytes) -> None:
    answers = diarized(engine_node, meeting_pcm)
    engine = answers[0].accepted.engine
    one, other = (answer.speaker.embedding for answer in answers if answer.HasField("speaker"))
    alone = meeting_pcm[: 32 * 5200]  # The first line.
    again = engine_node.speakers.Embed(sent(speech.AudioStart(format=PCM), alone))
    assert again.model_sha256 == engine.model_sha256
    assert np.dot(one, again.embedding) > engine.calibrated_threshold + engine.calibrated_margin
    assert np.dot(one, other) < engine.calibrated_threshold - engine.calibrated_margin
    assert np.dot(other, again.embedding) < engine.calibrated_threshold - engine.calibrated_margin


@pytest.mark.parametrize("sound", [b"", SILENCE, noise()], ids=["nothing", "silence", "noise"])
def test_silence_gives_no_voice(engine_node: SpeechNode, sound: bytes) -> None:
    kinds = {answer.WhichOneof("down") for answer in diarized(engine_node, sound)}
    assert kinds <= {"accepted", "progress", "done"}
    embed = failure_of(lambda: engine_node.speakers.Embed(sent(speech.AudioStart(format=PCM), sound)))
    assert embed.reason == "TOO_LITTLE_SPEECH"


# Summaries.


def summarized(node: SpeechNode, **request: Any) -> tuple[str, speech.Summary]:
    answers = list(node.summaries.Summarize(speech.SummarizeRequest(**request)))
    assert [answer.WhichOneof("down") for answer in answers] == ["delta"] * (len(answers) - 1) + ["result"]
    return "".join(answer.delta for answer in answers), answers[-1].result


def test_every_statement_refers_to_segments(engine_node: SpeechNode) -> None:
    deltas, summary = summarized(engine_node, segments=SEGMENTS, language="en", roster=ROSTER, held_on="2026-11-20")
    assert summary.overview
    assert deltas.split() == " ".join(statement.text for statement in summary.overview).split()
    for claim in [*summary.overview, *summary.topics, *summary.decisions, *summary.action_items]:
        assert claim.text
        assert claim.segment_ids
        assert set(claim.segment_ids) <= {"a", "b", "c"}
    assert {item.person_id for item in summary.action_items} <= {"", "p1", "p2"}


def test_a_plain_promise_is_found(engine_node: SpeechNode) -> None:
    _, summary = summarized(engine_node, segments=SEGMENTS, language="en", roster=ROSTER, held_on="2026-11-20")
    (item,) = summary.action_items
    assert "report" in item.text
    assert (item.person_id, item.due_on, list(item.segment_ids)) == ("p2", "2026-11-27", ["c"])


def test_empty_transcript_gives_an_empty_summary(engine_node: SpeechNode) -> None:
    deltas, summary = summarized(engine_node, language="en")
    assert deltas == ""
    assert not (summary.overview or summary.topics or summary.decisions or summary.action_items)
