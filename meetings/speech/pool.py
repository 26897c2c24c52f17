"""The speech nodes of `settings.SPEECH_NODES`, and the choice of a node for a request."""

import atexit
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from meetings.speech.engine_call import EngineCall
from meetings.speech.node import EngineUnavailable, NoCapableEngine, Node, supports
from meetings.speech.validation import validate_diarization, validate_summary, validate_transcription
from tandem.speech.v1 import speech_pb2

#: How long a node's capabilities are cached.
CACHE_SECONDS = 5.0
#: What the engines of each kind do; completes the sentence "No speech engine here can …".
_ABILITIES = {
    speech_pb2.ENGINE_KIND_ASR: "turn speech into text",
    speech_pb2.ENGINE_KIND_SPEAKER: "separate voices",
    speech_pb2.ENGINE_KIND_SUMMARY: "summarise",
}


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine chosen for a request, and its node. The answers of its calls are validated."""

    engine: speech_pb2.Engine
    node: Node

    def transcribe(
        self, start: speech_pb2.AsrStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.AsrDown]:
        """Transcribe a file; see `validate_transcription`."""
        return validate_transcription(start, self.node.transcribe(start, audio, call))

    def diarize(
        self, start: speech_pb2.AudioStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.DiarizeDown]:
        """Find when each speaker speaks in a file; see `validate_diarization`."""
        return validate_diarization(self.node.diarize(start, audio, call))

    def summarize(self, request: speech_pb2.SummarizeRequest, call: EngineCall) -> speech_pb2.Summary:
        """Summarise segments; see `validate_summary`."""
        return validate_summary(request, self.node.summarize(request, call))


class Nodes:
    """The nodes of this process, in order of preference.

    Args:
        urls: one for each node, of the schemes in `settings.SPEECH_SCHEMES`.

    Raises:
        ImproperlyConfigured: a URL is invalid, or its scheme is unknown.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._nodes = [_node(url) for url in urls]
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, Sequence[speech_pb2.Engine]]] = {}

    def choose(self, kind: speech_pb2.EngineKind, language: str = "") -> EngineChoice:
        """Return the first node with an engine of this kind for this language; empty = any.

        Raises:
            NoCapableEngine: the message states what is missing.
            EngineUnavailable: no reachable node has one, and at least one node cannot be reached.
        """
        unavailable: EngineUnavailable | None = None
        languages: set[str] = set()
        for place, node in enumerate(self._nodes):
            try:
                engines = [engine for engine in self._engines(place, node) if engine.kind == kind]
            except EngineUnavailable as exc:
                unavailable = exc
                continue
            for engine in engines:
                if supports(engine, language):
                    return EngineChoice(engine, node)
                languages.update(engine.languages)
        if unavailable:
            raise unavailable
        raise NoCapableEngine(_missing(kind, language, languages))

    def close(self) -> None:
        """Close all nodes."""
        for node in self._nodes:
            node.close()

    def _engines(self, place: int, node: Node) -> Sequence[speech_pb2.Engine]:
        with self._lock:
            known = self._known.get(place)
        if known and time.monotonic() - known[0] < CACHE_SECONDS:
            return known[1]
        engines = node.engines()
        with self._lock:
            self._known[place] = time.monotonic(), engines
        return engines


def _missing(kind: speech_pb2.EngineKind, language: str, languages: set[str]) -> str:
    if languages:
        return (
            f"No speech engine here understands the language {language}; understood are: "
            f"{', '.join(sorted(languages))}. Correct the meeting's language, or have an administrator add a node that "
            "understands it (SPEECH_NODES); then have the meeting transcribed again."
        )
    return (
        f"No speech engine here can {_ABILITIES[kind]}. Have an administrator add a node that can (SPEECH_NODES), then "
        "have the meeting transcribed again."
    )


def _node(url: str) -> Node:
    scheme, _, address = url.partition("://")
    if scheme not in settings.SPEECH_SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in settings.SPEECH_SCHEMES)
        raise ImproperlyConfigured(f"SPEECH_NODES must list URLs that begin with {known}; one is {url!r}.")
    node: Node = import_string(settings.SPEECH_SCHEMES[scheme])(address)
    return node


@cache
def nodes_of(urls: tuple[str, ...]) -> Nodes:
    """Return the nodes of these URLs: one shared instance, closed at exit."""
    nodes = Nodes(urls)
    atexit.register(nodes.close)
    return nodes


def nodes() -> Nodes:
    """Return the nodes of `settings.SPEECH_NODES`."""
    return nodes_of(tuple(settings.SPEECH_NODES))
