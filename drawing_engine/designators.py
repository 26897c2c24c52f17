"""Components that a page's text names: designators by IEC 81346-2 or IEEE 315, with the ratings beside them.

A page without a text layer holds no words, so no components are found; its `kind` reports that.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drawing_engine.component_classes import NET_LETTERS, UNITS, Standard, component_class
from drawing_engine.pages import Box, Page, Word
from drawing_engine.ratings import PlacedRating, Rating, around, find_ratings
from drawing_engine.rectangles import contains, find_rectangles, pin_words, title_block


@dataclass(frozen=True, slots=True)
class Designation:
    """A component that the text names.

    Attributes:
        designator: as drawn, with "-" in place of other dashes, without a terminal: "=A1+S1-K1", "R12".
        prefix: its letters: "K", "R".
        component_class: such as "relay"; empty if the letters are unknown.
        rating: the nearest one; None if there is none.
        box: about the designator's text.
        confidence: from 0 to 1.
        standard: that the sheet follows.
    """

    designator: str
    prefix: str
    component_class: str
    rating: Rating | None
    box: Box
    confidence: float
    standard: Standard


#: Dashes that programs write in place of a hyphen; the sign of the unit in place of the Greek letter.
_DASHES = str.maketrans({**dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"), "\u2126": "Ω"})
_IEC = re.compile(
    r"(?P<name>(?:[=+]{1,2}[A-Z0-9.]{1,12}){0,3}(?:-[A-Z]{1,3}\d{1,4})?-(?:\d{1,3})?(?P<prefix>[A-Z]{1,3})"
    r"\d{1,5}(?:\.\d{1,3})?[A-Za-z]?)(?::[\w.+/-]{1,12})?\Z"
)
_IEEE = re.compile(r"(?P<name>(?P<prefix>[A-Z]{1,3})(?P<number>\d{1,4})[A-Z]?)(?:[:=]\S{1,12})?\Z")
#: Share of designators with a dash from which a sheet follows IEC 81346-2. Pin names have no dash there either.
_IEC_SHARE = 0.2
_PROSE = re.compile(r"[A-Za-zÄÖÜäöüß]{3,}[.,:;]?\Z")
_NO_PROSE = frozenset({"VDC", "VAC", "Ohm", "Ohms", "kHz", "MHz", "AWG", "rpm", "var", "DNP", "NPN", "PNP"})
#: Gap up to which a rating belongs to a designator, in heights of the text.
_REACH = 3.5


def find_designations(page: Page, standard: Standard = Standard.AUTO) -> list[Designation]:
    """Return the components that the page's words name, in the order of the words.

    Names of pins and nets, the title block, and mentions in sentences are left out.
    """
    lines = lines_of(page.words)
    rectangles = find_rectangles(page) if page.words else []
    title = title_block(page, rectangles)
    lines = [line for line in lines if not _is_prose(line)]
    if title:
        lines = [[word for word in line if not contains(title, word.box)] for line in lines]
    words = [word for line in lines for word in line]
    if standard is Standard.AUTO:
        standard = sheet_standard(words)
    candidates = _iec(words) if standard is Standard.IEC else _ieee(words, rectangles, page)
    curves = standard is Standard.IEC
    names = {id(word) for word, *_ in candidates}
    ratings = find_ratings(
        ([word for word in line if id(word) not in names or "=" in word.text] for line in lines), curves=curves
    )
    bound = _bind(candidates, ratings)
    return [
        Designation(name, prefix, class_, bound.get(n), word.box, confidence, standard)
        for n, (word, name, prefix, class_, confidence) in enumerate(candidates)
    ]


_Candidate = tuple[Word, str, str, str, float]


def sheet_standard(words: Sequence[Word]) -> Standard:
    """Return IEC if enough of the words that look like designators begin with a dash, otherwise IEEE."""
    dashed = sum(bool(_IEC.match(word.text)) for word in words)
    plain = sum(
        bool((found := _IEEE.match(word.text)) and component_class(found["prefix"], Standard.IEEE)) for word in words
    )
    return Standard.IEC if dashed and dashed >= _IEC_SHARE * (dashed + plain) else Standard.IEEE


def lines_of(words: Sequence[Word]) -> list[list[Word]]:
    """Return the words as lines: those that follow each other with less than a character's gap.

    Dashes are normalized, and a dash drawn by itself is joined to the word that it precedes.
    """
    lines: list[list[Word]] = []
    for word in words:
        word = Word(word.text.translate(_DASHES), word.box)
        last = lines[-1][-1] if lines else None
        if last and _follows(last, word):
            if last.text in ("-", "=", "+") and word.box.x0 - last.box.x1 < 0.3 * word.box.height:
                lines[-1][-1] = Word(last.text + word.text, around(last.box, word.box))
            else:
                lines[-1].append(word)
        else:
            lines.append([word])
    return lines


def _follows(last: Word, word: Word) -> bool:
    """Return whether a word continues the line that another ends; of upright or of vertical text."""
    a, b = last.box, word.box
    height = max(1.0, min(max(a.height, b.height), max(a.width, b.width)))
    level = abs((a.y0 + a.y1) - (b.y0 + b.y1)) < height * 0.8 and -0.3 * height < b.x0 - a.x1 < 1.1 * height
    upright = (
        a.height > a.width and b.height > b.width * 0.6
        and abs((a.x0 + a.x1) - (b.x0 + b.x1)) < height * 0.8
        and min(abs(a.y0 - b.y1), abs(b.y0 - a.y1)) < 1.1 * height
    )  # fmt: skip
    return level or upright


def _is_prose(line: Sequence[Word]) -> bool:
    """Return whether a line is a sentence or a heading, in which designators are only mentioned."""
    return sum(bool(_PROSE.match(word.text)) and word.text not in _NO_PROSE for word in line) >= 2


def _iec(words: Sequence[Word]) -> list[_Candidate]:
    found: list[_Candidate] = []
    for word in words:
        match = _IEC.match(word.text.strip("(),;"))
        if match:
            class_ = component_class(match["prefix"], Standard.IEC)
            found.append((word, match["name"], match["prefix"], class_, 0.95 if class_ else 0.6))
    return found


def _ieee(words: Sequence[Word], rectangles: Sequence[Box], page: Page) -> list[_Candidate]:
    matches = []
    for n, word in enumerate(words):
        match = _IEEE.match(word.text.strip("(),;"))
        if match and (class_ := component_class(match["prefix"], Standard.IEEE)):
            matches.append((n, word, match, class_))
    pins = pin_words(words, rectangles, page) if matches else set()
    buses = {match["prefix"] for _, _, match, _ in matches if match["number"] == "0"}
    wires = _level_lines(page, rectangles) if matches else np.empty((0, 3))
    found: list[_Candidate] = []
    for n, word, match, class_ in matches:
        prefix = match["prefix"]
        if n in pins or (prefix in NET_LETTERS and _is_on_wire(word.box, wires)):
            continue
        if match["number"] == "0" and prefix in NET_LETTERS:
            continue
        found.append((word, match["name"], prefix, class_, 0.75 if prefix in buses else 0.9))
    return found


def _level_lines(page: Page, rectangles: Sequence[Box]) -> NDArray[np.float64]:
    """Return x0, x1 and y of the level lines that are not sides of rectangles."""
    s = page.segments.astype(np.float64)
    level = s[np.abs(s[:, 1] - s[:, 3]) < 0.5]
    lines = np.stack([np.minimum(level[:, 0], level[:, 2]), np.maximum(level[:, 0], level[:, 2]), level[:, 1]], 1)
    lines = lines[lines[:, 1] - lines[:, 0] > 6]
    sides = {(round(box.x0), round(box.x1)) for box in rectangles}
    keep = [(round(x0), round(x1)) not in sides for x0, x1 in lines[:, :2].tolist()]
    chosen: NDArray[np.float64] = lines[np.array(keep, bool)]
    return chosen


def _is_on_wire(box: Box, wires: NDArray[np.float64]) -> bool:
    """Return whether a wire runs just below a text, along all of it: then the text names a net."""
    if not len(wires):
        return False
    height = min(box.height, box.width)
    below = (wires[:, 2] > box.y1 - 0.45 * height) & (wires[:, 2] < box.y1 + 0.5 * height)
    return bool(np.any(below & (wires[:, 0] < box.x0 + 0.5 * height) & (wires[:, 1] > box.x1 - 0.5 * height)))


def _bind(candidates: Sequence[_Candidate], ratings: Sequence[PlacedRating]) -> dict[int, Rating]:
    """Return the rating of each candidate that has one; each rating is of one candidate, the nearest first."""
    if not candidates or not ratings:
        return {}
    names = np.array([word.box for word, *_ in candidates], np.float64)
    pairs: list[tuple[float, str, int, int]] = []
    for r, placed in enumerate(ratings):
        box = np.array(placed.box, np.float64)
        gap_x = np.maximum(0, np.maximum(names[:, 0] - box[2], box[0] - names[:, 2]))
        gap_y = np.maximum(0, np.maximum(names[:, 1] - box[3], box[1] - names[:, 3]))
        heights = np.minimum(names[:, 2] - names[:, 0], names[:, 3] - names[:, 1]).clip(1)
        for n in np.flatnonzero(np.hypot(gap_x, gap_y) < _REACH * heights).tolist():
            fit = _fit(candidates[n][3], placed)
            if fit is not None:
                distance = float(np.hypot(gap_x[n], gap_y[n]) / heights[n])
                pairs.append((distance + fit, _relation(candidates[n][0].box, placed.box), n, r))
    nearest: dict[int, tuple[float, str]] = {}
    for cost, relation, n, _ in sorted(pairs):
        nearest.setdefault(n, (cost, relation))
    relations = [relation for _, relation in nearest.values()]
    usual = max(set(relations), key=relations.count) if relations else ""
    bound: dict[int, Rating] = {}
    used: set[int] = set()
    for _, n, r in sorted((cost + (0 if relation == usual else 0.9), n, r) for cost, relation, n, r in pairs):
        if n not in bound and r not in used:
            used.add(r)
            bound[n] = _in_unit(ratings[r].rating, candidates[n][3])
    return bound


def _fit(class_: str, placed: PlacedRating) -> float | None:
    """Return a penalty for a rating that is unusual for a class; None if the class cannot have it."""
    units = UNITS.get(class_, ())
    if placed.rating.unit:
        if placed.rating.unit in units:
            return 0.2 if units.index(placed.rating.unit) else 0.0
        return 2.5 if units else 1.5
    if class_ not in ("resistor", "capacitor", "inductor", "resistor_network", "thermistor", "ferrite_bead"):
        return None
    if placed.is_bare:
        return 1.0 if class_ == "resistor" else None
    return 0.0


def _in_unit(rating: Rating, class_: str) -> Rating:
    """Return a rating with the unit of its class if the drawing leaves it out."""
    return rating if rating.unit else rating._replace(unit=UNITS[class_][0])


def _relation(name: Box, rating: Box) -> str:
    """Return on which side of a designator a rating lies."""
    if rating.x0 >= name.x1 - 1:
        return "right"
    if rating.x1 <= name.x0 + 1:
        return "left"
    return "below" if rating.y0 + rating.y1 > name.y0 + name.y1 else "above"
