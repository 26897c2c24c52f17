"""Rectangles that a page's lines form, and what lies in them: title blocks, and the pins of integrated circuits."""

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drawing_engine.pages import Box, Page, Word

#: Rectangles beyond this number are not looked for: such a page is a table or a hatching.
MAX_RECTANGLES = 4000
_SHORTEST, _CLOSE = 8.0, 1.0
_TITLE_WORDS = re.compile(
    r"(?i)(?:title|drawn|drawing|dwg|date|datum|rev|rev\.|revision|scale|sheet|project|projekt|checked|approved|"
    r"blatt|ma(?:ß|ss)stab|gez|gez\.|benennung|customer|client|page)[:.]?\Z"
)


def find_rectangles(page: Page) -> list[Box]:
    """Return the rectangles that straight lines form, from the smallest to the largest, at most `MAX_RECTANGLES`."""
    segments = page.segments
    if not len(segments):
        return []
    x0, x1 = np.minimum(segments[:, 0], segments[:, 2]), np.maximum(segments[:, 0], segments[:, 2])
    y0, y1 = np.minimum(segments[:, 1], segments[:, 3]), np.maximum(segments[:, 1], segments[:, 3])
    upright = (x1 - x0 < _CLOSE / 2) & (y1 - y0 >= _SHORTEST)
    level = (y1 - y0 < _CLOSE / 2) & (x1 - x0 >= _SHORTEST)
    edges = set(map(tuple, np.rint(np.stack([x0[level], x1[level], y0[level]], 1) / _CLOSE).astype(int).tolist()))
    columns: dict[tuple[int, int], list[float]] = defaultdict(list)
    for x, top, bottom in np.stack([x0[upright], y0[upright], y1[upright]], 1).tolist():
        columns[round(top / _CLOSE), round(bottom / _CLOSE)].append(x)
    found: list[Box] = []
    for (top, bottom), xs in columns.items():
        ordered = sorted(set(xs))
        for n, left in enumerate(ordered[:200]):
            for right in ordered[n + 1 : n + 30]:
                if right - left >= _SHORTEST and _has(edges, left, right, top) and _has(edges, left, right, bottom):
                    found.append(Box(left, top * _CLOSE, right, bottom * _CLOSE))
                    break
        if len(found) >= MAX_RECTANGLES:
            break
    return sorted(found, key=lambda box: box.width * box.height)


def _has(edges: set[tuple[int, ...]], left: float, right: float, y: int) -> bool:
    first, last = round(left / _CLOSE), round(right / _CLOSE)
    return any(
        (first + a, last + b, y + c) in edges for a in (0, -1, 1) for b in (0, -1, 1) for c in (0, -1, 1)
    )  # fmt: skip


def contains(box: Box, word: Box) -> bool:
    """Return whether the centre of a word lies in a box."""
    x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
    return box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1


def title_block(page: Page, rectangles: Sequence[Box]) -> Box | None:
    """Return the smallest rectangle with three or more field names of a title block; None if there is none."""
    names = [word.box for word in page.words if _TITLE_WORDS.match(word.text)]
    if len(names) < 3:
        return None
    for box in rectangles:
        small = box.width * box.height <= page.width * page.height * 0.3
        if small and sum(contains(box, name) for name in names) >= 3:
            return box
    return None


def pin_words(words: Sequence[Word], rectangles: Sequence[Box], page: Page) -> set[int]:
    """Return the indexes of words that name pins: three or more inside a rectangle, lined up along one of its sides."""
    if not words:
        return set()
    boxes = np.array([word.box for word in words])
    centre_x, centre_y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    short = np.array([len(word.text) <= 10 for word in words])
    found: set[int] = set()
    for box in rectangles:
        if box.width * box.height > page.width * page.height * 0.25 or min(box) < 0:
            continue
        inside = short & (centre_x > box.x0) & (centre_x < box.x1) & (centre_y > box.y0) & (centre_y < box.y1)
        indexes = np.flatnonzero(inside)
        if len(indexes) < 3:
            continue
        own = boxes[indexes]
        height = float(np.median(np.minimum(own[:, 2] - own[:, 0], own[:, 3] - own[:, 1])))
        reach = max(2.5 * height, 6.0)
        for gap, edge in (
            (own[:, 0] - box.x0, own[:, 0]), (box.x1 - own[:, 2], own[:, 2]),
            (own[:, 1] - box.y0, own[:, 3]), (box.y1 - own[:, 3], own[:, 3]),
        ):  # fmt: skip
            found.update(indexes[(gap < reach) & _lined_up(edge, gap < reach)].tolist())
    return found


def _lined_up(edge: NDArray[np.float64], near: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which edges lie on the line that most of the near ones share, if three or more do."""
    nothing = np.zeros(len(edge), bool)
    if near.sum() < 3:
        return nothing
    aligned = np.abs(edge[:, None] - edge[None, :]) < 1.5
    counts = (aligned & near[None, :]).sum(1) * near
    best = int(counts.argmax())
    return aligned[best] if counts[best] >= 3 else nothing
