"""Ratings on drawings: `16A`, `2,5 mm²`, `10k`, `4k7`, `C16`, `24VDC`."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from drawing_engine.pages import Box, Word


class Rating(NamedTuple):
    """A rating.

    Attributes:
        raw: as drawn.
        value: in `unit`, without prefixes such as k or µ.
        unit: A, V, W, VA, var, Ω, F, H, Hz, mm², AWG, Ah, hp, m; empty if the drawing leaves it to the class ("10k").
    """

    raw: str
    value: float
    unit: str


class PlacedRating(NamedTuple):
    """A rating, the box about its words, and whether it is a bare number such as "100"."""

    rating: Rating
    box: Box
    is_bare: bool


#: Powers of ten.
_PREFIXES = {"": 0, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "k": 3, "K": 3, "M": 6, "G": 9}
_UNITS = {
    "a": "A", "v": "V", "w": "W", "va": "VA", "var": "var", "ω": "Ω", "ohm": "Ω", "ohms": "Ω", "r": "Ω", "f": "F",
    "h": "H", "hz": "Hz", "mm²": "mm²", "mm2": "mm²", "qmm": "mm²", "awg": "AWG", "ah": "Ah", "hp": "hp",
}  # fmt: skip
_NUMBER = r"\d{1,6}(?:[.,]\d{1,4})?"
_UNIT = r"VA|var|VAR|V|A|W|Ohms?|ohms?|OHMS?|Ω|R|F|H|Hz|HZ|Ah|AH|HP|hp"
#: "16A", "24 VDC", "AC 230V", "100nF/50V", "1,5kW".
_WITH_UNIT = re.compile(
    rf"(?:AC|DC)?\s?({_NUMBER})\s?([pnuµμmkKMG]?)({_UNIT})\s?(?:AC|DC|ac|dc|~|=|rms)?(?:[/,]\S+)?\Z"
)
_AREA = re.compile(rf"(?:\d{{1,3}}\s?[xX×G*]\s?)?({_NUMBER})\s?(mm²|mm2|qmm|MM²|MM2)\Z")
_CORES = re.compile(rf"\d{{1,2}}[Gx×]({_NUMBER})\Z")
_GAUGE = re.compile(r"(?:#|AWG\s?)(\d{1,2})\Z|(\d{1,2})\s?AWG\Z")
#: "10k", "100n": the class knows the unit.
_PREFIX_ONLY = re.compile(rf"({_NUMBER})\s?([pnuµμkKMG])\Z")
#: "4k7", "2n2", "4R7".
_INFIX = re.compile(r"(\d{1,3})([pnuµμkKMR])(\d{1,2})([FHΩ]?)\Z")
_CURVE = re.compile(r"[BCDKZ](\d{1,3}(?:[.,]\d)?)A?(?:/\S+)?\Z")
_BARE = re.compile(r"\d{2,4}(?:[.,]\d)?\Z")
#: The second word of a rating that is written as two.
_SECOND = re.compile(rf"[pnuµμmkKMG]?(?:{_UNIT}|mm²|mm2|qmm|MM²|AWG)(?:AC|DC|~|=)?\Z")


def parse_rating(text: str, *, curves: bool = False) -> Rating | None:
    """Return the rating that a text is; None if it is not one.

    Args:
        text: without spaces around it.
        curves: "C16" is 16 A of curve C. Where C16 may name a capacitor, it is not.
    """
    text = text.strip("()")
    if found := _WITH_UNIT.match(text):
        unit = _UNITS.get(found[3].lower(), "Ω")
        return Rating(text, _number(found[1], _PREFIXES[found[2]]), unit)
    if found := _AREA.match(text) or _CORES.match(text):
        return Rating(text, _number(found[1]), "mm²")
    if found := _GAUGE.match(text):
        return Rating(text, float(found[1] or found[2]), "AWG")
    if found := _INFIX.match(text):
        unit = "Ω" if found[2] == "R" else found[4]
        return Rating(text, _number(f"{found[1]}.{found[3]}", 0 if found[2] == "R" else _PREFIXES[found[2]]), unit)
    if found := _PREFIX_ONLY.match(text):
        return Rating(text, _number(found[1], _PREFIXES[found[2]]), "")
    if curves and (found := _CURVE.match(text)):
        return Rating(text, _number(found[1]), "A")
    return None


def _number(text: str, power: int = 0) -> float:
    """Return the value of digits with a decimal comma or point, times a power of ten."""
    return float(f"{text.replace(',', '.')}e{power}")


def find_ratings(lines: Iterable[list[Word]], *, curves: bool) -> list[PlacedRating]:
    """Return the ratings in lines of words; a number and its unit may be two words."""
    found: list[PlacedRating] = []
    for line in lines:
        place = 0
        while place < len(line):
            word = line[place]
            text = _value_part(word.text)
            after = line[place + 1] if place + 1 < len(line) else None
            if after and _SECOND.match(after.text) and re.fullmatch(rf"(?:\d+[x×X])?{_NUMBER}", text):
                joined = parse_rating(f"{text} {after.text}", curves=curves)
                if joined:
                    found.append(PlacedRating(joined, around(word.box, after.box), is_bare=False))
                    place += 2
                    continue
            if rating := parse_rating(text, curves=curves):
                found.append(PlacedRating(rating, word.box, is_bare=False))
            elif _BARE.match(text):
                found.append(PlacedRating(Rating(text, _number(text), ""), word.box, is_bare=True))
            place += 1
    return found


def _value_part(text: str) -> str:
    """Return what follows the sign in "R1=10k"; otherwise the text without punctuation at its end."""
    return text.rpartition("=")[2].rstrip(",;")


def around(first: Box, second: Box) -> Box:
    """Return the smallest box that contains both."""
    return Box(min(first.x0, second.x0), min(first.y0, second.y0), max(first.x1, second.x1), max(first.y1, second.y1))
