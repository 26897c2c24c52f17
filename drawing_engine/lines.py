"""Straight lines of a page: lengths, directions, neighbours, and an index to find them."""

import numpy as np
from numpy.typing import NDArray

from drawing_engine.pages import Box

Floats = NDArray[np.float64]

_CELL = 32.0


def lengths(segments: Floats) -> Floats:
    return np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1])


def directions(segments: Floats) -> Floats:
    """Return the angles of segments, from 0 to π."""
    return np.arctan2(segments[:, 3] - segments[:, 1], segments[:, 2] - segments[:, 0]) % np.pi


def midpoints(segments: Floats) -> Floats:
    return (segments[:, :2] + segments[:, 2:]) / 2


class LineIndex:
    """The segments of a page, findable by length, by midpoint, and by area."""

    def __init__(self, segments: NDArray[np.floating]) -> None:
        whole = segments.astype(np.float64)
        long_enough = lengths(whole) > 0.05
        self.segments: Floats = whole[long_enough]
        self.lengths = lengths(self.segments)
        self.directions = directions(self.segments)
        self.midpoints = midpoints(self.segments)
        self._by_length = np.argsort(self.lengths, kind="stable")
        self._sorted_lengths = self.lengths[self._by_length]
        short = self.lengths <= _CELL
        self._long = np.flatnonzero(~short)
        ids = np.flatnonzero(short)
        keys = self._cells(self.midpoints[ids], _CELL)
        order = np.argsort(keys, kind="stable")
        self._short, self._short_keys = ids[order], keys[order]
        self._mid_cell = 0.0
        self._mid_keys: NDArray[np.int64] = np.empty(0, np.int64)

    @staticmethod
    def _cells(points: Floats, cell: float) -> NDArray[np.int64]:
        """Return a key for each point's cell; keys of a row of cells follow each other."""
        places = np.floor(points / cell).astype(np.int64) + 2**20
        keys: NDArray[np.int64] = places[:, 1] * 2**22 + places[:, 0]
        return keys

    def of_length(self, length: float, tolerance: float) -> NDArray[np.int64]:
        first, last = np.searchsorted(self._sorted_lengths, (length - tolerance, length + tolerance))
        return self._by_length[first:last]

    def near(self, box: Box) -> NDArray[np.int64]:
        """Return the indexes of the segments whose boxes may overlap a box."""
        low = np.floor((np.array(box[:2]) - _CELL / 2) / _CELL).astype(int) + 2**20
        high = np.floor((np.array(box[2:]) + _CELL / 2) / _CELL).astype(int) + 2**20
        rows = np.arange(low[1], high[1] + 1, dtype=np.int64) * 2**22
        firsts = np.searchsorted(self._short_keys, rows + low[0])
        lasts = np.searchsorted(self._short_keys, rows + high[0], side="right")
        parts = [self._short[first:last] for first, last in zip(firsts, lasts, strict=True)]
        found = np.concatenate([*parts, self._long])
        s = self.segments[found]
        overlapping = (
            (np.minimum(s[:, 0], s[:, 2]) <= box.x1) & (np.maximum(s[:, 0], s[:, 2]) >= box.x0)
            & (np.minimum(s[:, 1], s[:, 3]) <= box.y1) & (np.maximum(s[:, 1], s[:, 3]) >= box.y0)
        )  # fmt: skip
        chosen: NDArray[np.int64] = found[overlapping]
        return chosen

    def have_midpoint(self, points: Floats, tolerance: float) -> NDArray[np.bool_]:
        """Return for each point whether a segment's midpoint is within about `tolerance` of it."""
        # Larger than the span of what is looked up, so that this never lies in three cells.
        cell = 2.05 * tolerance
        if self._mid_cell != cell:
            self._mid_cell, self._mid_keys = cell, np.sort(self._cells(self.midpoints, cell))
        found = np.zeros(len(points), bool)
        for dx in (-tolerance, tolerance):
            for dy in (-tolerance, tolerance):
                keys = self._cells(points + np.array((dx, dy)), cell)
                places = np.searchsorted(self._mid_keys, keys).clip(max=len(self._mid_keys) - 1)
                found |= self._mid_keys[places] == keys
        return found


def covered(points: Floats, along: Floats | None, segments: Floats, tolerance: float) -> NDArray[np.bool_]:
    """Return for each point whether a segment passes within the tolerance, in the direction `along` if given."""
    found: NDArray[np.bool_] = np.any(covering(points, along, segments, tolerance), axis=1)
    return found


def covering(points: Floats, along: Floats | None, segments: Floats, tolerance: float) -> NDArray[np.bool_]:
    """Return for each point (rows) which segments (columns) pass within the tolerance."""
    vector = segments[:, 2:] - segments[:, :2]
    unit = vector / np.hypot(vector[:, 0], vector[:, 1])[:, None]
    length = np.hypot(vector[:, 0], vector[:, 1])
    # The distance along each segment and that aside of it are one product of matrices each.
    place = points @ unit.T - (segments[:, :2] * unit).sum(1)
    aside = points[:, :1] * unit[:, 1] - points[:, 1:] * unit[:, 0]
    aside -= segments[:, 0] * unit[:, 1] - segments[:, 1] * unit[:, 0]
    near: NDArray[np.bool_] = (np.abs(aside) < tolerance) & (place > -tolerance) & (place < length + tolerance)
    if along is not None:
        near &= np.abs(along[:, :1] * unit[:, 1] - along[:, 1:] * unit[:, 0]) < 0.3
    return near


def chains(segments: Floats, tolerance: float = 0.3) -> NDArray[np.int64]:
    """Return a number for each segment: those that are joined end to end, directly or by others, share it."""
    count = len(segments)
    ends = segments.reshape(-1, 2)
    owner = np.arange(2 * count) // 2
    number = np.arange(count)
    apart = np.hypot(ends[:, None, 0] - ends[None, :, 0], ends[:, None, 1] - ends[None, :, 1])
    first, second = np.nonzero(apart < tolerance)
    first, second = owner[first], owner[second]
    while True:
        lower = number.copy()
        np.minimum.at(lower, first, number[second])
        lower = lower[lower]
        if (lower == number).all():
            return number
        number = lower


def recurring(segments: Floats, others: Floats) -> NDArray[np.int64]:
    """Return for each segment how many of the others have its length and direction: hatchings have many."""
    if not len(segments) or not len(others):
        return np.zeros(len(segments), np.int64)
    apart = np.abs(directions(segments)[:, None] - directions(others)[None, :])
    same = (np.abs(lengths(segments)[:, None] - lengths(others)[None, :]) < 0.1) & (
        np.minimum(apart, np.pi - apart) < 0.02
    )
    counts: NDArray[np.int64] = same.sum(1)
    return counts
