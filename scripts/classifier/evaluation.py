"""The classifier's figures: on its own kind of symbols, on a style that it never saw, with and without exemplars."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from drawing_engine.classifier import crops
from drawing_engine.classifier.classes import CLASSES, UNKNOWN
from drawing_engine.classifier.model import Exemplars, SymbolClassifier
from scripts.classifier import evaluation_style
from scripts.classifier.samples import NUMBERS, distorted, draw
from scripts.classifier.shapes import Drawing, segments_of

#: Crops of symbols of training's kind, from seeds that training does not use: `labels` and `crops` (bits of 4 levels).
SAME_KIND = Path(__file__).with_name("same_kind.npz")
#: Seeds of the evaluation, fixed before the first training.
STYLE_SEED, CROPS_EACH = 20261201, 24
#: Distortion of the evaluation's crops, and the share of them with foreign lines.
STRENGTH, CLUTTER = 0.4, 0.1

Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Figures:
    """Results of an evaluation, as shares.

    Attributes:
        zero_shot: of crops whose most probable class is right, without a threshold.
        precision: of crops above the threshold that are right.
        coverage: of crops that are above the threshold.
        one_exemplar: of crops whose nearest exemplar is the right one, one exemplar for each symbol.
        exemplar_precision: of crops above the threshold of exemplars that are right.
        exemplar_coverage: of crops above the threshold of exemplars.
        mistakes: right class, given class, crops; the most frequent first.
    """

    zero_shot: float
    precision: float
    coverage: float
    one_exemplar: float
    exemplar_precision: float
    exemplar_coverage: float
    mistakes: list[tuple[str, str, int]]


@dataclass(frozen=True)
class Style:
    """A set of symbols: the class and the drawing of each."""

    names: list[str]
    drawings: list[Drawing]


def evaluation_symbols() -> Style:
    """Return the symbols of the style that training never sees."""
    pairs = [(name, symbol()) for name, symbols in evaluation_style.STYLE.items() for symbol in symbols]
    return Style([name for name, _ in pairs], [drawing for _, drawing in pairs])


def varied(style: Style, seed: int = STYLE_SEED, each: int = CROPS_EACH) -> tuple[crops.Crops, npt.NDArray[np.int64]]:
    """Return crops of a style in all positions, a little distorted, some beside foreign lines; and their symbols."""
    random = np.random.default_rng(seed)
    drawn = [
        draw(distorted(drawing, random, strength=STRENGTH), random, clutter=CLUTTER)
        for drawing in style.drawings
        for _ in range(each)
    ]
    images = crops.from_segments(
        [segments for segments, _, _ in drawn],
        areas=[areas for _, areas, _ in drawn],
        strokes=[width for _, _, width in drawn],
    )
    return images, np.repeat(np.arange(len(style.names)), each)


def exemplars_of(classifier: SymbolClassifier, style: Style) -> Exemplars:
    """Return one exemplar for each symbol of a style, as drawn."""
    images = crops.from_segments([segments_of(drawing) for drawing in style.drawings])
    return classifier.exemplars([str(number) for number in range(len(style.names))], images)


def evaluate(classifier: SymbolClassifier, style: Style, seed: int = STYLE_SEED) -> Figures:
    """Return the figures of a style."""
    images, symbols = varied(style, seed)
    names: Names = np.array(style.names)
    right = names[symbols]
    found = classifier.features(images)
    known = found.probabilities[:, : NUMBERS[UNKNOWN]]
    guesses = np.array(CLASSES)[known.argmax(axis=1)]
    results = classifier.classify(images)
    accepted = np.array([result.name != UNKNOWN for result in results])
    given = np.array([result.name for result in results])
    exemplars = exemplars_of(classifier, style)
    similar = np.einsum("ne,mpe->nmp", found.embeddings, exemplars.embeddings).max(axis=2)
    nearest, near = names[similar.argmax(axis=1)], similar.max(axis=1) >= classifier.exemplar_threshold
    return Figures(
        zero_shot=_share(guesses == right),
        precision=_share((given == right)[accepted]),
        coverage=_share(accepted),
        one_exemplar=_share(nearest == right),
        exemplar_precision=_share((nearest == right)[near]),
        exemplar_coverage=_share(near),
        mistakes=mistakes(right, guesses),
    )


def mistakes(right: Names, guesses: Names) -> list[tuple[str, str, int]]:
    """Return which classes were taken for which, and how often, the most frequent first."""
    pairs, counts = np.unique(np.stack([right, guesses])[:, right != guesses], axis=1, return_counts=True)
    found = [(str(one), str(two), int(count)) for (one, two), count in zip(pairs.T, counts, strict=True)]
    return sorted(found, key=lambda one: -one[2])


def _share(values: npt.NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else 0.0


def same_kind() -> tuple[crops.Crops, Names]:
    """Return the committed crops of training's kind, and their classes, `unknown` among them."""
    with np.load(SAME_KIND, allow_pickle=False) as file:
        packed, labels, shape = file["crops"], file["labels"], tuple(file["shape"])
    levels = np.unpackbits(packed)[: int(np.prod(shape)) * 3].reshape(*shape, 3)
    values = (levels * np.array([4, 2, 1], np.uint8)).sum(axis=-1)
    return (values / 4).astype(np.float32), np.array(CLASSES)[labels]


def write_same_kind(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], path: Path = SAME_KIND) -> None:
    """Write crops of values 0 to 255, which have five levels."""
    values = np.rint(images / 255 * 4).astype(np.uint8)
    levels = (values[..., None] >> np.array([2, 1, 0], np.uint8)) & 1
    np.savez_compressed(path, crops=np.packbits(levels), labels=labels.astype(np.uint8), shape=np.array(images.shape))


def same_kind_accuracy(classifier: SymbolClassifier) -> tuple[float, float]:
    """Return the share of symbols of training's kind that are recognised, and that of other crops that are refused."""
    images, right = same_kind()
    probabilities = classifier.features(images).probabilities
    guesses = np.array(CLASSES)[probabilities[:, : NUMBERS[UNKNOWN]].argmax(axis=1)]
    is_symbol = right != UNKNOWN
    refused = np.array([result.name == UNKNOWN for result in classifier.classify(images[~is_symbol])])
    return _share((guesses == right)[is_symbol]), _share(refused)


def speed(classifier: SymbolClassifier, seconds: float = 1.0) -> tuple[float, float]:
    """Return crops a second of processor time: the model alone, and drawing included. The best of several rounds."""
    style = evaluation_symbols()
    images, _ = varied(style, each=9)
    segments = [segments_of(drawing) for drawing in style.drawings] * 9
    alone, whole = 0.0, 0.0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not whole:
        started = time.process_time()
        classifier.features(images)
        middle = time.process_time()
        classifier.features(crops.from_segments(segments))
        alone = max(alone, len(images) / (middle - started))
        whole = max(whole, len(segments) / (time.process_time() - middle))
    return alone, whole


def as_rows(classifier: SymbolClassifier) -> dict[str, Any]:
    """Return all figures by name."""
    own, refused = same_kind_accuracy(classifier)
    unseen = evaluate(classifier, evaluation_symbols())
    return {
        "same kind": own,
        "junk refused": refused,
        "unseen style, zero-shot": unseen.zero_shot,
        "unseen style, one exemplar": unseen.one_exemplar,
        "unseen style, precision above the threshold": unseen.precision,
        "unseen style, coverage": unseen.coverage,
        "unseen style, precision of exemplars above their threshold": unseen.exemplar_precision,
        "unseen style, coverage of exemplars": unseen.exemplar_coverage,
    }
