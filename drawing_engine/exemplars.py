"""The symbol in a box that a person drew: its lines without wires, texts and neighbours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drawing_engine.lines import Floats, LineIndex, covered, lengths, recurring
from drawing_engine.pages import Box, Kind, Page
from drawing_engine.poses import Comparison, Pose, Shape, find_poses, shape_of
from drawing_engine.surroundings import Texts, extra_ink

#: Lines in the box of an exemplar.
MAX_LINES = 1500
#: Share of the other places of a symbol that have a piece, below which the piece is not part of the symbol.
_SUPPORT = 0.15
#: Lines that leave the box, of a length and direction, from which those within it are the same hatching.
_HATCHED = 3
#: Width or height in points below which a piece is one straight line.
_STRAIGHT = 0.5


class NoSymbol(ValueError):
    """A box holds no symbol that could be counted; the message is for people."""


@dataclass(frozen=True, slots=True, eq=False)
class Exemplar:
    """A symbol to count.

    Attributes:
        shape: its lines.
        box: about them, on the exemplar's page.
        text: letters inside the symbol, such as M of a motor; empty if it has none.
        label_letters: of the nearest label, such as S of S1; empty if it has none.
        extra: ink attached to the exemplar that is not part of the shape, as a share of the shape's.
    """

    shape: Shape
    box: Box
    text: str
    label_letters: str = ""
    extra: float = 0.0


def scan_refusal(page: Page) -> str:
    """Return why lines cannot be compared on a page; empty if they can."""
    if page.kind is Kind.RASTER:
        return (
            f"Page {page.number + 1} is a scan, an image without lines, so symbols cannot be counted on it. "
            "Upload the drawing as exported from the CAD program."
        )
    return ""


def find_exemplar(page: Page, box: Box, *, index: LineIndex | None = None) -> Exemplar:
    """Return the symbol in a box.

    Lines that leave the box are wires. Strokes of texts are dropped. Pieces beside the symbol are kept if they recur
    where the symbol recurs.

    Raises:
        NoSymbol: the page is a scan, the box holds no whole line, or too many.
    """
    if refusal := scan_refusal(page):
        raise NoSymbol(refusal)
    segments = _inside(page, box)
    if len(segments) > MAX_LINES:
        raise NoSymbol(f"The box holds more than {MAX_LINES} lines. Draw it closely around one symbol.")
    crossing = _crossing(page, box)
    segments = segments[~_strokes_of_text(segments, page)]
    segments = segments[recurring(segments, crossing) < _HATCHED]
    if not len(segments):
        raise NoSymbol("The box holds no line as a whole. Draw it around a symbol, including all of its lines.")
    index = index or LineIndex(page.segments)
    stubs = _stubs(segments, crossing)
    if (stubs >= 0).all():
        stubs[:] = -1
    whole = segments[stubs < 0]
    parts = _parts(whole)
    core, others = _core(whole, parts, box)
    beside = [whole[parts == part] for part in others] + [segments[stubs == n] for n in np.unique(stubs[stubs >= 0])]
    if beside:
        core = _with_recurring(core, beside, index)
    shape, tight = shape_of(core)
    if shape.size < 2:
        raise NoSymbol("The lines in the box are smaller than 2 points. Draw the box around a larger symbol.")
    pose = Pose(0, False, (tight.x0 + tight.x1) / 2, (tight.y0 + tight.y1) / 2)
    texts = Texts(page.words)
    labels = texts.labels(tight)
    return Exemplar(
        shape, tight, texts.inner(tight), labels[0].letters if labels else "", extra_ink(shape, index, pose)
    )


def _inside(page: Page, box: Box) -> Floats:
    s = page.segments.astype(np.float64)
    if not len(s):
        return s
    x, y = s[:, 0::2], s[:, 1::2]
    within = (x >= box.x0 - 0.5) & (x <= box.x1 + 0.5) & (y >= box.y0 - 0.5) & (y <= box.y1 + 0.5)
    chosen: Floats = s[within.all(1)]
    return chosen[lengths(chosen) > 0.05]


def _crossing(page: Page, box: Box) -> Floats:
    """Return the segments with one end inside a box and one outside."""
    s = page.segments.astype(np.float64)
    x, y = s[:, 0::2], s[:, 1::2]
    within = (x >= box.x0 - 0.5) & (x <= box.x1 + 0.5) & (y >= box.y0 - 0.5) & (y <= box.y1 + 0.5)
    crossing: Floats = s[within.any(1) & ~within.all(1)]
    return crossing


def _stubs(segments: Floats, crossing: Floats) -> NDArray[np.int64]:
    """Return for each segment the number of the wire that it continues into the box, end to end; -1 for others.

    A wire ends where it meets anything else than the end of one line.
    """
    number = np.full(len(segments), -1, np.int64)
    ends = segments.reshape(-1, 2, 2)
    for n, wire in enumerate(crossing[:200]):
        for point in wire.reshape(2, 2):
            here = point
            while True:
                near = np.hypot(*(ends - here).transpose(2, 0, 1)) < 0.3
                following = np.flatnonzero(near.any(1) & (number < 0))
                passing = covered(here[None], None, np.delete(segments, np.flatnonzero(number == n), 0), 0.3)
                if len(following) != 1 or not passing.any() or near.any(1).sum() > 2:
                    break
                segment = int(following[0])
                others = np.delete(segments, [segment, *np.flatnonzero(number == n)], 0)
                if len(others) and covered(here[None], None, others, 0.3).any():
                    break
                number[segment] = n
                here = ends[segment, 1 if near[segment, 0] else 0]
    return number


def _strokes_of_text(segments: Floats, page: Page) -> NDArray[np.bool_]:
    """Return which segments lie wholly within the box of some text: strokes of its characters."""
    found = np.zeros(len(segments), bool)
    if not len(segments):
        return found
    points = segments.reshape(-1, 2)
    around = Box(*(points.min(0) - 1).tolist(), *(points.max(0) + 1).tolist())
    for word in page.words:
        if not word.box.overlaps(around):
            continue
        shorter, longer = sorted((word.box.height, word.box.width))
        height = shorter if len(word.text) > 2 else longer
        x, y = segments[:, 0::2], segments[:, 1::2]
        within = (x >= word.box.x0) & (x <= word.box.x1) & (y >= word.box.y0) & (y <= word.box.y1)
        found |= within.all(1) & (lengths(segments) < 1.2 * height)
    return found


def _parts(segments: Floats) -> NDArray[np.int64]:
    """Return a number for each segment: those that touch, directly or by others, share it."""
    count = len(segments)
    ends = segments.reshape(-1, 2)
    parts = np.arange(count)
    touching = np.zeros((count, count), bool)
    for n in range(count):
        near = covered(ends, None, segments[n : n + 1], 0.45).reshape(-1, 2).any(1)
        touching[n] |= near
        touching[:, n] |= near
    seen = np.zeros(count, bool)
    for n in range(count):
        if seen[n]:
            continue
        reached = np.zeros(count, bool)
        reached[n] = True
        while True:
            grown = reached | touching[reached].any(0)
            if (grown == reached).all():
                break
            reached = grown
        parts[reached] = n
        seen |= reached
    return parts


def _core(segments: Floats, parts: NDArray[np.int64], box: Box) -> tuple[Floats, list[int]]:
    """Return the lines of the largest part and of those within it, and the numbers of the other parts."""
    centre = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
    reach = 0.3 * max(box.width, box.height)
    own = lengths(segments)
    boxes: dict[int, Box] = {}
    weights: dict[int, float] = {}
    for part in np.unique(parts).tolist():
        _, boxes[part] = shape_of(segments[parts == part])
        middle = Box(centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
        weights[part] = float(own[parts == part].sum()) * (1.0 if boxes[part].overlaps(middle) else 0.3)
    main = max(weights, key=lambda part: weights[part])
    main_box = boxes[main]
    kept = [part for part, one in boxes.items() if _mostly_within(one, main_box)]
    if min(main_box.width, main_box.height) < _STRAIGHT:
        # One straight line recurs in many other symbols. Those beside it make the symbol, as the bars of an earth.
        near = 0.5 * max(main_box.width, main_box.height)
        kept = [part for part, one in boxes.items() if _gap(one, main_box) < near]
    return segments[np.isin(parts, kept)], [part for part in boxes if part not in kept]


def _mostly_within(inner: Box, outer: Box) -> bool:
    x, y = (inner.x0 + inner.x1) / 2, (inner.y0 + inner.y1) / 2
    return outer.x0 <= x <= outer.x1 and outer.y0 <= y <= outer.y1


def _with_recurring(core: Floats, others: list[Floats], index: LineIndex) -> Floats:
    """Return the core with the other parts that recur beside it elsewhere; with all of them if it recurs nowhere."""
    shape, box = shape_of(core)
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    poses = [pose for pose, _ in find_poses(shape, index, least=0.9, seconds=0.6).poses]
    poses = [pose for pose in poses if np.hypot(pose.x - x, pose.y - y) > 0.5 * shape.size][:24]
    if not poses:
        gap = 0.5 * shape.size
        near = [part for part in others if _gap(shape_of(part)[1], box) < gap]
        return np.concatenate([core, *near])
    kept = [core]
    for part in others:
        own, place = shape_of(part)
        offset = np.array([(place.x0 + place.x1) / 2 - x, (place.y0 + place.y1) / 2 - y])
        compared = Comparison(own, index, points=30)
        support = 0
        for pose in poses:
            support += _is_beside(compared, pose, offset)
        if support >= _SUPPORT * len(poses):
            kept.append(part)
    return np.concatenate(kept)


def _is_beside(compared: Comparison, pose: Pose, offset: Floats) -> bool:
    """Return whether a part lies beside a core, in any direction: a symmetric core is found in one of several poses."""
    for way in (Pose(turns, mirrored, 0, 0) for turns in range(4) for mirrored in (False, True)):
        x, y = (np.array((pose.x, pose.y)) + way.matrix @ offset).tolist()
        if compared.coverage(Pose(way.turns, way.mirrored, x, y)) > 0.9:
            return True
    return False


def _gap(first: Box, second: Box) -> float:
    return float(
        np.hypot(
            max(0.0, first.x0 - second.x1, second.x0 - first.x1), max(0.0, first.y0 - second.y1, second.y0 - first.y1)
        )
    )
