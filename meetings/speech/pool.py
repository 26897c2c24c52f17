"""The speech nodes of `settings.SPEECH_NODES`, and the choice of a node for a request."""

import atexit
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from core.url_credentials import without_credentials
from meetings.speech.engine_call import EngineCall
from meetings.speech.members import Listener, Member
from meetings.speech.node import EngineUnavailable, NoCapableEngine, Node, supports
from meetings.speech.validation import validate_diarization, validate_summary, validate_transcription
from tandem.speech.v1 import speech_pb2

#: What the engines of each kind do; completes the sentence "No speech engine here can …".
_ABILITIES = {
    speech_pb2.ENGINE_KIND_ASR: "turn speech into text",
    speech_pb2.ENGINE_KIND_SPEAKER: "separate voices",
    speech_pb2.ENGINE_KIND_SUMMARY: "summarise",
}


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine chosen for a request, and its node. The answers of its calls are validated.

    Attributes:
        is_fallback: a preferred node has, or may have, an engine for this request, but cannot be reached.
    """

    engine: speech_pb2.Engine
    member: Member
    is_fallback: bool = False

    @property
    def node(self) -> Node:
        return self.member.node

    def transcribe(
        self, start: speech_pb2.AsrStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.AsrDown]:
        """Transcribe a file; see `validate_transcription`."""
        return validate_transcription(start, self.member.observed(self.node.transcribe(start, audio, call)))

    def diarize(
        self, start: speech_pb2.AudioStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.DiarizeDown]:
        """Find when each speaker speaks in a file; see `validate_diarization`."""
        return validate_diarization(self.member.observed(self.node.diarize(start, audio, call)))

    def summarize(self, request: speech_pb2.SummarizeRequest, call: EngineCall) -> speech_pb2.Summary:
        """Summarise segments; see `validate_summary`."""
        return validate_summary(request, self.member.observed(self.node.summarize(request, call)))


class Nodes:
    """The nodes of this process, in order of preference.

    Args:
        urls: one for each node, of the schemes in `settings.SPEECH_SCHEMES`.
        listeners: see `Member`.

    Raises:
        ImproperlyConfigured: a URL is invalid, or its scheme is unknown.
    """

    def __init__(self, urls: Sequence[str], listeners: Sequence[Listener] = ()) -> None:
        self._members = [Member(without_credentials(url.partition("?")[0]), _node(url), listeners) for url in urls]

    def choose(self, kind: speech_pb2.EngineKind, language: str = "", avoided: Collection[Node] = ()) -> EngineChoice:
        """Return the first node with an engine of this kind for this language; empty = any.

        Args:
            avoided: nodes that are chosen only if no other can do it.

        A node without a free stream is passed over for another one on a network, and not for the child of this process,
        whose engines are simpler.

        Raises:
            NoCapableEngine: the message states what is missing.
            EngineUnavailable: no reachable node has one, and at least one node cannot be reached.
        """
        if avoided:
            others = [member for member in self._members if member.node not in avoided]
            with suppress(NoCapableEngine, EngineUnavailable):
                return replace(self._first(others, kind, language), is_fallback=True)
        return self._first(self._members, kind, language)

    def _first(self, members: Sequence[Member], kind: speech_pb2.EngineKind, language: str) -> EngineChoice:
        unavailable: EngineUnavailable | None = None
        busy: EngineChoice | None = None
        languages: set[str] = set()
        is_fallback = False
        for member in members:
            try:
                engines = [engine for engine in member.engines() if engine.kind == kind]
            except EngineUnavailable as exc:
                unavailable = unavailable or exc
                is_fallback = is_fallback or member.may_offer(kind, language)
                continue
            languages.update(language for engine in engines for language in engine.languages)
            able = next((engine for engine in engines if supports(engine, language)), None)
            if able is None:
                continue
            choice = EngineChoice(able, member, is_fallback)
            if not member.is_busy and not (busy and member.node.restarts_itself):
                return choice
            busy = busy or choice
        if busy:
            return busy
        if unavailable:
            raise unavailable
        raise NoCapableEngine(_missing(kind, language, languages))

    def close(self) -> None:
        """Close all nodes."""
        for member in self._members:
            member.node.close()


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
        raise ImproperlyConfigured(
            f"SPEECH_NODES must list URLs that begin with {known}; one is {without_credentials(url)!r}."
        )
    node: Node = import_string(settings.SPEECH_SCHEMES[scheme])(address)
    return node


#: Of the shared nodes of `nodes`.
listeners: list[Listener] = []


@cache
def nodes_of(urls: tuple[str, ...]) -> Nodes:
    """Return the nodes of these URLs: one shared instance, closed at exit."""
    nodes = Nodes(urls, listeners)
    atexit.register(nodes.close)
    return nodes


def nodes() -> Nodes:
    """Return the nodes of `settings.SPEECH_NODES`."""
    return nodes_of(tuple(settings.SPEECH_NODES))
