"""Legends: tables that pair symbols with their names."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drawing_engine.lines import Floats, lengths
from drawing_engine.pages import Box, Page, Word
from drawing_engine.ratings import around
from drawing_engine.rectangles import find_rectangles

_HEADING = re.compile(r"(?i)(?:legende?|symbols?|symbole|zeichenerkl(?:ä|ae)rung|key)[:.]?\Z")
#: Words of a table's heading.
_COLUMNS = re.compile(
    r"(?i)(?:legende?|symbols?|descriptions?|symbole?|beschreibung|bezeichnung|remarks?|qty|key)[:.]?\Z"
)


class LegendEntry(NamedTuple):
    """A row of a legend: the name, and the box about the symbol's lines."""

    name: str
    box: Box


def find_legends(page: Page) -> list[Box]:
    """Return the areas of a page's legends: rectangles with a heading such as "LEGEND" at their top or just above."""
    headings = [word.box for word in page.words if _HEADING.match(word.text)]
    if not headings:
        return []
    rectangles = find_rectangles(page)
    found: list[Box] = []
    for heading in headings:
        height = min(heading.height, heading.width)
        for box in reversed(rectangles):
            beside = box.x0 - height <= heading.x0 <= box.x1
            top = -3 * height <= heading.y0 - box.y0 <= 3 * height
            sized = box.height > 6 * height and box.width * box.height < page.width * page.height * 0.4
            if beside and top and sized:
                found.append(around(box, heading))
                break
    return found


def read_legend(page: Page, box: Box) -> list[LegendEntry]:
    """Return the symbols of a legend that a box surrounds, from top to bottom, with the names beside them.

    Rules of the table are left out, and rows without a symbol, such as headings. Names may have several lines.
    """
    words = [word for word in page.words if _inside(word.box, box)]
    segments = _symbol_lines(page, box)
    if not words or not len(segments):
        return []
    names = _name_column(words, segments)
    rows = _rows(names, segments, page, box)
    entries = []
    for text, top, bottom, left in rows:
        middle = (segments[:, 1] + segments[:, 3]) / 2
        own = segments[(middle >= top) & (middle < bottom) & (np.maximum(segments[:, 0], segments[:, 2]) <= left)]
        if len(own) and text:
            entries.append(LegendEntry(text, _around(own)))
    return entries


def _inside(inner: Box, outer: Box) -> bool:
    x, y = (inner.x0 + inner.x1) / 2, (inner.y0 + inner.y1) / 2
    return outer.x0 <= x <= outer.x1 and outer.y0 <= y <= outer.y1


def _around(segments: Floats) -> Box:
    points = segments.reshape(-1, 2)
    return Box(*points.min(0).tolist(), *points.max(0).tolist())


def _symbol_lines(page: Page, box: Box) -> Floats:
    """Return the lines wholly in a box, without long level and upright ones: the table's rules."""
    s = page.segments.astype(np.float64)
    x, y = s[:, 0::2], s[:, 1::2]
    within = ((x >= box.x0) & (x <= box.x1) & (y >= box.y0) & (y <= box.y1)).all(1)
    s = s[within]
    if not len(s):
        return s
    width, height = np.abs(s[:, 2] - s[:, 0]), np.abs(s[:, 3] - s[:, 1])
    rules = ((height < 0.5) & (width > 0.4 * box.width)) | ((width < 0.5) & (height > 0.4 * box.height))
    rules |= _cell_sides(s, box)
    return s[~rules & (lengths(s) > 0.05)]


def _cell_sides(segments: Floats, box: Box) -> NDArray[np.bool_]:
    """Return which upright lines continue each other down most of the box: sides of cells that are drawn one by one."""
    upright = np.abs(segments[:, 2] - segments[:, 0]) < 0.5
    found = np.zeros(len(segments), bool)
    columns = np.rint(segments[:, 0]).astype(int)
    own = np.abs(segments[:, 3] - segments[:, 1])
    for column in np.unique(columns[upright]).tolist():
        same = upright & (np.abs(columns - column) <= 1)
        if own[same].sum() > 0.7 * box.height:
            found |= same
    return found


def _name_column(words: Sequence[Word], segments: Floats) -> list[Word]:
    """Return the words right of the symbols: those from the column in which most lines begin."""
    starts = _line_starts(words)
    left = min(starts, key=lambda x: (-sum(abs(x - other) < 4 for other in starts), x))
    return [word for word in words if word.box.x0 >= left - 4]


def _line_starts(words: Sequence[Word]) -> list[float]:
    """Return where lines of text begin: the words without another close to their left."""
    starts = []
    for word in words:
        height = word.box.height
        follows = any(
            other is not word
            and abs(other.box.y1 - word.box.y1) < 0.5 * height
            and 0 <= word.box.x0 - other.box.x1 < 1.2 * height
            for other in words
        )  # fmt: skip
        if not follows:
            starts.append(word.box.x0)
    return starts


def _rows(names: Sequence[Word], segments: Floats, page: Page, box: Box) -> list[tuple[str, float, float, float]]:
    """Return the text, top, bottom and left side of each name. Rules between rows divide them, otherwise gaps do."""
    lines: list[list[Word]] = []
    for word in sorted(names, key=lambda word: (word.box.y1, word.box.x0)):
        if lines and abs(lines[-1][0].box.y1 - word.box.y1) < 0.6 * word.box.height:
            lines[-1].append(word)
        else:
            lines.append([word])
    rules = _level_rules(page, box)
    blocks: list[list[list[Word]]] = []
    for line in lines:
        before = blocks[-1][-1] if blocks else None
        if before and _same_row(before, line, rules, segments):
            blocks[-1].append(line)
        else:
            blocks.append([line])
    blocks = [block for block in blocks if not all(_COLUMNS.match(word.text) for line in block for word in line)]
    middles = [(block[0][0].box.y0 + block[-1][0].box.y1) / 2 for block in blocks]
    rows = []
    for n, block in enumerate(blocks):
        text = " ".join(word.text for line in block for word in sorted(line, key=lambda word: word.box.x0))
        above = (
            (middles[n - 1] + middles[n]) / 2
            if n
            else max(box.y0, 1.5 * middles[0] - 0.5 * middles[1])
            if len(middles) > 1
            else box.y0
        )
        below = (middles[n] + middles[n + 1]) / 2 if n + 1 < len(middles) else box.y1
        above = max([above, *(y for y in rules if y <= middles[n])]) if rules else above
        below = min([below, *(y for y in rules if y > middles[n])]) if rules else below
        rows.append((text, above, below, min(word.box.x0 for line in block for word in line)))
    return rows


def _level_rules(page: Page, box: Box) -> list[float]:
    s = page.segments
    left, right = np.minimum(s[:, 0], s[:, 2]).clip(min=box.x0), np.maximum(s[:, 0], s[:, 2]).clip(max=box.x1)
    level = (np.abs(s[:, 1] - s[:, 3]) < 0.5) & (right - left > 0.4 * box.width)
    return [float(y) for y in np.unique(s[level, 1]) if box.y0 <= y <= box.y1]


def _same_row(before: Sequence[Word], line: Sequence[Word], rules: Sequence[float], segments: Floats) -> bool:
    """Return whether a line continues a name: close below, with no rule between, and without a symbol of its own."""
    low, high = before[0].box.y1, line[0].box.y0
    if any(low - 1 <= y <= high + 1 for y in rules):
        return False
    if line[0].box.y1 - before[0].box.y1 > 1.7 * line[0].box.height:
        return False
    middle = (line[0].box.y0 + line[0].box.y1) / 2
    tops, bottoms = np.minimum(segments[:, 1], segments[:, 3]), np.maximum(segments[:, 1], segments[:, 3])
    left = np.maximum(segments[:, 0], segments[:, 2]) <= line[0].box.x0
    upper = (before[0].box.y0 + before[0].box.y1) / 2
    own = left & (tops > (middle + upper) / 2) & (bottoms < middle + line[0].box.height)
    return not bool(own.any())
