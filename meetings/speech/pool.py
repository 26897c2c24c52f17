"""The speech nodes of `settings.SPEECH_NODES`, and the choice of a node for a request."""

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from meetings.speech.child_process import EmbeddedNode
from meetings.speech.protocols import Engine, EngineUnavailable, Kind, NoCapableEngine, Node
from meetings.speech.scripted import ScriptedNode
from meetings.speech.validation import ValidatingNode

#: How long a node's capabilities are cached.
CACHE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """The engine chosen for a request.

    Attributes:
        about: the engine.
        ask: its node, with validation of the answers.
        node: the same node, for supervision.
    """

    about: Engine
    ask: ValidatingNode
    node: Node


class Nodes:
    """The nodes of this process, in order of preference.

    Args:
        urls: one for each node; see `SCHEMES`.

    Raises:
        ImproperlyConfigured: a URL is invalid, or not permitted by the settings.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        if not urls:
            raise ImproperlyConfigured("SPEECH_NODES is empty: name at least one node, such as embedded://.")
        self._nodes = [_made(url) for url in urls]
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, Sequence[Engine]]] = {}

    def choose(self, kind: Kind, language: str = "") -> Chosen:
        """Return the first node with an engine of this kind for this language; empty = any.

        Raises:
            NoCapableEngine: the message states what is missing.
            EngineUnavailable: no reachable node has one, and at least one node cannot be reached.
        """
        unavailable: EngineUnavailable | None = None
        languages: set[str] = set()
        for place, node in enumerate(self._nodes):
            try:
                engines = [engine for engine in self._engines(place, node) if engine.kind is kind]
            except EngineUnavailable as exc:
                unavailable = exc
                continue
            for engine in engines:
                if engine.knows(language):
                    return Chosen(engine, ValidatingNode(node), node)
                languages.update(engine.languages)
        if unavailable:
            raise unavailable
        raise NoCapableEngine(_missing(kind, language, languages))

    def close(self) -> None:
        """Close all nodes."""
        for node in self._nodes:
            node.close()

    def _engines(self, place: int, node: Node) -> Sequence[Engine]:
        with self._lock:
            known = self._known.get(place)
        if known and time.monotonic() - known[0] < CACHE_SECONDS:
            return known[1]
        engines = node.engines()
        with self._lock:
            self._known[place] = time.monotonic(), engines
        return engines


def _missing(kind: Kind, language: str, languages: set[str]) -> str:
    if languages:
        return (
            f"No speech engine here understands the language {language}; understood are: "
            f"{', '.join(sorted(languages))}. Correct the meeting's language and have it transcribed again."
        )
    return (
        f"No speech engine here can {kind.value}. Have an administrator add a node that can (SPEECH_NODES), then have "
        "the meeting transcribed again."
    )


def _embedded(url: str) -> Node:
    if url != "embedded://":
        raise ImproperlyConfigured(f"SPEECH_NODES: {url}: nothing follows embedded://.")
    return EmbeddedNode()


def _scripted(url: str) -> Node:
    if not settings.SCRIPTED_SPEECH:
        raise ImproperlyConfigured(
            f"SPEECH_NODES: {url} returns scripted answers. It is for tests, and requires DEBUG=true."
        )
    return ScriptedNode(Path(url.removeprefix("script://")))


def _not_yet(url: str) -> Node:
    raise ImproperlyConfigured(f"SPEECH_NODES: {url}: such nodes are not supported yet; use embedded://.")


#: Scheme of a URL → constructor of its node.
SCHEMES: dict[str, Callable[[str], Node]] = {
    "embedded": _embedded,
    "script": _scripted,
    "grpcs": _not_yet,
    "openai+http": _not_yet,
    "openai+https": _not_yet,
}


def _made(url: str) -> Node:
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise ImproperlyConfigured(f"SPEECH_NODES: {url} is not a node; use a URL that begins with {known}.")
    return SCHEMES[scheme](url)


@cache
def nodes_of(urls: tuple[str, ...]) -> Nodes:
    """Return the nodes of these URLs: one shared instance, closed at exit."""
    nodes = Nodes(urls)
    atexit.register(nodes.close)
    return nodes


def nodes() -> Nodes:
    """Return the nodes of `settings.SPEECH_NODES`."""
    return nodes_of(tuple(settings.SPEECH_NODES))
