"""Trains the classifier of symbols, and writes its files. `scripts/train_classifier.sh` calls it."""

import argparse
import hashlib
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from drawing_engine.classifier.classes import CLASSES, UNKNOWN
from drawing_engine.classifier.model import DESCRIPTION, FOLDER, MODEL, SymbolClassifier
from scripts.classifier.card import card
from scripts.classifier.evaluation import CLUTTER, SAME_KIND, STRENGTH, Style, exemplars_of, varied, write_same_kind
from scripts.classifier.samples import NUMBERS, Images, Labels, make, position
from scripts.classifier.schemdraw_style import ELEMENTS
from scripts.classifier.sources import training_sources

CARD = "CARD.md"

#: Seeds. Those of training, of calibration and of evaluation differ.
SEED, CALIBRATION_SEED, SAME_KIND_SEED, HELD_OUT_STYLE_SEED = 1, 900_001, 900_002, 900_003
#: Crops drawn by one seed, so that any number of processes draws the same.
_PART = 1000
_SAME_KIND, _CALIBRATION = 1400, 4000
#: The precision that crops above a threshold are to have on the calibration's crops.
_PRECISION = 0.99
#: Exemplars: the share of crops of other symbols that are to stay below the threshold.
_REJECTED = 0.99


def draw_all(count: int, seed: int) -> tuple[Images, Labels]:
    """Return `count` crops, drawn by two processes."""
    seeds = [seed * 1000 + part for part in range(-(-count // _PART))]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        parts = list(processes.map(_draw_part, seeds))
    return np.concatenate([one for one, _ in parts])[:count], np.concatenate([two for _, two in parts])[:count]


def _draw_part(seed: int) -> tuple[Images, Labels]:
    return make(training_sources(), _PART, seed)


def batches(images: Images, labels: Labels, batch: int, epochs: int, seed: int) -> Iterator[tuple[Images, Labels]]:
    """Yield batches, each crop in a random one of eight positions and moved by at most a pixel."""
    random = np.random.default_rng(seed)
    for _ in range(epochs):
        order = random.permutation(len(images))
        for start in range(0, len(order) - batch + 1, batch):
            chosen = order[start : start + batch]
            part = np.rot90(images[chosen], int(random.integers(4)), axes=(1, 2))
            part = part[:, :, ::-1] if random.random() < 0.5 else part
            move = random.integers(-1, 2, 2)
            yield np.ascontiguousarray(np.roll(part, tuple(move), axis=(1, 2))), labels[chosen]


def train(images: Images, labels: Labels, epochs: int, seed: int) -> Any:
    """Return weights."""
    import jax
    import jax.numpy as jnp

    from scripts.classifier import network

    hyper = network.Hyper()
    weights = jax.tree.map(jnp.asarray, network.first_weights(seed))
    adam = (jax.tree.map(jnp.zeros_like, weights), jax.tree.map(jnp.zeros_like, weights))
    steps = len(images) // hyper.batch * epochs
    mean, started = 3.0, time.monotonic()
    for count, (crops, right) in enumerate(batches(images, labels, hyper.batch, epochs, seed), 1):
        warm, left = min(1.0, count / 100), 0.5 * (1 + np.cos(np.pi * count / steps))
        weights, adam, loss = network.step(weights, adam, float(count), hyper.rate * warm * left, crops, right)
        if count % 50 == 0:
            mean = 0.5 * mean + 0.5 * float(loss)
            print(f"step {count} of {steps}, loss {mean:.3f}, {time.monotonic() - started:.0f} s", flush=True)
    return network.folded(weights, images[:4000])


def threshold_for(confidences: npt.NDArray[np.float32], right: npt.NDArray[np.bool_], precision: float) -> float:
    """Return the lowest confidence above which at least this share is right."""
    order = np.argsort(-confidences)
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(shares >= precision)
    return float(confidences[order][good[-1]]) if len(good) else 1.0


def calibrate(classifier: SymbolClassifier, images: Images, labels: Labels) -> tuple[float, float]:
    """Return the thresholds of the model and of exemplars, from crops that training did not see."""
    probabilities = classifier.features(images.astype(np.float32) / np.float32(255)).probabilities
    best = probabilities.argmax(axis=1)
    is_named = best != NUMBERS[UNKNOWN]
    threshold = threshold_for(probabilities.max(axis=1)[is_named], (best == labels)[is_named], _PRECISION)
    return threshold, _exemplar_threshold(classifier)


def _exemplar_threshold(classifier: SymbolClassifier) -> float:
    """Return the similarity that nearly all crops of symbols without an exemplar of their class stay below."""
    random = np.random.default_rng(HELD_OUT_STYLE_SEED)
    sources = training_sources()
    names = [name for name in CLASSES if name != UNKNOWN]
    style = Style(names, [sources[name][-1](random).moved(position(0)) for name in names])
    images, symbols = varied(style, HELD_OUT_STYLE_SEED)
    exemplars = exemplars_of(classifier, style)
    similar = np.einsum("ne,mpe->nmp", classifier.features(images).embeddings, exemplars.embeddings).max(axis=2)
    similar[np.arange(len(symbols)), symbols] = -1
    return float(np.quantile(similar.max(axis=1), _REJECTED))


def write(folder: Path, model: bytes, threshold: float, exemplar_threshold: float) -> None:
    """Write the model and its description."""
    (folder / MODEL).write_bytes(model)
    description = {
        "sha256": hashlib.sha256(model).hexdigest(),
        "threshold": round(threshold, 4),
        "exemplar_threshold": round(exemplar_threshold, 4),
        "classes": CLASSES,
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")


def processor_seconds() -> float:
    """Return the processor time of this process and of its children so far."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Draw, train, calibrate, and write."""
    parser = argparse.ArgumentParser(description="Train the classifier of symbols.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the model is written")
    parser.add_argument("--crops", type=int, default=32_000, help="crops drawn for training")
    parser.add_argument("--epochs", type=int, default=6)
    given = parser.parse_args()
    from scripts.classifier import network

    started = time.monotonic()
    images, labels = draw_all(given.crops, SEED)
    print(f"{len(images)} crops drawn, {time.monotonic() - started:.0f} s", flush=True)
    weights = train(images, labels, given.epochs, SEED)
    given.folder.mkdir(parents=True, exist_ok=True)
    model = network.graph(weights, network.SCALE)
    write(given.folder, model, 0.5, 0.8)
    classifier = SymbolClassifier(given.folder)
    thresholds = calibrate(classifier, *draw_all(_CALIBRATION, CALIBRATION_SEED))
    write(given.folder, model, *thresholds)
    if given.folder.resolve() == FOLDER.resolve():  # A trial elsewhere leaves what is committed as it is.
        # As clean as the crops of the unseen style.
        write_same_kind(
            *make(training_sources(), _SAME_KIND, SAME_KIND_SEED, strength=STRENGTH, clutter=CLUTTER), SAME_KIND
        )
    text = card(
        SymbolClassifier(given.folder), len(model), given.crops, given.epochs, SEED, processor_seconds() / 60,
        f"{len(ELEMENTS) - 1} of {len(CLASSES) - 1}",
    )  # fmt: skip
    (given.folder / CARD).write_text(text)
    print(f"{given.folder / MODEL}: {len(model)} bytes, {time.monotonic() - started:.0f} s of wall time")


if __name__ == "__main__":
    main()
