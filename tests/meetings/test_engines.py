"""Requirements on every kind of node, wherever it runs."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from meetings.speech.client import Connection, SpeechClient
from meetings.speech.engine_call import EngineCall
from meetings.speech.node import BadRecording, EngineUnavailable, NoCapableEngine, describe, hash_of, supports
from meetings.speech.pool import EngineChoice, Nodes
from speechnode.catalog import OFFERS
from speechnode.engines import moonshine_files
from tandem.speech.v1 import speech_pb2
from tests.support.openai_service import KEY, OpenAIService, minutes, verbose_json
from tests.support.remote_nodes import make_certificates, start_node, url_of
from tests.support.scripts import a_script
from tests.support.servers import until

KINDS = (speech_pb2.ENGINE_KIND_ASR, speech_pb2.ENGINE_KIND_SPEAKER, speech_pb2.ENGINE_KIND_SUMMARY)
ASR, SPEAKER, SUMMARY = KINDS
FILE = Path(__file__).parents[1] / "speech" / "data" / "meeting.ogg"
LENGTH_MS = 33_565
#: The beginning and end of each utterance in it, as a recogniser finds them.
SPOKEN = [(0, 5280), (5696, 10_560), (10_912, 15_424), (15_872, 20_704), (21_056, 24_032), (24_416, 26_944)]


OPENAI_MODELS = "asr=whisper-1&summary=small-model&language=en"


def script_of_the_file(path: Path) -> str:
    """Return a script that answers for the file as a real engine does."""
    done = {"done": {"audio_ms": LENGTH_MS, "cpu_ms": 1}}
    finals = [{"final": {"start_ms": start, "end_ms": end, "text": "something"}} for start, end in SPOKEN]
    voices = [{"voice": {"label": label, "speech_ms": 9000, "voice_print": [1.0]}} for label in ("S1", "S2")]
    turns = [
        {"turn": {"start_ms": start, "end_ms": end, "label": f"S{at % 2 + 1}"}}
        for at, (start, end) in enumerate(SPOKEN)
    ]
    total = {"progress": {"done_ms": 0, "total_ms": LENGTH_MS}}
    engines = [{"kind": "asr", "languages": ["en"]}, {"kind": "speaker"}, {"kind": "summary"}]
    deed = {"text": "send a report", "segments": [1], "owner": "bob", "person": "Bob", "due_on": "2026-02-06"}
    return a_script(
        path,
        engines=engines,
        transcribe=[{"needs": "OggS"}, {"detected": "en"}, total, *_slowly(finals), done],
        diarize=[{"needs": "OggS"}, total, *_slowly([]), *voices, *turns, done],
        summarize=[
            {"wait": 0.2},
            {"summary": {"overview": [{"text": "Something.", "segments": [0]}], "deeds": [deed]}},
        ],
    )


def _slowly(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for step in [{"wait": 0.2}, *steps] for part in (step, {"wait": 0.05})]


@pytest.fixture(scope="session")
def openai() -> Iterator[OpenAIService]:
    """A service that answers for the file as a real one does. It separates no speakers: another node does."""
    with OpenAIService() as service:
        service.transcription = verbose_json(SPOKEN, LENGTH_MS)
        service.minutes = minutes(
            overview=[{"text": "Something.", "evidence": [0]}],
            action_items=[{"text": "send a report", "owner": "Bob", "person": "p1", "due": "by Friday",
                           "due_on": "2026-02-06", "evidence": [1]}],
        )  # fmt: skip
        service.delay_seconds = 0.4
        yield service


@pytest.fixture(scope="session")
def all_nodes(tmp_path_factory: pytest.TempPathFactory, openai: OpenAIService) -> Iterator[dict[str, Nodes]]:
    script = script_of_the_file(tmp_path_factory.mktemp("script") / "script.json")
    certificates = make_certificates(tmp_path_factory.mktemp("certificates"))
    remote = start_node(certificates)
    made = {
        "embedded": Nodes(["embedded://"]),
        "script": Nodes([script]),
        "remote": Nodes([url_of(remote, certificates)]),
        "openai": Nodes([f"openai+http://{KEY}@{openai.address}/v1?{OPENAI_MODELS}", "embedded://"]),
    }
    yield made
    for nodes in made.values():
        nodes.close()
    remote.close()


@pytest.fixture(params=["embedded", "openai", "remote", "script"])
def nodes(request: pytest.FixtureRequest, all_nodes: dict[str, Nodes]) -> Nodes:
    """Each kind of node in turn; a new kind is added here."""
    return all_nodes[request.param]


def pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), 64 * 1024):
        yield content[start : start + 64 * 1024]


class Stopped(Exception):
    """A reason to stop a call."""


def asr_start(start_ms: int = 0) -> speech_pb2.AsrStart:
    return speech_pb2.AsrStart(session_id="a test", format=speech_pb2.AUDIO_FORMAT_FILE, start_ms=start_ms)


def audio_start(speaker_count: int = 0) -> speech_pb2.AudioStart:
    return speech_pb2.AudioStart(session_id="a test", format=speech_pb2.AUDIO_FORMAT_FILE, speaker_count=speaker_count)


def transcribed(chosen: EngineChoice, start_ms: int = 0, call: EngineCall | None = None) -> list[speech_pb2.AsrDown]:
    return list(chosen.transcribe(asr_start(start_ms), pieces(FILE.read_bytes()), call or EngineCall()))


def answers_of(chosen: EngineChoice, audio: Iterator[bytes], call: EngineCall | None = None) -> list[Any]:
    """Return all answers to a recording, of an engine of either kind that takes one."""
    call = call or EngineCall()
    if chosen.engine.kind == ASR:
        return list(chosen.transcribe(asr_start(), audio, call))
    return list(chosen.diarize(audio_start(), audio, call))


def finals(answers: list[speech_pb2.AsrDown]) -> list[speech_pb2.Segment]:
    return [answer.segment for answer in answers if answer.HasField("segment")]


def test_capabilities_name_the_engine(nodes: Nodes) -> None:
    for kind in KINDS:
        chosen = nodes.choose(kind)
        assert chosen.engine.kind == kind
        assert chosen.engine.name
        assert len(hash_of(chosen.engine)) == 64
        assert set(describe(chosen.engine)) == {"name", "version", "model_id", "model_sha256"}
        assert chosen.node.lives()
    assert len({hash_of(nodes.choose(kind).engine) for kind in KINDS}) == 3


def test_unknown_language_is_rejected(nodes: Nodes) -> None:
    assert supports(nodes.choose(ASR, "en").engine, "en")
    with pytest.raises(NoCapableEngine, match="language fi; understood are: en"):
        nodes.choose(ASR, "fi")


def test_utterances_arrive_in_order_with_progress_and_an_end(nodes: Nodes) -> None:
    answers = transcribed(nodes.choose(ASR))
    segments = finals(answers)
    assert [(segment.start_ms, segment.end_ms) for segment in segments][: len(SPOKEN)] == SPOKEN
    assert all(segment.text for segment in segments)
    assert "en" in [answer.language.language for answer in answers]
    progress = [answer.progress for answer in answers if answer.HasField("progress")]
    assert all(abs(one.audio_ms_total - LENGTH_MS) < 50 for one in progress)
    assert answers[-1].WhichOneof("down") == "done"
    assert (answers[-1].done.audio_ms, answers[-1].done.incomplete_reason) == (LENGTH_MS, "")


def test_resumed_transcription_returns_the_rest(nodes: Nodes) -> None:
    whole = finals(transcribed(nodes.choose(ASR)))
    known = whole[2].end_ms
    rest = finals(transcribed(nodes.choose(ASR), known - 2000))
    assert [segment for segment in rest if segment.start_ms >= known] == whole[3:]


def test_voices_come_before_turns(nodes: Nodes) -> None:
    chosen = nodes.choose(SPEAKER)
    answers = list(chosen.diarize(audio_start(speaker_count=2), pieces(FILE.read_bytes()), EngineCall()))
    found = [answer for answer in answers if answer.WhichOneof("down") in ("speaker", "turn")]
    assert [answer.speaker.label for answer in found[:2]] == ["S1", "S2"]
    assert {answer.turn.label for answer in found[2:]} == {"S1", "S2"}
    assert answers[-1].WhichOneof("down") == "done"


def test_summary_refers_to_segments(nodes: Nodes) -> None:
    lines = ("We have decided to open the website in March.", "Bob will send a report by Friday.")
    segments = [
        speech_pb2.SpokenSegment(
            segment_id=f"segment-{place}", start_ms=place * 9000, end_ms=place * 9000 + 8000, text=text
        )
        for place, text in enumerate(lines)
    ]
    bob = speech_pb2.Person(person_id="bob-id", names=("Bob Builder", "Bob"))
    request = speech_pb2.SummarizeRequest(session_id="a test", segments=segments, language="en", roster=[bob])
    summary = nodes.choose(SUMMARY).summarize(request, EngineCall())
    assert summary.overview
    (item,) = summary.action_items
    assert (item.person_id, list(item.segment_ids)) == ("bob-id", ["segment-1"])


@pytest.mark.parametrize("kind", [ASR, SPEAKER])
def test_file_without_audio_is_rejected(nodes: Nodes, kind: speech_pb2.EngineKind) -> None:
    with pytest.raises(BadRecording, match="not an audio file"):
        answers_of(nodes.choose(kind), pieces(b"%PDF-1.7" + bytes(100_000)))


@pytest.mark.parametrize("kind", [ASR, SPEAKER])
def test_a_call_that_is_stopped_ends_at_once(nodes: Nodes, kind: speech_pb2.EngineKind) -> None:
    chosen, call = nodes.choose(kind), EngineCall()
    threading.Timer(0.15, lambda: call.stop(Stopped())).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        answers_of(chosen, pieces(FILE.read_bytes() * 3), call)
    assert time.monotonic() - began < 2
    assert call.stopped


def test_a_call_that_was_stopped_before_does_not_begin(nodes: Nodes) -> None:
    call = EngineCall()
    call.stop(Stopped())
    with pytest.raises(Stopped):
        transcribed(nodes.choose(ASR), call=call)


def test_unreadable_file_is_reported(nodes: Nodes) -> None:
    def broken() -> Iterator[bytes]:
        yield FILE.read_bytes()[:1000]
        raise OSError("The storage is away.")

    with pytest.raises(OSError, match="storage is away"):
        answers_of(nodes.choose(ASR), broken())


def test_a_connection_that_another_thread_has_closed_is_a_node_that_does_not_answer() -> None:
    connection = Connection("unix:nowhere")
    connection.close()
    wire = SpeechClient(lambda: connection)
    assert not wire.lives()
    with pytest.raises(EngineUnavailable):
        wire.engines()
    with pytest.raises(EngineUnavailable):
        list(wire.transcribe(asr_start(), (), EngineCall()))


# Which nodes there are


@pytest.mark.parametrize(
    ("urls", "sentence"),
    [
        (
            ["pocketsphinx"],
            r"that begin with embedded://, grpcs://, openai\+http://, openai\+https://, script://, remote-script://; "
            "one is 'pocketsphinx'",
        ),
        (
            ["embedded://", "grpcs://speech.example.com:50071"],
            r"nodes as grpcs://host:port\?ca=FILE&cert=FILE&key=FILE",
        ),
        (["grpcs://speech.example.com:no?ca=a&cert=b&key=c"], "one is 'grpcs://speech.example.com:no"),
        (["embedded://here"], "as embedded:///srv/model; one is 'embedded://here'"),
    ],
)
def test_invalid_address_of_a_node_is_reported(urls: list[str], sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        Nodes(urls)


def test_embedded_node_uses_the_model_of_a_directory(tmp_path: Path) -> None:
    if OFFERS["moonshine"].missing:
        pytest.skip("no wheel of moonshine-voice here")
    folder = tmp_path / "copy-en"
    folder.symlink_to(moonshine_files.folder())
    nodes = Nodes([f"embedded://{folder}"])
    try:
        assert nodes.choose(ASR, "en").engine.model_id == "copy-en"
    finally:
        nodes.close()


def test_directory_without_a_model_is_a_node_that_cannot_be_started(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nodes = Nodes([f"embedded://{tmp_path}"])
    with caplog.at_level(logging.WARNING), pytest.raises(EngineUnavailable, match="could not be started"):
        nodes.choose(ASR, "en")
    until(lambda: "has no encoder_model.ort" in caplog.text, "the log states the reason")


def test_the_first_that_can_is_asked(tmp_path: Path) -> None:
    german = [{"name": "german", "kind": "asr", "languages": ["de"]}]
    away = a_script(tmp_path / "away.json", unreachable=True)
    some = a_script(tmp_path / "some.json", engines=german)
    rest = a_script(tmp_path / "rest.json", engines=[{"name": "any", "kind": "asr"}, {"kind": "summary"}])
    nodes = Nodes([away, some, rest])
    assert nodes.choose(ASR, "de").engine.name == "german"
    assert nodes.choose(ASR, "fr").engine.name == "any"
    assert nodes.choose(ASR).engine.name == "german"
    with pytest.raises(NoCapableEngine, match="separate voices"):
        Nodes([some, rest]).choose(SPEAKER)
    with pytest.raises(Exception, match="does not answer"):
        nodes.choose(SPEAKER)
