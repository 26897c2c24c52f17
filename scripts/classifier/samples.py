"""Random crops with and without symbols, and their classes."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from drawing_engine.classifier import crops
from drawing_engine.classifier.classes import CLASSES, UNKNOWN
from scripts.classifier.shapes import Drawing, segments_of

Random = np.random.Generator
Source = Callable[[Random], Drawing]
Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]

NUMBERS = {name: number for number, name in enumerate(CLASSES)}
#: Widths of strokes in half pixels, and their shares: page segments are drawn 3 wide, pictures vary.
_STROKES, _STROKE_SHARES = (1, 3, 5), (0.12, 0.78, 0.1)


def distorted(drawing: Drawing, random: Random, *, strength: float = 1.0) -> Drawing:
    """Return the drawing with other proportions, a little turned, in one of eight positions."""
    wide, tall = np.exp(random.normal(0, 0.17 * strength, 2))
    turn, lean = np.radians(random.normal(0, 2.0 * strength)), random.normal(0, 0.05 * strength)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[wide, lean], [0, tall]]
    return drawing.moved(position(int(random.integers(8))) @ matrix)


def position(number: int) -> npt.NDArray[np.float64]:
    """Return the matrix of one of the eight positions: quarter turns, and their mirror images."""
    quarter = np.linalg.matrix_power(np.array([[0.0, -1.0], [1.0, 0.0]]), number % 4)
    return quarter @ np.diag([1.0, -1.0 if number >= 4 else 1.0])


def draw(drawing: Drawing, random: Random, *, clutter: float = 0.2) -> tuple[crops.Segments, list[crops.Polygon], int]:
    """Return segments, filled areas and the width of strokes of a drawing, perhaps with a foreign line beside it."""
    areas = list(drawing.filled)
    if drawing.areas and random.random() < 0.35:
        areas += drawing.areas
    shaken = Drawing([stroke + random.normal(0, 0.012, 2) for stroke in drawing.strokes])
    segments = segments_of(shaken)
    if len(segments) and random.random() < clutter:
        segments = np.concatenate([segments, _foreign(segments, random)])
    return segments, areas, int(random.choice(_STROKES, p=_STROKE_SHARES))


def _foreign(segments: crops.Segments, random: Random) -> crops.Segments:
    """Return lines of neighbours: a wire along an edge, or the ends of wires and letters."""
    ends = segments.reshape(-1, 2)
    low, high = ends.min(axis=0), ends.max(axis=0)
    size = high - low + 1e-6
    if random.random() < 0.5:
        side, near = int(random.integers(2)), random.uniform(-0.12, 0.08)
        at = (low if random.random() < 0.5 else high)[side] + near * size[side]
        start, end = low[1 - side], high[1 - side]
        line = (at, start, at, end) if side == 0 else (start, at, end, at)
        return np.array([line], np.float32)
    drawing = Drawing()
    corner = np.where(random.random(2) < 0.5, low, high)
    drawing.letters(
        str(random.choice(("R1", "K2", "C3", "D1", "Q2", "X1"))),
        float(corner[0]),
        float(corner[1]),
        float(size.max() * 0.14),
    )
    return segments_of(drawing)


def junk(random: Random, others: list[Source]) -> Drawing:
    """Return a drawing without a whole symbol: wires, letters, boxes, parts of symbols, two symbols at once."""
    drawing, kind = Drawing(), random.random()
    if kind < 0.2:
        for _ in range(int(random.integers(1, 5))):
            x, y = random.uniform(-2, 2, 2)
            drawing.line(*(((-2, y), (2, y)) if random.random() < 0.5 else ((x, -2), (x, 2))))
        for _ in range(int(random.integers(0, 2))):
            x, y = random.uniform(-2, 2, 2)
            drawing.circle(x, y, 0.12, filled=True)
    elif kind < 0.35:
        letters = "".join(random.choice(list("ACDEFGHKLMNOPRSTVXZ123"), int(random.integers(2, 7))))
        drawing.letters(letters, 0, 0, 1)
    elif kind < 0.5:
        wide, tall, pins = random.uniform(1.5, 3), random.uniform(1.5, 3), int(random.integers(2, 6))
        drawing.box(0, 0, wide, tall)
        for y in np.linspace(-tall / 2, tall / 2, pins + 2)[1:-1]:
            drawing.lines((-wide / 2 - 0.6, y, -wide / 2, y), (wide / 2, y, wide / 2 + 0.6, y))
    elif kind < 0.65:
        points = random.uniform(-2, 2, (int(random.integers(3, 9)), 2))
        drawing.line(*map(tuple, points))
    elif kind < 0.85:
        first, second = (others[int(random.integers(len(others)))](random) for _ in range(2))
        apart = random.uniform(3, 6)
        drawing.strokes = [*first.strokes, *(stroke + np.array([0, apart]) for stroke in second.strokes)]
    else:
        whole = others[int(random.integers(len(others)))](random)
        points = np.concatenate(whole.strokes)
        edge = np.quantile(points[:, 0], random.uniform(0.3, 0.5))
        for stroke in whole.strokes:
            kept = stroke[stroke[:, 0] < edge]
            if len(kept) > 1:
                drawing.strokes.append(kept)
        if not drawing.strokes:
            drawing.line((0, 0), (1, 0))
    return drawing


def make(
    sources: dict[str, list[Source]],
    count: int,
    seed: int,
    *,
    unknown_share: float = 0.12,
    strength: float = 1.0,
    clutter: float = 0.2,
) -> tuple[Images, Labels]:
    """Return crops (0 to 255) and the numbers of their classes.

    Args:
        sources: functions that draw each class; those of `unknown` are used beside `junk`.
        count: of crops.
        seed: the same seed gives the same crops.
        unknown_share: of crops that show no symbol of a class.
        strength: of the distortion; 1 = as in training.
        clutter: share of crops with foreign lines.
    """
    random = np.random.default_rng(seed)
    names = [name for name in CLASSES if name != UNKNOWN]
    others = [source for name in names for source in sources[name]]
    drawn, labels = [], []
    for _ in range(count):
        if random.random() < unknown_share:
            name = UNKNOWN
            pool = sources.get(UNKNOWN, [])
            drawing = (
                pool[int(random.integers(len(pool)))](random)
                if pool and random.random() < 0.4
                else junk(random, others)
            )
        else:
            name = names[int(random.integers(len(names)))]
            pool = sources[name]
            drawing = pool[int(random.integers(len(pool)))](random)
        drawn.append(draw(distorted(drawing, random, strength=strength), random, clutter=clutter))
        labels.append(NUMBERS[name])
    images = crops.from_segments(
        [segments for segments, _, _ in drawn],
        areas=[areas for _, areas, _ in drawn],
        strokes=[width for _, _, width in drawn],
    )
    return np.rint(images * 255).astype(np.uint8), np.array(labels)
