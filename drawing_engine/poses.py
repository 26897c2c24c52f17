"""Search for places of a page where the lines of a symbol recur: moved, in four rotations, and mirrored.

Rare line lengths of the symbol are anchors: each line of the page with an anchor's length and direction proposes a
pose. Other lines of the symbol confirm it, at first by their midpoints, then point by point.
"""

import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drawing_engine.lines import Floats, LineIndex, covered, covering, directions, lengths, midpoints
from drawing_engine.pages import Box

#: Turns clockwise by 90° after mirroring left to right, as matrices for column vectors.
_TURNS = [
    np.array(rows, float) for rows in ([[1, 0], [0, 1]], [[0, -1], [1, 0]], [[-1, 0], [0, -1]], [[0, 1], [-1, 0]])
]
_MIRROR = np.array([[-1.0, 0.0], [0.0, 1.0]])
_ANCHORS, _CHECKS, _CONFIRMED = 4, 6, 0.4
#: Lines of a length on the page from which the length is no anchor, if another is much rarer.
_COMMON = 10_000
#: Poses that anchors may propose on a page, and those that may be compared point by point.
MAX_PROPOSED, MAX_COMPARED = 600_000, 4_000


class Pose(NamedTuple):
    """One way to lay a symbol on a page.

    Attributes:
        turns: by 90°, clockwise, after mirroring.
        mirrored: left to right.
        x: of the symbol's centre, in points.
        y: like `x`.
    """

    turns: int
    mirrored: bool
    x: float
    y: float

    @property
    def matrix(self) -> Floats:
        return _TURNS[self.turns] @ _MIRROR if self.mirrored else _TURNS[self.turns]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The lines of a symbol, in points from the centre of the box about them.

    Attributes:
        segments: float64, (n, 4).
        width: of the box about them.
        height: like `width`.
    """

    segments: Floats
    width: float
    height: float

    @property
    def size(self) -> float:
        return max(self.width, self.height)

    @property
    def ink(self) -> float:
        """Length of all lines."""
        return float(lengths(self.segments).sum())

    @property
    def tolerance(self) -> float:
        """Distance up to which lines count as the same, in points."""
        return max(0.35, 0.02 * self.size)

    def placed(self, pose: Pose) -> Floats:
        """Return the segments as they lie on the page in a pose."""
        points = self.segments.reshape(-1, 2) @ pose.matrix.T + (pose.x, pose.y)
        return points.reshape(-1, 4)

    def box(self, pose: Pose) -> Box:
        width, height = (self.height, self.width) if pose.turns % 2 else (self.width, self.height)
        return Box(pose.x - width / 2, pose.y - height / 2, pose.x + width / 2, pose.y + height / 2)


def shape_of(segments: Floats) -> tuple[Shape, Box]:
    """Return a page's segments as a shape, and the box about them on the page."""
    points = segments.reshape(-1, 2)
    low, high = points.min(0), points.max(0)
    centre = (low + high) / 2
    shape = Shape((points - centre).reshape(-1, 4), float(high[0] - low[0]), float(high[1] - low[1]))
    return shape, Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


class Search(NamedTuple):
    """Poses in which at least `least` of a shape's lines are on the page, with that share, the best first.

    Attributes:
        poses: no two overlap by half.
        complete: False if a limit ended the search.
    """

    poses: list[tuple[Pose, float]]
    complete: bool


def find_poses(
    shape: Shape,
    index: LineIndex,
    *,
    rotate: bool = True,
    mirror: bool = True,
    least: float = 0.75,
    seconds: float = 1.8,
) -> Search:
    """Return where the lines of a shape recur on a page.

    Args:
        seconds: of processor time, after which the search ends and is incomplete.
    """
    if not len(index.segments) or not len(shape.segments):
        return Search([], complete=True)
    end = time.thread_time() + seconds
    anchors = _anchors(shape, index)
    checks = _checks(shape)
    ways = [
        (turns, mirrored) for mirrored in ((False, True) if mirror else (False,)) for turns in range(4 if rotate else 1)
    ]
    proposed, complete = 0, True
    found: dict[tuple[int, bool, int, int], tuple[float, Pose]] = {}
    for anchor in anchors:
        ids = index.of_length(float(lengths(shape.segments[anchor : anchor + 1])[0]), _length_tolerance(shape, anchor))
        for turns, mirrored in ways:
            own = shape.placed(Pose(turns, mirrored, 0, 0))
            turn = np.abs(index.directions[ids] - directions(own[anchor : anchor + 1])[0])
            near = ids[np.minimum(turn, np.pi - turn) < 0.06]
            proposed += len(near)
            if proposed > MAX_PROPOSED or time.thread_time() > end - seconds / 2:
                complete = False
                break
            shifts = index.midpoints[near] - midpoints(own[anchor : anchor + 1])
            hits = _confirmed(shifts, midpoints(own[checks]), index, shape.tolerance)
            for (x, y), share in zip(shifts[hits > 0].tolist(), hits[hits > 0].tolist(), strict=True):
                key = (turns, mirrored, round(x), round(y))
                if key not in found or found[key][0] < share:
                    found[key] = (share, Pose(turns, mirrored, x, y))
    ranked = [pose for _, pose in sorted(found.values(), key=lambda entry: -entry[0])]
    if len(ranked) > MAX_COMPARED:
        ranked, complete = ranked[:MAX_COMPARED], False
    compared = Comparison(shape, index)
    results: list[tuple[Pose, float]] = []
    settled: dict[tuple[int, int], float] = {}
    for pose in ranked:
        place = (round(pose.x / 2), round(pose.y / 2))
        if settled.get(place, 0) > 0.98:
            continue
        if time.thread_time() > end:
            complete = False
            break
        coverage = compared.coverage(pose)
        settled[place] = max(settled.get(place, 0), coverage)
        if coverage >= least:
            results.append((pose, coverage))
    return Search(_without_overlaps(shape, results), complete)


def _length_tolerance(shape: Shape, anchor: int) -> float:
    return max(0.12, 0.01 * float(lengths(shape.segments[anchor : anchor + 1])[0]))


def _anchors(shape: Shape, index: LineIndex) -> list[int]:
    """Return lines of different lengths that are rare on the page, and not much shorter than the longest."""
    own = lengths(shape.segments)
    usable = np.flatnonzero(own >= min(0.12 * shape.size, float(own.max()) * 0.99))
    rarity = [(len(index.of_length(float(own[n]), _length_tolerance(shape, int(n)))), -own[n], int(n)) for n in usable]
    chosen: list[int] = []
    for _, _, n in sorted(rarity):
        if all(abs(own[n] - own[other]) > 0.02 * shape.size for other in chosen):
            chosen.append(n)
        if len(chosen) == _ANCHORS:
            break
    counts = {n: count for count, _, n in rarity}
    return [n for n in chosen if counts[n] <= max(_COMMON, 4 * counts[chosen[0]])]


def _checks(shape: Shape) -> NDArray[np.int64]:
    """Return long lines, at most two of a length: a circle's pieces would outvote all others."""
    own = lengths(shape.segments)
    chosen: list[int] = []
    for n in np.argsort(-own, kind="stable").tolist():
        if sum(abs(own[n] - own[other]) < 0.02 * shape.size for other in chosen) < 2:
            chosen.append(n)
        if len(chosen) == _CHECKS:
            break
    return np.array(chosen, np.int64)


def _confirmed(shifts: Floats, points: Floats, index: LineIndex, tolerance: float) -> Floats:
    """Return the share of midpoints that the page has, for each shift; 0 for those that are not worth comparing."""
    hits = np.zeros(len(shifts))
    alive = np.arange(len(shifts))
    for n, point in enumerate(points, 1):
        if not len(alive):
            break
        hits[alive] += index.have_midpoint(shifts[alive] + point, tolerance)
        left = len(points) - n
        alive = alive[hits[alive] + left >= _CONFIRMED * len(points)]
    share = hits / max(1, len(points))
    share[share < _CONFIRMED] = 0
    return share


class Comparison:
    """Compares a shape with the lines of a page, point by point."""

    def __init__(self, shape: Shape, index: LineIndex, *, points: int = 90) -> None:
        self.shape, self.index = shape, index
        own = lengths(shape.segments)
        counts = np.maximum(1, np.rint(own / max(own.sum() / points, 1e-6))).astype(int)
        self.owners = np.repeat(np.arange(len(own)), counts)
        steps = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])[:, None]
        pieces = shape.segments[self.owners]
        self._points = pieces[:, :2] * (1 - steps) + pieces[:, 2:] * steps
        self._directions = (pieces[:, 2:] - pieces[:, :2]) / own[self.owners, None].clip(1e-9)
        self._weights = own[self.owners] / counts[self.owners]
        self._bars = np.flatnonzero(_has_free_ends(shape.segments) & (own >= 0.05 * own.sum()))

    def present(self, pose: Pose) -> NDArray[np.bool_]:
        """Return for each point of the shape whether the page has a line there, in the same direction.

        If few points have one, the answer is that no point has.
        """
        box = self.shape.box(pose)
        tolerance = self.shape.tolerance
        ids = self.index.near(Box(box.x0 - tolerance, box.y0 - tolerance, box.x1 + tolerance, box.y1 + tolerance))
        if not len(ids):
            return np.zeros(len(self._points), bool)
        matrix, lines = pose.matrix, self.index.segments[ids]
        points, along = self._points @ matrix.T + (pose.x, pose.y), self._directions @ matrix.T
        if len(lines) > 100:
            few = slice(None, None, max(1, len(points) // 15))
            if covered(points[few], along[few], lines, tolerance).mean() < 0.5:
                return np.zeros(len(points), bool)
        found = covered(points, along, lines, tolerance)
        for bar in self._bars.tolist():
            placed = self.shape.placed(pose)[bar]
            if found[self.owners == bar].any() and _is_overrun(placed, lines, self.shape.size * 0.25):
                found[self.owners == bar] = False
        return found

    def coverage(self, pose: Pose) -> float:
        """Return the share of the shape's ink that is on the page."""
        return float(self._weights[self.present(pose)].sum() / self._weights.sum())


def _has_free_ends(segments: Floats) -> NDArray[np.bool_]:
    """Return which segments touch no other with either end."""
    ends = segments.reshape(-1, 2)
    free = np.ones(len(segments), bool)
    for n in range(len(segments)):
        others = np.delete(segments, n, axis=0)
        free[n] = not len(others) or not covered(ends[2 * n : 2 * n + 2], None, others, 0.45).any()
    return free


def _is_overrun(bar: Floats, lines: Floats, reach: float) -> bool:
    """Return whether a bar is there only because longer lines, such as wires, pass through both of its ends."""
    ends = bar.reshape(2, 2)
    way = (bar[2:] - bar[:2]) / np.hypot(*(bar[2:] - bar[:2]))
    beyond = np.stack([ends[0] - way * reach, ends[1] + way * reach])
    within = np.stack([ends[0] * (1 - step) + ends[1] * step for step in (0.2, 0.5, 0.8)])
    along = covering(within, np.tile(way, (3, 1)), lines, 0.35).all(0)
    through = covering(beyond, None, lines, 0.35).all(0)
    return bool(along.any() and not (along & ~through).any())


def _without_overlaps(shape: Shape, results: list[tuple[Pose, float]]) -> list[tuple[Pose, float]]:
    """Return the best of the poses that lie on each other."""
    kept: list[tuple[Pose, float]] = []
    centres = np.empty((len(results), 2))
    reach = 0.35 * min(shape.width, shape.height) + 0.15 * shape.size
    for pose, coverage in sorted(results, key=lambda entry: -entry[1]):
        here = centres[: len(kept)]
        if not len(here) or np.hypot(here[:, 0] - pose.x, here[:, 1] - pose.y).min() > reach:
            centres[len(kept)] = (pose.x, pose.y)
            kept.append((pose, coverage))
    return kept
