"""Points of paths to straight segments, in the space of the page as it is shown."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drawing_engine.pages import Box
from drawing_engine.protocol import BEZIER, CLOSED, CLOSES, CURVE_PIECES, LINE, MOVE

Floats = NDArray[np.float64]


class View(NamedTuple):
    """The visible part of a page in its own space, where y grows upwards, and its rotation.

    Attributes:
        rotation: 0, 90, 180 or 270 degrees clockwise.
    """

    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    @property
    def width(self) -> float:
        """As shown, in points."""
        return self.top - self.bottom if self.rotation in (90, 270) else self.right - self.left

    @property
    def height(self) -> float:
        """As shown, in points."""
        return self.right - self.left if self.rotation in (90, 270) else self.top - self.bottom

    def matrix(self) -> Floats:
        """Return the (3, 2) matrix from the page's space to that of the page as it is shown."""
        left, bottom, right, top, rotation = self
        rows = {
            0: ((1, 0), (0, -1), (-left, top)),
            90: ((0, 1), (1, 0), (-bottom, -left)),
            180: ((-1, 0), (0, 1), (right, -bottom)),
            270: ((0, -1), (-1, 0), (top, right)),
        }[rotation]
        return np.array(rows, np.float64)

    def boxes(self, corners: NDArray[np.float32] | Floats) -> Floats:
        """Return boxes (n, 4) as shown; the given ones are left, bottom, right, top."""
        matrix = self.matrix()
        corners = np.asarray(corners, np.float64).reshape(-1, 4)
        one = corners[:, :2] @ matrix[:2] + matrix[2]
        other = corners[:, 2:] @ matrix[:2] + matrix[2]
        return np.hstack([np.minimum(one, other), np.maximum(one, other)])

    def clip(self, box: Box) -> Box:
        """Return the part of a box that is on the page."""
        x0, x1 = (min(max(x, 0.0), self.width) for x in (box.x0, box.x1))
        y0, y1 = (min(max(y, 0.0), self.height) for y in (box.y0, box.y1))
        return Box(x0, y0, x1, y1)


class Flat(NamedTuple):
    """Paths as straight segments.

    Attributes:
        segments: float32 (n, 4).
        segment_path: int32 (n,), ascending.
        boxes: float32 (paths, 4).
        closed: uint8 (paths,): CLOSED or 0.
        scales: float64 (paths,): how much each path was enlarged.
    """

    segments: NDArray[np.float32]
    segment_path: NDArray[np.int32]
    boxes: NDArray[np.float32]
    closed: NDArray[np.uint8]
    scales: Floats


def flatten(
    points: NDArray[np.float32],
    types: NDArray[np.uint8],
    counts: NDArray[np.uint32],
    matrices: Floats,
    view: View,
) -> Flat:
    """Apply the matrices to the points of paths, and divide curves.

    Args:
        points: (n, 2), of all paths.
        types: (n,): line, curve or move in the lowest two bits, and 4 if a line to the start of the subpath follows.
        counts: points of each path.
        matrices: (paths, 6), to the page's space.

    Raises:
        ValueError: the arrays do not fit each other.
    """
    path_count, total = len(counts), len(points)
    if int(counts.sum(dtype=np.int64)) != total or len(types) != total or len(matrices) != path_count:
        raise ValueError("The arrays of the paths do not fit each other.")
    path = np.repeat(np.arange(path_count, dtype=np.int32), counts)
    whole = _shown(matrices.reshape(-1, 3, 2), view)
    scales = np.sqrt(np.abs(whole[:, 0, 0] * whole[:, 1, 1] - whole[:, 0, 1] * whole[:, 1, 0]))
    if not total:
        return Flat(
            np.empty((0, 4), np.float32), path, np.zeros((path_count, 4), np.float32),
            np.zeros(path_count, np.uint8), scales,
        )  # fmt: skip
    shown = _moved(points, whole[path])
    kinds = types & 3
    first = np.zeros(total, bool)
    first[np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)[counts > 0]] = True
    kinds = np.where(first, MOVE, kinds)

    starts = np.maximum.accumulate(np.where(kinds == MOVE, np.arange(total), 0))
    segments, ends = _pieces(shown, kinds, (types & CLOSES) > 0, starts)
    return Flat(segments, path[ends], _path_boxes(shown, counts), _closed(shown, types, counts, starts), scales)


def _moved(points: NDArray[np.float32], matrices: Floats) -> Floats:
    """Apply a matrix (3, 2) to each point. Positions that are not numbers become 0."""
    x, y = points[:, 0].astype(np.float64), points[:, 1].astype(np.float64)
    moved = np.stack(
        [
            x * matrices[:, 0, 0] + y * matrices[:, 1, 0] + matrices[:, 2, 0],
            x * matrices[:, 0, 1] + y * matrices[:, 1, 1] + matrices[:, 2, 1],
        ],
        axis=1,
    )
    moved[~np.isfinite(moved).all(axis=1)] = 0.0
    np.clip(moved, -1e6, 1e6, out=moved)
    return moved


def _pieces(
    shown: Floats, kinds: NDArray[np.integer[Any]], closes: NDArray[np.bool_], starts: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the straight pieces of all paths in drawing order, and the index of the point that each ends in.

    Args:
        closes: whether a line to the start of the subpath follows a point.
        starts: the index of the point that the subpath of each point starts with.
    """
    index = np.arange(len(shown))
    lines = index[kinds == LINE]
    ends = _curve_ends(kinds)
    closing = index[closes]
    # A line that closes a subpath at the place where it is has no length.
    closing = closing[(np.abs(shown[closing] - shown[starts[closing]]) > 1e-4).any(axis=1)]

    straight = np.hstack([shown[lines - 1], shown[lines]])
    curves = _divide(shown[ends - 3], shown[ends - 2], shown[ends - 1], shown[ends])
    back = np.hstack([shown[closing], shown[starts[closing]]])
    # In drawing order: by the point that each piece ends in, then within it.
    order = np.concatenate([lines * 2, np.repeat(ends * 2, CURVE_PIECES), closing * 2 + 1])
    sorting = np.argsort(order, kind="stable")
    segments = np.concatenate([straight, curves, back])[sorting].astype(np.float32)
    return segments, order[sorting] // 2


def _shown(matrices: Floats, view: View) -> Floats:
    """Return matrices (n, 3, 2) to the page as it is shown."""
    shown = view.matrix()
    result = matrices @ shown[:2]
    result[:, 2] += shown[2]
    return result


def _curve_ends(kinds: NDArray[Any]) -> NDArray[Any]:
    """Return the indexes of the last points of curves; each has two control points before it."""
    curve = kinds == BEZIER
    index = np.arange(len(kinds))
    # The number of the point in its run of curve points, from 1.
    position = index - np.maximum.accumulate(np.where(curve, -1, index))
    ends: NDArray[Any] = index[curve & (position % 3 == 0)]
    return ends


def _divide(start: Floats, one: Floats, two: Floats, end: Floats) -> Floats:
    """Return the pieces (n x CURVE_PIECES, 4) of cubic Bézier curves."""
    t = np.linspace(0.0, 1.0, CURVE_PIECES + 1)[None, :, None]
    s = 1 - t
    at = (
        s**3 * start[:, None] + 3 * s**2 * t * one[:, None] + 3 * s * t**2 * two[:, None] + t**3 * end[:, None]
    )  # fmt: skip
    return np.concatenate([at[:, :-1], at[:, 1:]], axis=2).reshape(-1, 4)


def _path_boxes(shown: Floats, counts: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Return the boxes of paths by their points; control points of curves count too."""
    boxes = np.zeros((len(counts), 4), np.float32)
    filled = counts > 0
    first = (np.cumsum(counts) - counts).astype(np.int64)[filled]
    if len(first):
        boxes[filled] = np.hstack([np.minimum.reduceat(shown, first), np.maximum.reduceat(shown, first)])
    return boxes


def _closed(
    shown: Floats, types: NDArray[np.uint8], counts: NDArray[np.uint32], starts: NDArray[Any]
) -> NDArray[np.uint8]:
    closed = np.zeros(len(counts), np.uint8)
    filled = counts > 0
    last = (np.cumsum(counts).astype(np.int64) - 1)[filled]
    returns = (np.abs(shown[last] - shown[starts[last]]) <= 1e-4).all(axis=1) & (last - starts[last] >= 2)
    closed[filled] = np.where(returns | ((types[last] & CLOSES) > 0), CLOSED, 0)
    return closed


def is_sensible(view: View) -> bool:
    """Return whether the sides of a page are numbers above zero."""
    return all(map(math.isfinite, view[:4])) and view.width > 0 and view.height > 0
