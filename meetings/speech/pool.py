"""Which nodes there are (`settings.SPEECH_NODES`), and which of them does what."""

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

#: How long what a node said of itself is believed.
BELIEVED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who does it.

    Attributes:
        about: the engine.
        ask: its node, whose answers are held against the rules.
        node: the same, to see whether it lives.
    """

    about: Engine
    ask: ValidatingNode
    node: Node


class Nodes:
    """The nodes of this process, in the order in which they are preferred.

    Args:
        urls: of each; see `SCHEMES`.

    Raises:
        ImproperlyConfigured: one is not known, or not for use here.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        if not urls:
            raise ImproperlyConfigured("SPEECH_NODES is empty: name at least one node, such as embedded://.")
        self._nodes = [_made(url) for url in urls]
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, Sequence[Engine]]] = {}

    def choose(self, kind: Kind, language: str = "") -> Chosen:
        """The first node that can, for this language; empty = any.

        Raises:
            NoCapableEngine: the sentence says what is missing.
            EngineUnavailable: one might, but cannot be asked.
        """
        away: EngineUnavailable | None = None
        languages: set[str] = set()
        for place, node in enumerate(self._nodes):
            try:
                engines = [engine for engine in self._engines(place, node) if engine.kind is kind]
            except EngineUnavailable as exc:
                away = exc
                continue
            for engine in engines:
                if engine.knows(language):
                    return Chosen(engine, ValidatingNode(node), node)
                languages.update(engine.languages)
        if away:
            raise away
        raise NoCapableEngine(_missing(kind, language, languages))

    def close(self) -> None:
        """Ends what was started for them."""
        for node in self._nodes:
            node.close()

    def _engines(self, place: int, node: Node) -> Sequence[Engine]:
        with self._lock:
            known = self._known.get(place)
        if known and time.monotonic() - known[0] < BELIEVED_SECONDS:
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
        raise ImproperlyConfigured(f"SPEECH_NODES: {url} invents what was said: it is for tests, and needs DEBUG=true.")
    return ScriptedNode(Path(url.removeprefix("script://")))


def _not_yet(url: str) -> Node:
    raise ImproperlyConfigured(f"SPEECH_NODES: {url}: such nodes are not there yet; use embedded://.")


#: The beginning of a URL → its node.
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
        raise ImproperlyConfigured(f"SPEECH_NODES: {url} is no node; one begins with {known}.")
    return SCHEMES[scheme](url)


@cache
def nodes_of(urls: tuple[str, ...]) -> Nodes:
    """The nodes of these URLs, the same each time; ended with this process."""
    nodes = Nodes(urls)
    atexit.register(nodes.close)
    return nodes


def nodes() -> Nodes:
    """The nodes of the settings."""
    return nodes_of(tuple(settings.SPEECH_NODES))
