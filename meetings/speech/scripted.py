"""Engines that return the answers of a JSON file, for tests of the code around engines.

    {"engines": [{"name": "scripted", "version": "1", "kind": "asr", "languages": ["en"]}, …],
     "transcribe": [step, …], "diarize": [step, …], "summarize": [step, …]}

A step is one of `final`, `progress`, `detected`, `voice`, `turn`, `done`, `summary` (an answer, by the fields of the
dataclass), `wait` (seconds), `hang` (until the call is stopped; `{"lives": true}`: it still answers probes), `exit`
(of this process, as if killed), `needs` (how the file must begin), `fail` (an EngineError's name; with `sentence`, and
`times`: at most so often).
"""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from meetings.speech import protocols
from meetings.speech.protocols import (
    AudioRequest,
    BadRecording,
    Call,
    Detected,
    DetectedActionItem,
    Done,
    Engine,
    EngineUnavailable,
    Final,
    Kind,
    Progress,
    SpeakerTrack,
    Statement,
    Summary,
    SummaryRequest,
    Turn,
    Word,
)

_LONG = 3600.0


class ScriptedNode:
    """The engines of a file, which is read again for each call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hanging = 0
        self._failed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def engines(self) -> Sequence[Engine]:
        script = self._script()
        if script.get("unreachable"):
            raise EngineUnavailable("The speech node does not answer.")
        return [
            Engine(
                one.get("name", "scripted"),
                one.get("version", "1"),
                Kind[one["kind"].upper()],
                languages=tuple(one.get("languages", ())),
            )
            for one in script.get("engines", [{"kind": kind.name} for kind in Kind])
        ]

    def lives(self) -> bool:
        return not self._hanging

    def transcribe(
        self, audio: Iterable[bytes], request: AudioRequest, call: Call
    ) -> Iterator[Final | Progress | Detected | Done]:
        for name, value in self._played("transcribe", call, audio):
            match name:
                case "final":
                    words = tuple(Word(**word) for word in value.pop("words", ()))
                    final = Final(**{"confidence": 0.5, **value}, words=words)
                    # As in a real node, everything before `start_ms` is skipped.
                    if final.end_ms > request.start_ms or final.end_ms < final.start_ms:
                        yield final
                case "progress":
                    yield replace(Progress(**value), done_ms=max(value["done_ms"], request.start_ms))
                case "detected":
                    yield Detected(value)
                case "done":
                    yield Done(**value)

    def diarize(
        self, audio: Iterable[bytes], request: AudioRequest, call: Call
    ) -> Iterator[SpeakerTrack | Turn | Progress | Done]:
        for name, value in self._played("diarize", call, audio):
            match name:
                case "voice":
                    yield SpeakerTrack(value["label"], value.get("speech_ms", 0), tuple(value.get("voice_print", ())))
                case "turn":
                    yield Turn(**value)
                case "progress":
                    yield Progress(**value)
                case "done":
                    yield Done(**value)

    def summarize(self, request: SummaryRequest, call: Call) -> Summary:
        for name, value in self._played("summarize", call, ()):
            if name == "summary":
                return _summary(value, request)
        return Summary(language=request.language or "en")

    def give_up(self) -> None:
        """Answer probes again."""
        self._hanging = 0

    def close(self) -> None:
        """Do nothing: there is no process or connection."""

    def _script(self) -> dict[str, Any]:
        script: dict[str, Any] = json.loads(self._path.read_text())
        return script

    def _played(self, what: str, call: Call, audio: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
        """Yield the steps that are answers, and perform the others. Read the whole file first, as a node does."""
        first = b""
        for chunk in audio:
            first = first or chunk
            call.raise_if_stopped()
        for place, step in enumerate(self._script().get(what, ())):
            call.raise_if_stopped()
            ((name, value),) = ((name, value) for name, value in step.items() if name not in ("sentence", "times"))
            match name:
                case "wait":
                    call.wait(value)
                case "hang":
                    self._hang(call, lives=value.get("lives", False))
                case "exit":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "needs":
                    if not first.startswith(value.encode()):
                        raise BadRecording("This is not an audio file, or its format is not known.")
                case "fail":
                    self._fail(f"{what} {place}", value, step)
                case _:
                    call.moved()
                    yield name, value

    def _hang(self, call: Call, *, lives: bool) -> None:
        self._hanging += not lives
        call.wait(_LONG)

    def _fail(self, which: str, name: str, step: dict[str, Any]) -> None:
        with self._lock:
            self._failed[which] += 1
            if self._failed[which] > step.get("times", float("inf")):
                return
        error: type[Exception] = getattr(protocols, name)
        raise error(step.get("sentence", "It went wrong."))


def _summary(value: dict[str, Any], request: SummaryRequest) -> Summary:
    """Return the summary. Segments are given by index and persons by a name; any other text makes it invalid."""

    def segments(one: dict[str, Any]) -> tuple[str, ...]:
        named = one.get("segments", [0])
        return tuple(request.segments[which].segment_id if isinstance(which, int) else which for which in named)

    def person(one: dict[str, Any]) -> str:
        found = [some.person_id for some in request.roster if one.get("person") in some.names]
        return found[0] if found else str(one.get("person_id", ""))

    def statements(name: str) -> tuple[Statement, ...]:
        return tuple(Statement(one["text"], segments(one)) for one in value.get(name, ()))

    deeds = [
        DetectedActionItem(
            text=one["text"],
            segment_ids=segments(one),
            owner=one.get("owner", ""),
            person_id=person(one),
            due=one.get("due", ""),
            due_on=date.fromisoformat(one["due_on"]) if "due_on" in one else None,
            confidence=one.get("confidence", 0.5),
        )
        for one in value.get("deeds", ())
    ]
    return Summary(
        statements("overview"), statements("topics"), statements("decisions"), tuple(deeds), value.get("language", "en")
    )
