"""Classification of crops, by the symbols that a project has shown first, and by the committed model otherwise."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from drawing_engine.classifier.classes import CLASSES, UNKNOWN
from drawing_engine.classifier.crops import SIDE, Crops

Floats = npt.NDArray[np.float32]

FOLDER = Path(__file__).parent
MODEL, DESCRIPTION = "symbols.onnx", "symbols.json"
#: Crops that the model takes at once: enough for speed, and little memory.
_BATCH = 64
_MAX_ALTERNATIVES = 3
#: Another class is an alternative at this probability or more.
_MIN_ALTERNATIVE = 0.01


class ClassifierUnavailable(Exception):
    """The model cannot be used here. Its text is a sentence for people."""


class Alternative(NamedTuple):
    """A class, and its confidence from 0 to 1."""

    name: str
    confidence: float


@dataclass(frozen=True)
class Recognition:
    """The class of a crop.

    Attributes:
        name: its class, one of `CLASSES` or the name of an exemplar; `unknown` below the threshold.
        confidence: of that class, from 0 to 1; for `unknown`, that of the best one.
        alternatives: other classes, the most probable first; for `unknown`, the best one is the first.
        by_exemplar: whether an exemplar decided, in which case the confidence is the similarity to it.
    """

    name: str
    confidence: float
    alternatives: tuple[Alternative, ...]
    by_exemplar: bool = False


class Features(NamedTuple):
    """The results of the model: embeddings (n, size) of length 1, and probabilities (n, classes)."""

    embeddings: Floats
    probabilities: Floats


class Exemplars(NamedTuple):
    """Known symbols: their names, and embeddings (names, 8, size) in each position."""

    names: tuple[str, ...]
    embeddings: Floats


class SymbolClassifier:
    """The model, in one thread. It may be used by several threads at once.

    Raises:
        ClassifierUnavailable: a file is missing or not the expected one, or onnxruntime is not installed.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        description = _description(folder)
        self.threshold: float = description["threshold"]
        self.exemplar_threshold: float = description["exemplar_threshold"]
        self.sha256: str = description["sha256"]
        self._session = _session(_model(folder, self.sha256))

    def features(self, crops: Crops) -> Features:
        """Return embeddings and probabilities of crops (n, SIDE, SIDE)."""
        embeddings, probabilities = [], []
        for start in range(0, len(crops), _BATCH):
            given = {"crops": crops[start : start + _BATCH, :, :, None]}
            one, two = self._session.run(["embeddings", "probabilities"], given)
            embeddings.append(one)
            probabilities.append(two)
        if not embeddings:
            return Features(np.zeros((0, 0), np.float32), np.zeros((0, len(CLASSES)), np.float32))
        return Features(np.concatenate(embeddings), np.concatenate(probabilities))

    def exemplars(self, names: Sequence[str], crops: Crops) -> Exemplars:
        """Return exemplars of these names, one crop each."""
        if len(names) != len(crops):
            raise ValueError("An exemplar is a name and a crop.")
        turned = np.stack([_position(crops, number) for number in range(8)], 1).reshape(-1, SIDE, SIDE)
        embeddings = self.features(np.ascontiguousarray(turned)).embeddings
        return Exemplars(tuple(names), embeddings.reshape(len(names), 8, -1 if len(names) else 0))

    def classify(self, crops: Crops, exemplars: Exemplars | None = None) -> list[Recognition]:
        """Return what each crop shows.

        Args:
            crops: images (n, SIDE, SIDE), as `crops` makes them.
            exemplars: symbols of the project; a crop that is similar to one has its name.
        """
        found = self.features(crops)
        similar = _similarities(found.embeddings, exemplars) if exemplars and exemplars.names else None
        results = []
        for at, (crop, probabilities) in enumerate(zip(crops, found.probabilities, strict=True)):
            if not crop.any():
                results.append(Recognition(UNKNOWN, 0.0, ()))
            elif similar is not None and exemplars and similar[at].max() >= self.exemplar_threshold:
                results.append(_by_exemplar(exemplars.names, similar[at]))
            else:
                results.append(self._by_model(probabilities))
        return results

    def _by_model(self, probabilities: Floats) -> Recognition:
        order = probabilities.argsort()[::-1]
        ranked = [Alternative(CLASSES[number], float(probabilities[number])) for number in order]
        best = ranked[0]
        named = [one for one in ranked if one.name != UNKNOWN and one.confidence >= _MIN_ALTERNATIVE]
        if best.name == UNKNOWN or best.confidence < self.threshold:
            return Recognition(UNKNOWN, best.confidence, tuple(named[:_MAX_ALTERNATIVES]))
        return Recognition(best.name, best.confidence, tuple(named[1 : 1 + _MAX_ALTERNATIVES]))


def _description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    try:
        description: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ClassifierUnavailable(
            f"The description {path.name} of the symbol classifier cannot be read; restore it from the release."
        ) from error
    if tuple(description.get("classes", ())) != CLASSES:
        raise ClassifierUnavailable(
            f"The description {path.name} of the symbol classifier has other classes than this release; restore it."
        )
    return description


def _model(folder: Path, sha256: str) -> bytes:
    path = folder / MODEL
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ClassifierUnavailable(
            f"The model {path.name} of the symbol classifier cannot be read; restore it from the release."
        ) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ClassifierUnavailable(
            f"The model {path.name} of the symbol classifier is not the expected file (its SHA-256 differs); "
            "restore it from the release."
        )
    return content


def _session(content: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ClassifierUnavailable(
            "The symbol classifier needs onnxruntime, which is not installed: "
            ".venv/bin/pip install --no-deps -r requirements-moonshine.txt"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _position(crops: Crops, number: int) -> Crops:
    """Return the crops in one of eight positions: quarter turns, and their mirror images."""
    turned = np.rot90(crops, number % 4, axes=(1, 2))
    return turned[:, :, ::-1] if number >= 4 else turned


def _similarities(embeddings: Floats, exemplars: Exemplars) -> Floats:
    """Return the cosine similarity of each crop to each exemplar, in the position where it is the greatest."""
    similar: Floats = np.einsum("ne,mpe->nmp", embeddings, exemplars.embeddings).max(axis=2)
    return similar


def _by_exemplar(names: tuple[str, ...], similar: Floats) -> Recognition:
    ranked: dict[str, float] = {}
    for at in similar.argsort()[::-1]:
        ranked.setdefault(names[at], round(min(1.0, float(similar[at])), 6))
    (name, confidence), *others = ranked.items()
    alternatives = [Alternative(other, value) for other, value in others if value > 0]
    return Recognition(name, confidence, tuple(alternatives[:_MAX_ALTERNATIVES]), by_exemplar=True)
