"""Differences between two versions of a document: components and text, page by page."""

import enum
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from drawing_engine.pages import Box, Page, Word


class Change(enum.IntEnum):
    """Kinds of differences, with the numbers of `drawing.v1.DifferenceKind`."""

    UNSPECIFIED = 0
    ADDED = 1
    REMOVED = 2
    MOVED = 3
    CHANGED = 4


class Item(NamedTuple):
    """A component, to be compared.

    Attributes:
        key: equal in both versions, such as the designator; empty for symbols without one.
        description: what may change, such as class and rating.
        box: in points.
    """

    key: str
    description: str
    box: Box


@dataclass(frozen=True, slots=True)
class Sheet:
    """The parts of a page that are compared."""

    number: int
    sheet_number: str
    words: Sequence[Word]
    items: Sequence[Item]


class Difference(NamedTuple):
    """One difference.

    Attributes:
        change: its kind.
        old: the component or the text in the old version; empty if added.
        new: in the new version; empty if removed.
        old_box: None if added.
        new_box: None if removed.
    """

    change: Change
    old: str
    new: str
    old_box: Box | None
    new_box: Box | None


@dataclass(frozen=True, slots=True)
class PageComparison:
    """Differences of a page.

    Attributes:
        old_page: number of the page in the old version, from 0; None if the page was added.
        new_page: in the new version; None if it was removed.
        components: in the order of the new page, removed ones last.
        texts: like `components`, by line of text.
    """

    old_page: int | None
    new_page: int | None
    components: tuple[Difference, ...]
    texts: tuple[Difference, ...]


#: Movement below which something is in its place, in points, after the movement of the whole sheet is subtracted.
_STILL = 6.0


def sheet_of(page: Page, items: Sequence[Item]) -> Sheet:
    return Sheet(page.number, page.sheet_number, page.words, items)


def compare(old: Sequence[Sheet], new: Sequence[Sheet]) -> list[PageComparison]:
    """Return the differences of each page, in the order of the new version; removed pages last.

    Pages are paired by sheet number, the others by their text. A sheet that was shifted as a whole has not changed.
    """
    pairs = _aligned(old, new)
    found = []
    for one, other in pairs:
        shift = _shift(one.words, other.words) if one and other else (0.0, 0.0)
        components = _differences(one.items if one else (), other.items if other else (), shift)
        texts = _differences(_lines(one.words) if one else (), _lines(other.words) if other else (), shift)
        found.append(
            PageComparison(
                one.number if one else None, other.number if other else None, tuple(components), tuple(texts)
            )
        )
    return found


def _aligned(old: Sequence[Sheet], new: Sequence[Sheet]) -> list[tuple[Sheet | None, Sheet | None]]:
    """Return pairs of pages."""
    partner: dict[int, Sheet] = {}
    numbers: dict[str, list[Sheet]] = defaultdict(list)
    for sheet in old:
        if sheet.sheet_number:
            numbers[sheet.sheet_number].append(sheet)
    taken: set[int] = set()
    for n, sheet in enumerate(new):
        same = numbers.get(sheet.sheet_number, [])
        if sheet.sheet_number and same:
            partner[n] = same.pop(0)
            taken.add(partner[n].number)
    left = [sheet for sheet in old if sheet.number not in taken]
    for n, sheet in enumerate(new):
        if n in partner:
            continue
        words = {word.text for word in sheet.words}
        # A page with a number of its own has no partner of another number, unless their texts are nearly the same.
        scores = [
            (_likeness(words, {word.text for word in other.words}), -abs(other.number - sheet.number), -m)
            for m, other in enumerate(left)
        ]
        best = max(scores, default=(0.0, 0, 0))
        if best[0] >= 0.5 or (best[0] == 0 and scores and not words and best[1] == 0):
            partner[n] = left.pop(-best[2])
    pairs: list[tuple[Sheet | None, Sheet | None]] = [(partner.get(n), sheet) for n, sheet in enumerate(new)]
    return pairs + [(sheet, None) for sheet in left]


def _likeness(first: set[str], second: set[str]) -> float:
    return len(first & second) / max(1, len(first | second))


def _shift(old: Sequence[Word], new: Sequence[Word]) -> tuple[float, float]:
    """Return how far the sheet moved as a whole: the median of the words that occur once in both versions."""
    places = [_once(words) for words in (old, new)]
    moves = [
        (places[1][text].x0 - box.x0, places[1][text].y0 - box.y0)
        for text, box in places[0].items()
        if text in places[1]
    ]
    if len(moves) < 3:
        return 0.0, 0.0
    x, y = np.median(np.array(moves), axis=0).tolist()
    return x, y


def _once(words: Iterable[Word]) -> dict[str, Box]:
    boxes: dict[str, list[Box]] = defaultdict(list)
    for word in words:
        boxes[word.text].append(word.box)
    return {text: found[0] for text, found in boxes.items() if len(found) == 1}


def _lines(words: Sequence[Word]) -> list[Item]:
    """Return the lines of a text; a line is compared by its whole text."""
    lines: list[list[Word]] = []
    for word in words:
        last = lines[-1][-1].box if lines else None
        level = last and abs(last.y1 - word.box.y1) < 0.5 * word.box.height
        if last and level and -1 < word.box.x0 - last.x1 < 1.2 * word.box.height:
            lines[-1].append(word)
        else:
            lines.append([word])
    items = []
    for line in lines:
        boxes = np.array([word.box for word in line])
        text = " ".join(word.text for word in line)
        items.append(Item(text, text, Box(*boxes[:, :2].min(0).tolist(), *boxes[:, 2:].max(0).tolist())))
    return items


def _differences(old: Sequence[Item], new: Sequence[Item], shift: tuple[float, float]) -> list[Difference]:
    """Return the differences of items. Items of one key are paired by distance, then what is in the same place."""
    pairs = _paired(old, new, shift)
    found = []
    for a, b in pairs:
        if old[a].description != new[b].description:
            found.append(
                (b, Difference(Change.CHANGED, old[a].description, new[b].description, old[a].box, new[b].box))
            )
        elif _distance(old[a].box, new[b].box, shift) > _STILL:
            found.append((b, Difference(Change.MOVED, old[a].description, new[b].description, old[a].box, new[b].box)))
    left_old = [n for n in range(len(old)) if n not in {a for a, _ in pairs}]
    left_new = [n for n in range(len(new)) if n not in {b for _, b in pairs}]
    # What was replaced in its place has changed.
    near = sorted(
        (distance, a, b)
        for a in left_old
        for b in left_new
        if (distance := _distance(old[a].box, new[b].box, shift)) <= _STILL or old[a].box == new[b].box
    )
    for _, a, b in near:
        if a in left_old and b in left_new:
            left_old.remove(a)
            left_new.remove(b)
            found.append(
                (b, Difference(Change.CHANGED, old[a].description, new[b].description, old[a].box, new[b].box))
            )
    found += [(b, Difference(Change.ADDED, "", new[b].description, None, new[b].box)) for b in left_new]
    found.sort(key=lambda entry: entry[0])
    removed = [Difference(Change.REMOVED, old[a].description, "", old[a].box, None) for a in left_old]
    return [difference for _, difference in found] + removed


def _paired(old: Sequence[Item], new: Sequence[Item], shift: tuple[float, float]) -> list[tuple[int, int]]:
    """Return pairs of items with the same key, the nearest first.

    Items without a key are paired in their place only.
    """
    groups: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, items in enumerate((old, new)):
        for n, item in enumerate(items):
            groups[item.key or f"\0{item.description}"][side].append(n)
    pairs: list[tuple[int, int]] = []
    for key, (first, second) in groups.items():
        if len(first) * len(second) > 250_000:
            pairs += list(zip(first, second, strict=False))
            continue
        ways = sorted((_distance(old[a].box, new[b].box, shift), a, b) for a in first for b in second)
        used_old: set[int] = set()
        used_new: set[int] = set()
        for distance, a, b in ways:
            if a in used_old or b in used_new or (key.startswith("\0") and distance > _STILL):
                continue
            used_old.add(a)
            used_new.add(b)
            pairs.append((a, b))
    return pairs


def _distance(old: Box, new: Box, shift: tuple[float, float]) -> float:
    """Return how far a box moved, less the movement of the sheet. Texts of another length keep their left end."""
    x = min(abs(new.x0 - old.x0 - shift[0]), abs(new.x1 - old.x1 - shift[0]))
    return float(np.hypot(x, (new.y0 + new.y1 - old.y0 - old.y1) / 2 - shift[1]))
