"""The number and the title of a sheet, from the words of its title block.

A title block is a table along the lower or the right edge. Its cells have a small label, and a value beside or below
it. Without labels, the largest text near the lower right corner decides.
"""

import re
from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from drawing_engine.pages import Box, Word

_NUMBER_LABELS = (
    # The first group is preferred to the second.
    ("sheet", "sheet no", "sheet nr", "sheet number", "sheet id", "sht", "sht no", "blatt", "blatt nr", "folio"),
    (
        "drawing no", "drawing nr", "drawing number", "drg no", "dwg no", "dwg nr", "dwg number", "dwg", "plan no",
        "plan nr", "document no", "document number", "doc no", "zeichnungsnummer", "zeichnungs nr", "zeichnung nr",
        "zeichn nr", "page", "page no", "seite",
    ),
)  # fmt: skip
_TITLE_LABELS = (
    "title", "drawing title", "sheet title", "sheet name", "drawing name", "dwg title", "drg title", "titel",
    "benennung", "bezeichnung", "blattbenennung", "titre", "contents",
)  # fmt: skip
_OTHER_LABELS = (
    "date", "scale", "rev", "revision", "rev no", "drawn", "drawn by", "checked", "checked by", "chk", "approved",
    "approved by", "appd", "designed", "designed by", "project", "project no", "project number", "project name",
    "job no", "job number", "client", "customer", "company", "size", "of", "description", "by", "status", "issue",
    "datum", "massstab", "maßstab", "gezeichnet", "gez", "bearb", "bearbeiter", "geprüft", "gepr", "norm", "projekt",
    "kunde", "format", "name", "location", "cad file", "file", "file name", "paper", "units", "contract no", "index",
)  # fmt: skip
_LABELS = {label for group in _NUMBER_LABELS for label in group} | set(_TITLE_LABELS) | set(_OTHER_LABELS)
#: A label of up to three words at the beginning of a phrase.
_MAX_LABEL_WORDS = 3
#: The part of the page, from its lower or right edge, in which a title block is.
_BOTTOM, _RIGHT = 0.68, 0.72
#: The largest distance of a value from its label, in heights of the label.
_MAX_BESIDE, _MAX_BELOW = 14.0, 5.0
_MAX_TITLE_LINES = 3
_MAX_LENGTH = 200
_NUMBER = re.compile(r"(?=[^\d]*\d)[A-Za-z0-9=+][\w.+=/:-]{0,31}")
#: A sheet number that needs no label, such as E-101 or A2.01.
_PLAIN_NUMBER = re.compile(r"[A-Z]{1,3}[- ]?\d{1,4}(?:[.-]\d{1,3})?[A-Z]?")
_TOTAL = re.compile(r"(\d+)/\d+")


class Title(NamedTuple):
    """The number and the title of a sheet; empty where not found."""

    number: str = ""
    title: str = ""


class Phrase(NamedTuple):
    """Words that are one after the other on a line."""

    words: tuple[Word, ...]
    box: Box

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


def read_title_block(words: Sequence[Word], width: float, height: float) -> Title:
    """Return the number and the title of a sheet.

    Args:
        words: of the page.
        width: of the page, in points.
        height: like `width`.
    """
    near = [
        word for word in words
        if (word.box.y0 > _BOTTOM * height or word.box.x0 > _RIGHT * width) and word.box.height < 0.1 * height
    ]  # fmt: skip
    found = phrases(near)
    # Of several title blocks, that nearest to the lower right corner is the sheet's.
    found.sort(key=lambda phrase: width - phrase.box.x0 + height - phrase.box.y0)
    number = next((value for group in _NUMBER_LABELS for value in _numbers(found, group)), "")
    title = next(_titles(found), "")
    corner = [phrase for phrase in found if phrase.box.x1 > 0.6 * width and phrase.box.y1 > 0.7 * height]
    if not number:
        number = _largest(corner, _PLAIN_NUMBER, 1.2)
    if not title and number:
        title = _largest([phrase for phrase in corner if number not in phrase.text], re.compile(r".*[^\W\d]{4}.*"), 1.3)
    return Title(number[:_MAX_LENGTH], title[:_MAX_LENGTH])


def phrases(words: Sequence[Word]) -> list[Phrase]:
    """Join words that follow each other on a line, with a gap of less than a character's height."""
    joined: list[list[Word]] = []
    for word in words:
        last = joined[-1][-1] if joined else None
        if last and _continues(last.box, word.box):
            joined[-1].append(word)
        else:
            joined.append([word])
    return [Phrase(tuple(group), _around(group)) for group in joined]


def _continues(last: Box, box: Box) -> bool:
    size = min(last.height, box.height)
    overlap = min(last.y1, box.y1) - max(last.y0, box.y0)
    return overlap > 0.6 * size and -0.2 * size < box.x0 - last.x1 < 0.8 * size


def _around(words: Sequence[Word]) -> Box:
    return Box(
        min(word.box.x0 for word in words), min(word.box.y0 for word in words),
        max(word.box.x1 for word in words), max(word.box.y1 for word in words),
    )  # fmt: skip


def _label(words: Sequence[Word]) -> str:
    return re.sub(r"[\W_]+", " ", " ".join(word.text for word in words)).strip().lower()


def _split(phrase: Phrase) -> tuple[str, tuple[Word, ...]]:
    """Return the label that a phrase begins with, or an empty text, and the words after it."""
    for count in range(min(_MAX_LABEL_WORDS, len(phrase.words)), 0, -1):
        label = _label(phrase.words[:count])
        is_whole = count == len(phrase.words)
        if label in _LABELS and (is_whole or _ends_label(phrase.words[count - 1].text, phrase.words[count:])):
            return label, phrase.words[count:]
    return "", phrase.words


def _ends_label(last: str, rest: Sequence[Word]) -> bool:
    """Return whether a value follows: "Sheet: 3" and "Sheet 3", but not "Sheet metal works"."""
    return last.endswith((":", ".", "#")) or bool(_NUMBER.fullmatch(rest[0].text))


def _values(found: Sequence[Phrase], labels: Sequence[str]) -> Iterator[tuple[Phrase, list[Phrase]]]:
    """Yield each phrase with one of the labels, and its possible values, the most likely first."""
    for phrase in found:
        label, rest = _split(phrase)
        if label not in labels:
            continue
        if rest:
            yield phrase, [Phrase(rest, _around(rest))]
            continue
        others = [other for other in found if other is not phrase and not _split(other)[0]]
        beside = [other for other in others if _is_beside(phrase.box, other.box)]
        below = [other for other in others if _is_below(phrase.box, other.box)]
        beside.sort(key=lambda other: other.box.x0)
        below.sort(key=lambda other: other.box.y0)
        is_table = bool(below) and below[0].box.y0 - phrase.box.y1 < 1.5 * phrase.box.height
        is_row = bool(beside) and beside[0].box.x0 - phrase.box.x1 < 3 * phrase.box.height
        yield phrase, beside + below if is_row or not is_table else below + beside


def _is_beside(label: Box, value: Box) -> bool:
    middle = (value.y0 + value.y1) / 2
    is_level = label.y0 - 0.5 * label.height < middle < label.y1 + 0.5 * label.height
    return is_level and 0 <= value.x0 - label.x1 + 1 < _MAX_BESIDE * label.height


def _is_below(label: Box, value: Box) -> bool:
    gap = value.y0 - label.y1
    starts_within = label.x0 - 4 * label.height < value.x0 < label.x1 + 2 * label.height
    is_centred = value.x0 < label.x1 and label.x0 < value.x1
    return -0.3 * label.height < gap < _MAX_BELOW * label.height and (starts_within or is_centred)


def _numbers(found: Sequence[Phrase], labels: Sequence[str]) -> Iterator[str]:
    for _, values in _values(found, labels):
        for value in values:
            first = value.words[0].text.rstrip(",;")
            if _NUMBER.fullmatch(first):
                yield match[1] if (match := _TOTAL.fullmatch(first)) else first
                break


def _titles(found: Sequence[Phrase]) -> Iterator[str]:
    for label, values in _values(found, _TITLE_LABELS):
        first = next((value for value in values if re.search(r"[^\W\d]{2}", value.text)), None)
        if not first:
            continue
        lines = [first]
        while len(lines) < _MAX_TITLE_LINES:
            last = lines[-1].box
            following = [
                other for other in found
                if -0.3 * last.height < other.box.y0 - last.y1 < 0.8 * last.height
                and abs(other.box.height - last.height) < 0.15 * last.height
                and (abs(other.box.x0 - last.x0) < last.height or _is_centred(other.box, last))
                and not _split(other)[0] and other is not label
            ]  # fmt: skip
            if not following:
                break
            lines.append(following[0])
        yield " ".join(line.text for line in lines)


def _is_centred(one: Box, other: Box) -> bool:
    return abs(one.x0 + one.x1 - other.x0 - other.x1) < one.height


def _largest(found: Sequence[Phrase], pattern: re.Pattern[str], factor: float) -> str:
    """Return the largest phrase of a pattern, if it is larger than the others by a factor; otherwise an empty text."""
    if not found:
        return ""
    usual = median(phrase.box.height for phrase in found)
    candidates = [
        phrase for phrase in found if pattern.fullmatch(phrase.text) and phrase.box.height >= factor * usual
    ]  # fmt: skip
    return max(candidates, key=lambda phrase: phrase.box.height).text if candidates else ""
