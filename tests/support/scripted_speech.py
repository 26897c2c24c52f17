"""A speech node that returns the answers of a JSON file. The settings of tests give it the scheme `script://`.

    {"engines": [{"name": "scripted", "version": "1", "kind": "asr", "languages": ["en"]}, …],
     "transcribe": [step, …], "diarize": [step, …], "summarize": [step, …]}

A step is an answer: `accepted` (an engine's name), `final`, `progress`, `detected`, `voice`, `turn`, `done`, `summary`;
or `wait` (seconds), `hang` (until the call is stopped; `{"lives": true}`: it still answers probes), `needs` (how the
file must begin), `fail` (an EngineError's name; with `sentence`, and `times`: at most so often).
"""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from meetings.speech import node
from meetings.speech.engine_call import EngineCall
from meetings.speech.node import BadRecording, EngineUnavailable
from tandem.speech.v1 import speech_pb2

_LONG = 3600.0
_KINDS = ("asr", "speaker", "summary")


class ScriptedNode:
    """The engines of a file, which is read again for each call.

    Args:
        address: the file's path.
    """

    restarts_itself = True

    def __init__(self, address: str) -> None:
        self._path = Path(address)
        self._hanging = 0
        self._failed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def engines(self) -> Sequence[speech_pb2.Engine]:
        script = self._script()
        if script.get("unreachable"):
            raise EngineUnavailable("The speech node does not answer.")
        return [
            speech_pb2.Engine(
                name=one.get("name", "scripted"),
                version=one.get("version", "1"),
                kind=speech_pb2.EngineKind.Value(f"ENGINE_KIND_{one['kind'].upper()}"),
                languages=one.get("languages", ()),
                model_sha256=one.get("model_sha256", ""),
                calibrated_threshold=one.get("threshold", 0),
                calibrated_margin=one.get("margin", 0),
            )
            for one in script.get("engines", [{"kind": kind} for kind in _KINDS])
        ]

    def lives(self) -> bool:
        return not self._hanging

    def transcribe(
        self, start: speech_pb2.AsrStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.AsrDown]:
        for name, value in self._answers("transcribe", call, audio):
            match name:
                case "final":
                    text = value["text"].replace("{vocabulary}", ", ".join(start.vocabulary))
                    text = text.replace("{start_ms}", str(start.start_ms))
                    segment = speech_pb2.Segment(**{"final": True, "confidence": 0.5, **value, "text": text})
                    # As in a real node, everything before `start_ms` is skipped.
                    if segment.end_ms > start.start_ms or segment.end_ms < segment.start_ms:
                        yield speech_pb2.AsrDown(segment=segment)
                case "progress":
                    yield speech_pb2.AsrDown(progress=_progress(value, start.start_ms))
                case "accepted":
                    yield speech_pb2.AsrDown(accepted=speech_pb2.Accepted(engine=speech_pb2.Engine(name=value)))
                case "detected":
                    yield speech_pb2.AsrDown(language=speech_pb2.DetectedLanguage(language=value))
                case "done":
                    yield speech_pb2.AsrDown(done=_done(value))

    def diarize(
        self, start: speech_pb2.AudioStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.DiarizeDown]:
        for name, value in self._answers("diarize", call, audio):
            match name:
                case "voice":
                    embedding = value.pop("voice_print", ())
                    yield speech_pb2.DiarizeDown(speaker=speech_pb2.Speaker(**value, embedding=embedding))
                case "turn":
                    yield speech_pb2.DiarizeDown(turn=speech_pb2.Turn(**value))
                case "progress":
                    yield speech_pb2.DiarizeDown(progress=_progress(value))
                case "done":
                    yield speech_pb2.DiarizeDown(done=_done(value))

    def summarize(self, request: speech_pb2.SummarizeRequest, call: EngineCall) -> Iterator[speech_pb2.SummarizeDown]:
        result = speech_pb2.Summary(language=request.language or "en")
        for name, value in self._answers("summarize", call, ()):
            if name == "summary":
                result = _summary(value, request)
        yield speech_pb2.SummarizeDown(result=result)

    def give_up(self) -> None:
        """Answer probes again."""
        self._hanging = 0

    def close(self) -> None:
        """Do nothing: there is no process or connection."""

    def _script(self) -> dict[str, Any]:
        script: dict[str, Any] = json.loads(self._path.read_text())
        return script

    def _answers(self, rpc: str, call: EngineCall, audio: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
        """Yield the steps that are answers, and perform the others. Read the whole file first, as a node does."""
        first = b""
        for chunk in audio:
            first = first or chunk
            call.raise_if_stopped()
        for place, step in enumerate(self._script().get(rpc, ())):
            call.raise_if_stopped()
            ((name, value),) = ((name, value) for name, value in step.items() if name not in ("sentence", "times"))
            match name:
                case "wait":
                    call.wait(value)
                case "hang":
                    self._hang(call, lives=value.get("lives", False))
                case "needs":
                    if not first.startswith(value.encode()):
                        raise BadRecording("This is not an audio file, or its format is not known.")
                case "fail":
                    self._fail(f"{rpc} {place}", value, step)
                case _:
                    call.record_progress()
                    yield name, value

    def _hang(self, call: EngineCall, *, lives: bool) -> None:
        self._hanging += not lives
        call.wait(_LONG)

    def _fail(self, which: str, name: str, step: dict[str, Any]) -> None:
        with self._lock:
            self._failed[which] += 1
            if self._failed[which] > step.get("times", float("inf")):
                return
        error: type[Exception] = getattr(node, name)
        raise error(step.get("sentence", "It went wrong."))


def _done(value: dict[str, Any]) -> speech_pb2.Done:
    return speech_pb2.Done(**{**value, "peaks": bytes(value.get("peaks", ()))})


def _progress(value: dict[str, int], start_ms: int = 0) -> speech_pb2.Progress:
    return speech_pb2.Progress(audio_ms_done=max(value["done_ms"], start_ms), audio_ms_total=value.get("total_ms", 0))


def _summary(value: dict[str, Any], request: speech_pb2.SummarizeRequest) -> speech_pb2.Summary:
    """Return the summary. Segments are given by index and persons by a name; any other text makes it invalid."""

    def segments(one: dict[str, Any]) -> list[str]:
        named = one.get("segments", [0])
        return [request.segments[which].segment_id if isinstance(which, int) else which for which in named]

    def person(one: dict[str, Any]) -> str:
        found = [some.person_id for some in request.roster if one.get("person") in some.names]
        return found[0] if found else str(one.get("person_id", ""))

    def statements(name: str) -> list[speech_pb2.Statement]:
        whole = " / ".join(segment.text for segment in request.segments)
        return [
            speech_pb2.Statement(text=one["text"].replace("{transcript}", whole), segment_ids=segments(one))
            for one in value.get(name, ())
        ]

    items = [
        speech_pb2.ActionItem(
            text=one["text"],
            segment_ids=segments(one),
            owner=one.get("owner", ""),
            person_id=person(one),
            due=one.get("due", ""),
            due_on=one.get("due_on", ""),
            confidence=one.get("confidence", 0.5),
        )
        for one in value.get("deeds", ())
    ]
    return speech_pb2.Summary(
        overview=statements("overview"),
        topics=statements("topics"),
        decisions=statements("decisions"),
        action_items=items,
        language=value.get("language", "en"),
    )


class RemoteScriptedNode(ScriptedNode):
    """The same with a circuit breaker, as the nodes of other machines have one: `remote-script://`."""

    restarts_itself = False
