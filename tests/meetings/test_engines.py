"""What every speech engine must do, whoever runs it and wherever."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from meetings.speech.client import Connection, SpeechClient
from meetings.speech.pool import Chosen, Nodes
from meetings.speech.protocols import (
    AudioRequest,
    BadRecording,
    Call,
    Detected,
    Done,
    EngineUnavailable,
    Final,
    Kind,
    NoCapableEngine,
    Person,
    Progress,
    SpeakerTrack,
    Stopped,
    SummaryRequest,
    Turn,
    Utterance,
)
from tests.support.scripts import a_script

FILE = Path(__file__).parents[1] / "speech" / "data" / "meeting.ogg"
LENGTH_MS = 33_565
#: When people begin and end to speak in it, as a recogniser hears them.
SPOKEN = [(0, 5280), (5696, 10_560), (10_944, 15_456), (15_872, 20_704), (21_056, 24_032), (24_416, 26_944)]


def script_of_the_file(path: Path) -> str:
    """A script that says of the file what a real engine says."""
    done = {"done": {"audio_ms": LENGTH_MS, "cpu_ms": 1}}
    heard = [{"final": {"start_ms": start, "end_ms": end, "text": "something"}} for start, end in SPOKEN]
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
        transcribe=[{"needs": "OggS"}, {"detected": "en"}, total, *_slowly(heard), done],
        diarize=[{"needs": "OggS"}, total, *_slowly([]), *voices, *turns, done],
        summarize=[
            {"wait": 0.2},
            {"summary": {"overview": [{"text": "Something.", "segments": [0]}], "deeds": [deed]}},
        ],
    )


def _slowly(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for step in [{"wait": 0.2}, *steps] for part in (step, {"wait": 0.05})]


@pytest.fixture(scope="session")
def all_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Nodes]]:
    script = script_of_the_file(tmp_path_factory.mktemp("script") / "script.json")
    made = {"embedded": Nodes(["embedded://"]), "script": Nodes([script])}
    yield made
    for nodes in made.values():
        nodes.close()


@pytest.fixture(params=["embedded", "script"])
def nodes(request: pytest.FixtureRequest, all_nodes: dict[str, Nodes]) -> Nodes:
    """Each kind of node in turn; a new kind is added here."""
    return all_nodes[request.param]


def pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), 64 * 1024):
        yield content[start : start + 64 * 1024]


def transcribed(chosen: Chosen, start_ms: int = 0, call: Call | None = None) -> list[Any]:
    asked = AudioRequest("a test", start_ms=start_ms)
    return list(chosen.ask.transcribe(pieces(FILE.read_bytes()), asked, call or Call()))


def heard(answers: list[Any]) -> list[Final]:
    return [answer for answer in answers if isinstance(answer, Final)]


def test_it_says_what_it_is(nodes: Nodes) -> None:
    for kind in Kind:
        chosen = nodes.choose(kind)
        assert chosen.about.kind is kind
        assert chosen.about.name
        assert len(chosen.about.hash) == 64
        assert set(chosen.about.description) == {"name", "version", "model_id", "model_sha256"}
        assert chosen.node.lives()
    assert len({nodes.choose(kind).about.hash for kind in Kind}) == 3


def test_what_nobody_understands(nodes: Nodes) -> None:
    assert nodes.choose(Kind.ASR, "en").about.knows("en")
    with pytest.raises(NoCapableEngine, match="language fi; understood are: en"):
        nodes.choose(Kind.ASR, "fi")


def test_what_is_said_comes_in_order_with_progress_and_an_end(nodes: Nodes) -> None:
    answers = transcribed(nodes.choose(Kind.ASR))
    segments = heard(answers)
    assert [(segment.start_ms, segment.end_ms) for segment in segments][: len(SPOKEN)] == SPOKEN
    assert all(segment.text for segment in segments)
    assert Detected("en") in answers
    progress = [answer for answer in answers if isinstance(answer, Progress)]
    assert all(abs(answer.total_ms - LENGTH_MS) < 50 for answer in progress)
    assert isinstance(answers[-1], Done)
    assert (answers[-1].audio_ms, answers[-1].incomplete_reason) == (LENGTH_MS, "")


def test_who_resumes_gets_the_rest(nodes: Nodes) -> None:
    whole = heard(transcribed(nodes.choose(Kind.ASR)))
    known = whole[2].end_ms
    rest = heard(transcribed(nodes.choose(Kind.ASR), known - 2000))
    assert [segment for segment in rest if segment.start_ms >= known] == whole[3:]


def test_voices_come_before_turns(nodes: Nodes) -> None:
    chosen = nodes.choose(Kind.SPEAKER)
    answers = list(chosen.ask.diarize(pieces(FILE.read_bytes()), AudioRequest("a test", speaker_count=2), Call()))
    told = [answer for answer in answers if isinstance(answer, SpeakerTrack | Turn)]
    voices, turns = told[:2], told[2:]
    assert [voice.label for voice in voices if isinstance(voice, SpeakerTrack)] == ["S1", "S2"]
    assert {turn.label for turn in turns if isinstance(turn, Turn)} == {"S1", "S2"}
    assert isinstance(answers[-1], Done)


def test_what_it_sums_up_rests_on_what_was_said(nodes: Nodes) -> None:
    lines = ("We have decided to open the website in March.", "Bob will send a report by Friday.")
    segments = [
        Utterance(f"segment-{place}", place * 9000, place * 9000 + 8000, text) for place, text in enumerate(lines)
    ]
    asked = SummaryRequest("a test", segments, "en", [Person("bob-id", ("Bob Builder", "Bob"))])
    made = nodes.choose(Kind.SUMMARY).ask.summarize(asked, Call())
    assert made.overview
    (deed,) = made.deeds
    assert (deed.person_id, deed.segment_ids) == ("bob-id", ("segment-1",))


@pytest.mark.parametrize("kind", [Kind.ASR, Kind.SPEAKER])
def test_what_is_no_audio(nodes: Nodes, kind: Kind) -> None:
    ask = nodes.choose(kind).ask
    do = ask.transcribe if kind is Kind.ASR else ask.diarize
    with pytest.raises(BadRecording, match="not an audio file"):
        list(do(pieces(b"%PDF-1.7" + bytes(100_000)), AudioRequest("a test"), Call()))


@pytest.mark.parametrize("kind", [Kind.ASR, Kind.SPEAKER])
def test_a_call_that_is_stopped_ends_at_once(nodes: Nodes, kind: Kind) -> None:
    chosen, call = nodes.choose(kind), Call()
    ask = chosen.ask.transcribe if kind is Kind.ASR else chosen.ask.diarize
    threading.Timer(0.15, lambda: call.stop(Stopped())).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        list(ask(pieces(FILE.read_bytes() * 3), AudioRequest("a test"), call))
    assert time.monotonic() - began < 2
    assert call.stopped


def test_a_call_that_was_stopped_before_does_not_begin(nodes: Nodes) -> None:
    call = Call()
    call.stop(Stopped())
    with pytest.raises(Stopped):
        transcribed(nodes.choose(Kind.ASR), call=call)


def test_a_file_that_cannot_be_read_says_so(nodes: Nodes) -> None:
    def broken() -> Iterator[bytes]:
        yield FILE.read_bytes()[:1000]
        raise OSError("The storage is away.")

    with pytest.raises(OSError, match="storage is away"):
        list(nodes.choose(Kind.ASR).ask.transcribe(broken(), AudioRequest("a test"), Call()))


def test_a_connection_that_another_thread_has_closed_is_a_node_that_does_not_answer() -> None:
    connection = Connection("unix:nowhere")
    connection.close()
    wire = SpeechClient(lambda: connection)
    assert not wire.lives()
    with pytest.raises(EngineUnavailable):
        wire.engines()
    with pytest.raises(EngineUnavailable):
        list(wire.transcribe((), AudioRequest("a test"), Call()))


# Which nodes there are


@pytest.mark.parametrize(
    ("urls", "sentence"),
    [
        ([], "is empty"),
        (["grpcs://speech.example.com:50071"], "not supported yet"),
        (["openai+https://example.com"], "not supported yet"),
        (["pocketsphinx"], "is not a node"),
        (["http://example.com"], "use a URL that begins with"),
        (["embedded://here"], "nothing follows"),
    ],
)
def test_what_is_no_node_is_a_sentence(urls: list[str], sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        Nodes(urls)


def test_scripts_are_for_tests(settings: Any, tmp_path: Path) -> None:
    settings.SCRIPTED_SPEECH = False
    with pytest.raises(ImproperlyConfigured, match="requires DEBUG=true"):
        Nodes([a_script(tmp_path / "script.json")])


def test_the_first_that_can_is_asked(tmp_path: Path) -> None:
    german = [{"name": "german", "kind": "asr", "languages": ["de"]}]
    away = a_script(tmp_path / "away.json", unreachable=True)
    some = a_script(tmp_path / "some.json", engines=german)
    rest = a_script(tmp_path / "rest.json", engines=[{"name": "any", "kind": "asr"}, {"kind": "summary"}])
    nodes = Nodes([away, some, rest])
    assert nodes.choose(Kind.ASR, "de").about.name == "german"
    assert nodes.choose(Kind.ASR, "fr").about.name == "any"
    assert nodes.choose(Kind.ASR).about.name == "german"
    with pytest.raises(NoCapableEngine, match="tell voices apart"):
        Nodes([some, rest]).choose(Kind.SPEAKER)
    with pytest.raises(Exception, match="does not answer"):
        nodes.choose(Kind.SPEAKER)
