"""Surroundings of a symbol's place: labels, letters inside it, and lines attached to it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drawing_engine.lines import Floats, LineIndex, chains, covered, lengths, recurring
from drawing_engine.pages import Box, Word
from drawing_engine.poses import Pose, Shape

#: Distance from the symbol within which attached lines are looked for, in sizes of it.
_SURROUNDINGS = 0.8
#: Lines around a place beyond which it lies in a hatching, where nothing can be learnt from further lines.
_CROWDED = 500
#: Heights of its text within which a label belongs to a symbol.
_LABEL_REACH = 1.9
_LABEL = re.compile(r"-?([A-Z]{1,4})[-.]?\d{1,4}[A-Za-z]?\Z")
_NO_LETTERS = re.compile(r"[^A-Za-z]")
#: Lines of one length and direction around a place from which they are a hatching.
_HATCHED = 8


class Label(NamedTuple):
    """A text such as S1, its letters, and its distance from a symbol, in points."""

    gap: float
    letters: str
    text: str


class Texts:
    """The words of a page, findable by place."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words
        self._all = np.array([word.box for word in words], np.float64).reshape(-1, 4)
        self._named = [(match[1], word.text, word.box) for word in words if (match := _LABEL.match(word.text))]
        self._boxes = np.array([box for _, _, box in self._named], np.float64).reshape(-1, 4)
        height = np.minimum(self._boxes[:, 3] - self._boxes[:, 1], self._boxes[:, 2] - self._boxes[:, 0])
        self._reach = _LABEL_REACH * height

    def inner(self, box: Box) -> str:
        """Return the letters of the words in the middle of a box, such as M of a motor."""
        boxes = self._all
        x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        dx, dy = box.width / 4, box.height / 4
        inside = (x >= box.x0 + dx) & (x <= box.x1 - dx) & (y >= box.y0 + dy) & (y <= box.y1 - dy)
        inside &= (boxes[:, 2] - boxes[:, 0] <= box.width) & (boxes[:, 3] - boxes[:, 1] <= box.height)
        return "".join(
            sorted(_NO_LETTERS.sub("", self._words[n].text).upper() for n in np.flatnonzero(inside).tolist())
        )

    def labels(self, box: Box) -> list[Label]:
        """Return the labels that may belong to a symbol in a box, the nearest first."""
        boxes = self._boxes
        gap = np.hypot(
            np.maximum(0, np.maximum(boxes[:, 0] - box.x1, box.x0 - boxes[:, 2])),
            np.maximum(0, np.maximum(boxes[:, 1] - box.y1, box.y0 - boxes[:, 3])),
        )
        close = np.flatnonzero(gap <= self._reach).tolist()
        return sorted(Label(float(gap[n]), self._named[n][0], self._named[n][1]) for n in close)


def extra_ink(shape: Shape, index: LineIndex, pose: Pose) -> float:
    """Return the share of lines that belong to a place and not to the symbol, in relation to the symbol's own.

    If there are many, the place is another, larger symbol.

    Lines that leave the surroundings are wires and walls, also those that bend. What touches nothing of the symbol
    counts only in its middle: near its sides it may be a text.
    """
    box, tolerance = shape.box(pose), shape.tolerance
    reach = _SURROUNDINGS * shape.size
    around = Box(box.x0 - reach, box.y0 - reach, box.x1 + reach, box.y1 + reach)
    found = index.segments[index.near(around)]
    if not len(found) or len(found) > 2 * _CROWDED:
        return 0.0
    own = shape.placed(pose)
    steps = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    points = (found[:, None, :2] * (1 - steps[None, :, None]) + found[:, None, 2:] * steps[None, :, None]).reshape(
        -1, 2
    )
    foreign = ~covered(points, None, own, 1.5 * tolerance).reshape(-1, len(steps)).all(1)
    found = found[foreign]
    if not len(found) or len(found) > _CROWDED:
        return 0.0
    found = found[recurring(found, found) < _HATCHED]
    x, y = found[:, 0::2], found[:, 1::2]
    leaving = ~((x > around.x0) & (x < around.x1) & (y > around.y0) & (y < around.y1)).all(1)
    leaving |= _passing(found, box, 0.25 * shape.size)
    touching = covered(found.reshape(-1, 2), None, own, tolerance).reshape(-1, 2).any(1) | _in_middle(found, box)
    numbers = chains(found)
    wires, attached = set(numbers[leaving].tolist()), set(numbers[touching].tolist())
    chosen = np.isin(numbers, sorted(attached - wires))
    return float(lengths(found[chosen]).sum()) / shape.ink


def _passing(segments: Floats, box: Box, reach: float) -> NDArray[np.bool_]:
    """Return which segments cross a box from well outside to well outside: wires that end soon after it."""
    x, y = segments[:, 0::2], segments[:, 1::2]
    outside = (x < box.x0 - reach) | (x > box.x1 + reach) | (y < box.y0 - reach) | (y > box.y1 + reach)
    middle_x, middle_y = x.mean(1), y.mean(1)
    across = (middle_x > box.x0) & (middle_x < box.x1) & (middle_y > box.y0) & (middle_y < box.y1)
    passing: NDArray[np.bool_] = outside.all(1) & across
    return passing


def _in_middle(segments: Floats, box: Box) -> NDArray[np.bool_]:
    x, y = (segments[:, 0] + segments[:, 2]) / 2, (segments[:, 1] + segments[:, 3]) / 2
    dx, dy = box.width * 0.2, box.height * 0.2
    return (x > box.x0 + dx) & (x < box.x1 - dx) & (y > box.y0 + dy) & (y < box.y1 - dy)
