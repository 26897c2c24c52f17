"""Interface of a speech node, its errors, and the descriptions of its engines."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from meetings.speech.engine_call import EngineCall
from tandem.speech.v1 import speech_pb2


class EngineError(Exception):
    """Base of the errors below. The message is a sentence for people."""


class BadRecording(EngineError):
    """No engine of this kind can process the recording: no audio, too large. Do not retry."""


class NoCapableEngine(EngineError):
    """No engine of this kind is configured, or none supports the language."""


class EngineUnavailable(EngineError):
    """No engine could be reached, or it has no space for the file. Processing has not begun; retry later."""


class NodeUnavailable(EngineUnavailable):
    """The node of this call could not be reached, and is passed over for a time. Choose another one at once."""


class EngineBusy(EngineError):
    """All streams of the engine are in use. Retry soon; this does not count as an attempt."""


class EngineFailed(EngineError):
    """The engine died, hung, ended early, or gave an invalid answer. Retry a limited number of times."""


class EngineLost(EngineFailed):
    """The connection to the node broke during the call."""


class Node(Protocol):
    """A process that runs engines.

    Its calls block, yield the answers as they arrive, and end soon after their `EngineCall` was stopped. They raise an
    EngineError, or the reason why the call was stopped.

    Attributes:
        restarts_itself: this process starts it when it is needed, so it has no circuit breaker.
    """

    restarts_itself: bool

    def engines(self) -> Sequence[speech_pb2.Engine]:
        """Return the engines that are available at present.

        Raises:
            EngineUnavailable: the node cannot be reached.
        """
        ...

    def lives(self) -> bool:
        """Return whether the node answers within seconds, even if it is busy."""
        ...

    def transcribe(
        self, start: speech_pb2.AsrStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.AsrDown]:
        """Transcribe a file, whose bytes are `audio`; empty bytes stand for a pause of a file that grows."""
        ...

    def diarize(
        self, start: speech_pb2.AudioStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.DiarizeDown]:
        """Find when each speaker speaks in a file, whose bytes are `audio`."""
        ...

    def summarize(self, request: speech_pb2.SummarizeRequest, call: EngineCall) -> Iterator[speech_pb2.SummarizeDown]:
        """Summarise segments."""
        ...

    def give_up(self) -> None:
        """Restart the node, if this process can, because it has hung."""
        ...

    def close(self) -> None:
        """Stop the node's process and close its connection, if there are any."""
        ...


def describe(engine: speech_pb2.Engine) -> dict[str, str]:
    """Return an engine's description for rows and messages."""
    return {
        "name": engine.name,
        "version": engine.version,
        "model_id": engine.model_id,
        "model_sha256": engine.model_sha256,
    }


def hash_of(engine: speech_pb2.Engine) -> str:
    """Return the SHA-256 of an engine's description. Engines with the same hash give the same answers."""
    kind = speech_pb2.EngineKind.Name(engine.kind).removeprefix("ENGINE_KIND_")
    return hashlib.sha256(json.dumps([kind, describe(engine)], sort_keys=True).encode()).hexdigest()


def supports(engine: speech_pb2.Engine, language: str) -> bool:
    """Return whether an engine supports this language; empty = to be detected."""
    return not language or not engine.languages or language in engine.languages
