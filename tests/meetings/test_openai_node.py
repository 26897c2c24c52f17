"""Services with OpenAI's interface: what is sent, what of the answers is used, and which failures they mean."""

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import Env
from meetings.speech.engine_call import EngineCall
from meetings.speech.members import NodeReport
from meetings.speech.node import BadRecording, EngineError, EngineFailed, EngineUnavailable, NoCapableEngine
from meetings.speech.openai_node import OpenAINode, PlainOpenAINode
from meetings.speech.openai_summary import PART_LENGTH
from meetings.speech.pool import EngineChoice, Nodes
from tandem.speech.v1 import speech_pb2
from tests.support.openai_service import KEY, OpenAIService, minutes, verbose_json

ASR, SPEAKER, SUMMARY = (
    speech_pb2.ENGINE_KIND_ASR, speech_pb2.ENGINE_KIND_SPEAKER, speech_pb2.ENGINE_KIND_SUMMARY,
)  # fmt: skip
BOB = speech_pb2.Person(person_id="bob-id", names=("Bob Builder", "Bob"))


@pytest.fixture
def service() -> Iterator[OpenAIService]:
    with OpenAIService() as service:
        service.transcription = verbose_json([(0, 1000), (1500, 3000)], 4000)
        service.minutes = minutes(overview=[{"text": "They met.", "evidence": [0]}])
        yield service


@pytest.fixture
def nodes(service: OpenAIService) -> Nodes:
    return Nodes([f"openai+http://{KEY}@{service.address}/v1?asr=large&summary=small"])


def transcribed(chosen: EngineChoice, content: bytes = b"OggS...", **start: Any) -> list[speech_pb2.AsrDown]:
    started = speech_pb2.AsrStart(format=speech_pb2.AUDIO_FORMAT_FILE, **start)
    return list(chosen.transcribe(started, iter([content]), EngineCall()))


def segments(answers: list[speech_pb2.AsrDown]) -> list[speech_pb2.Segment]:
    return [answer.segment for answer in answers if answer.HasField("segment")]


def summarized(nodes: Nodes, lines: tuple[str, ...] = ("Good morning.", "Bob sends it.")) -> speech_pb2.Summary:
    spoken = [
        speech_pb2.SpokenSegment(segment_id=f"s{place}", text=text, person_id="bob-id" if place else "")
        for place, text in enumerate(lines)
    ]
    request = speech_pb2.SummarizeRequest(segments=spoken, roster=[BOB], held_on="2026-02-03")
    return nodes.choose(SUMMARY).summarize(request, EngineCall())


def test_a_recording_is_sent_as_a_form_with_the_key(service: OpenAIService, nodes: Nodes) -> None:
    transcribed(nodes.choose(ASR, "de"), language="de", vocabulary=["Tandem", "Zoë"])
    ((path, headers, fields),) = service.requests
    assert (path, headers["Authorization"]) == ("/v1/audio/transcriptions", f"Bearer {KEY}")
    assert fields == {
        "model": "large", "response_format": "verbose_json", "language": "de", "prompt": "Tandem, Zoë",
        "temperature": "0", "timestamp_granularities[]": ["segment", "word"], "file": b"OggS...",
        "filename": "recording.ogg",
    }  # fmt: skip


def test_words_and_segments_have_their_times(service: OpenAIService, nodes: Nodes) -> None:
    service.transcription = verbose_json([(0, 1000), (1500, 3000)], 4000) | {"language": "German"}
    answers = transcribed(nodes.choose(ASR))
    assert [(one.start_ms, one.end_ms, one.text) for one in segments(answers)] == [
        (0, 1000, "something"), (1500, 3000, "something"),
    ]  # fmt: skip
    assert [(word.text, word.start_ms, word.end_ms) for word in segments(answers)[1].words] == [
        ("something", 1500, 3000)
    ]
    assert segments(answers)[0].confidence == pytest.approx(0.8187, abs=1e-3)
    assert [answer.language.language for answer in answers if answer.HasField("language")] == ["de"]
    assert answers[-1].done.audio_ms == 4000


def test_overlaps_and_invented_text_are_put_right(service: OpenAIService, nodes: Nodes) -> None:
    found = verbose_json([(0, 2000), (1500, 3000), (3000, 4000), (5000, 5000)], 6000)
    found["segments"][2] |= {"no_speech_prob": 0.9, "avg_logprob": -1.5}
    found["segments"][3]["text"] = "two\nlines"
    del found["words"]
    service.transcription = found
    assert [(one.start_ms, one.end_ms, one.text) for one in segments(transcribed(nodes.choose(ASR)))] == [
        (0, 2000, "something"), (2000, 3000, "something"), (5000, 5001, "two lines"),
    ]  # fmt: skip


def test_a_recording_of_hours_is_read_at_once(service: OpenAIService, nodes: Nodes) -> None:
    service.transcription = verbose_json([(at, at + 900) for at in range(0, 8_000_000, 1_000)], 8_000_000)
    began = time.thread_time()
    found = segments(transcribed(nodes.choose(ASR)))
    assert time.thread_time() - began < 3
    assert [len(one.words) for one in found] == [1] * 8_000


def test_silence_gives_no_segments(service: OpenAIService, nodes: Nodes) -> None:
    service.transcription = verbose_json([], 4000)
    answers = transcribed(nodes.choose(ASR))
    assert (segments(answers), answers[-1].done.audio_ms) == ([], 4000)


@pytest.mark.parametrize(
    "answer",
    [{"text": "no times"}, [], "text", {"segments": None}, {"segments": [{"text": "x", "start": "now", "end": 1}]},
     {"segments": [{"text": 5, "start": 0, "end": 1}]}, {"segments": [], "duration": float("inf")}, b"<html>",
     {"segments": ["x"]}, {"segments": [], "words": ["x"]}, b"[" * 100_000],
)  # fmt: skip
def test_a_transcription_without_times_is_a_failure(service: OpenAIService, nodes: Nodes, answer: Any) -> None:
    service.transcription = answer
    with pytest.raises(EngineFailed, match="Invalid engine response"):
        transcribed(nodes.choose(ASR))


def test_a_transcript_is_sent_with_its_roster(service: OpenAIService, nodes: Nodes) -> None:
    summarized(nodes)
    ((path, _, body),) = service.requests
    assert (path, body["model"]) == ("/v1/chat/completions", "small")
    assert body["response_format"]["json_schema"]["strict"] is True
    prompt = body["messages"][1]["content"]
    assert "p1: Bob Builder, Bob\nDay of the meeting: 2026-02-03\n" in prompt
    assert "[0] ?: Good morning.\n[1] p1: Bob sends it." in prompt


def test_statements_refer_to_the_segments_of_their_lines(service: OpenAIService, nodes: Nodes) -> None:
    item = {"text": "send\nit", "owner": "Bob", "person": "p1", "due": "by Friday", "due_on": "2026-02-06",
            "evidence": [1, 1]}  # fmt: skip
    service.minutes = minutes(decisions=[{"text": "We go.", "evidence": [0, 1]}], action_items=[item])
    summary = summarized(nodes)
    assert list(summary.decisions) == [speech_pb2.Statement(text="We go.", segment_ids=["s0", "s1"])]
    (found,) = summary.action_items
    assert (found.text, found.person_id, found.due_on, list(found.segment_ids)) == (
        "send it", "bob-id", "2026-02-06", ["s1"],
    )  # fmt: skip
    assert (summary.language, summary.engine.model_id) == ("en", "small")


def test_a_long_transcript_is_summarised_in_parts(service: OpenAIService, nodes: Nodes) -> None:
    summary = summarized(nodes, ("x" * PART_LENGTH, "y" * PART_LENGTH))
    assert len(service.requests) == 2
    assert [list(one.segment_ids) for one in summary.overview] == [["s0"], ["s1"]]


@pytest.mark.parametrize(
    "answer",
    [
        "Sure! Here are the minutes.",
        "[" * 100_000,
        [],
        {"overview": []},
        minutes(overview=[{"text": "Invented.", "evidence": [2]}]),
        minutes(overview=[{"text": "Invented.", "evidence": [-1]}]),
        minutes(overview=[{"text": "Invented.", "evidence": []}]),
        minutes(overview=[{"text": "Invented.", "evidence": ["s0"]}]),
        minutes(overview=[{"text": " ", "evidence": [0]}]),
        minutes(action_items=[{"text": "x", "owner": "", "person": "p2", "due": "", "due_on": "", "evidence": [0]}]),
        minutes(action_items=[{"text": "x", "owner": "", "person": "", "due": "", "due_on": "soon", "evidence": [0]}]),
    ],
)
def test_a_summary_that_does_not_fit_the_transcript_is_a_failure(
    service: OpenAIService, nodes: Nodes, answer: Any
) -> None:
    service.minutes = answer
    with pytest.raises(EngineFailed, match="Invalid engine response"):
        summarized(nodes)


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (400, BadRecording, "refuses the request: The file is too long."),
        (413, BadRecording, "The file is too long."),
        (401, EngineUnavailable, r"refuses the key of SPEECH_NODES \(401\)"),
        (404, EngineUnavailable, "check the URL and the model in SPEECH_NODES"),
        (429, EngineUnavailable, "overloaded or away"),
        (503, EngineUnavailable, "overloaded or away"),
        (500, EngineFailed, "failed: The file is too long."),
        (302, EngineUnavailable, "status 302"),
    ],
)
def test_each_status_is_a_failure_of_its_kind(
    service: OpenAIService, nodes: Nodes, status: int, error: type[EngineError], sentence: str
) -> None:
    service.status, service.error = status, "The file\nis too long"
    with pytest.raises(error, match=sentence):
        transcribed(nodes.choose(ASR))


def test_a_service_that_is_away_is_unavailable(service: OpenAIService, nodes: Nodes) -> None:
    chosen = nodes.choose(ASR)
    service.__exit__()
    assert not chosen.node.lives()
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        transcribed(chosen)
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        PlainOpenAINode(f"{service.address}/v1").engines()


def test_voices_are_left_to_another_node(nodes: Nodes) -> None:
    with pytest.raises(NoCapableEngine, match="separate voices"):
        nodes.choose(SPEAKER)


def test_an_address_without_models_transcribes_any_language(service: OpenAIService) -> None:
    (engine,) = PlainOpenAINode(f"{service.address}/v1").engines()
    assert (engine.kind, engine.model_id, list(engine.languages)) == (ASR, "whisper-1", [])


def test_the_key_is_in_no_log_and_no_message(
    service: OpenAIService, nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    messages = []
    with caplog.at_level(logging.DEBUG):
        for status in (400, 401, 404, 500, 503):
            service.status, service.error = status, f"Incorrect API key provided: {KEY}."
            with pytest.raises(EngineError) as failed:
                transcribed(nodes.choose(ASR))
            messages.append(str(failed.value))
        for urls in ([f"opena+https://{KEY}@host/v1"], [f"openai+https://{KEY}@:0/v1"],
                     [f"grpcs://{KEY}@host"], [f"openai+http://a/{KEY}@host"], [f"opena+http://a/{KEY}@host"],
                     [f"openai+https://{KEY}@host:port/v1"],
                     [f"openai+https://{KEY}@host/v1?model=x"]):  # fmt: skip
            with pytest.raises(ImproperlyConfigured) as refused:
                Nodes(urls)
            messages.append(str(refused.value))
        reports: list[NodeReport] = []
        with pytest.raises(EngineUnavailable):
            Nodes([f"openai+http://{KEY}@127.0.0.1:9/v1"], [reports.append]).choose(ASR)
        messages += map(str, reports)
        with pytest.raises(ImproperlyConfigured) as refused:
            Env({"SPEECH_NODES": f"{KEY}@host/v1,https//{KEY}@host"}).urls("SPEECH_NODES", default=[])
        messages.append(str(refused.value))
    assert len(messages) > 10
    assert not any(KEY in message for message in [*messages, *map(str, caplog.messages)])
    assert KEY not in repr(OpenAINode(f"{KEY}@host/v1"))
