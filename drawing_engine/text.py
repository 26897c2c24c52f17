"""The words of a page's text layer, with their boxes. Runs in the child."""

import ctypes
import math
from typing import Any

from drawing_engine import pdfium

#: A gap between characters that separates words, as a part of their size, if the file has no space there.
_GAP = 0.3
_SPACES = frozenset(map(ord, " \t\u00a0\u2002\u2003\u2007\u2009\u200b\u202f\u3000"))
_LINE_BREAKS = frozenset(map(ord, "\n\r\u2028\u2029"))
#: PDFium marks a hyphen at the end of a line by one of these.
_HYPHENS = frozenset({0x02, 0xFFFE, 0xAD})

Rectangle = tuple[float, float, float, float]


class Words:
    """Words, joined from characters.

    Attributes:
        rows: `[text, left, bottom, right, top, line]` for each word, in the page's space; `line` counts from 0.
        limit: the limit that was reached: "words" or "characters", or empty.
    """

    def __init__(self, max_words: int, max_characters: int) -> None:
        self._max_words = max_words
        self._max_characters = max_characters
        self.rows: list[list[Any]] = []
        self.limit = ""

    def read(self, page: int, clip: Rectangle) -> None:
        """Collect the words of a page whose centres are in a box."""
        text_page = pdfium.load_text(page)
        if not text_page:
            return
        try:
            self._read(text_page, clip)
        finally:
            pdfium.close_text(text_page)

    def _read(self, text_page: int, clip: Rectangle) -> None:
        get_unicode, get_loose_box = pdfium.get_unicode, pdfium.get_loose_box
        rectangle = (ctypes.c_float * 4)()
        address = ctypes.addressof(rectangle)
        count = pdfium.count_characters(text_page)
        if count > self._max_characters:
            self.limit = "characters"
        characters: list[str] = []
        box = last = (0.0, 0.0, 0.0, 0.0)
        line = 0
        for index in range(min(count, self._max_characters)):
            code = get_unicode(text_page, index)
            if code in _SPACES or code in _LINE_BREAKS:
                self._add(characters, box, line, clip)
                characters = []
                line += code in _LINE_BREAKS
                continue
            character = "-" if code in _HYPHENS else _printable(code)
            if not character or not get_loose_box(text_page, index, address):
                continue
            left, top, right, bottom = rectangle
            if not math.isfinite(left + top + right + bottom):
                continue
            here = (min(left, right), min(bottom, top), max(left, right), max(bottom, top))
            if characters and (step := _step(last, here)):
                self._add(characters, box, line, clip)
                characters = []
                line += step == "line"
            box = (
                (min(box[0], here[0]), min(box[1], here[1]), max(box[2], here[2]), max(box[3], here[3]))
                if characters else here
            )  # fmt: skip
            characters.append(character)
            last = here
            if self.limit == "words":
                return
        self._add(characters, box, line, clip)

    def _add(self, characters: list[str], box: Rectangle, line: int, clip: Rectangle) -> None:
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        if not characters or not (clip[0] <= x <= clip[2] and clip[1] <= y <= clip[3]):
            return
        if len(self.rows) >= self._max_words:
            self.limit = "words"
            return
        self.rows.append(["".join(characters), *(round(value, 3) for value in box), line])


def _printable(code: int) -> str:
    """Return the character of a code point; empty for control characters, surrogates and unassigned ones."""
    if not 0x20 < code < 0x110000 or 0xD800 <= code < 0xE000:
        return ""
    character = chr(code)
    return character if character.isprintable() or 0xE000 <= code <= 0xF8FF else ""


def _step(last: Rectangle, here: Rectangle) -> str:
    """Return "line" or "gap" if a character does not continue the word of the last one, else an empty text."""
    size = min(max(last[2] - last[0], last[3] - last[1]), max(here[2] - here[0], here[3] - here[1]))
    across = max(here[0] - last[2], last[0] - here[2])
    along = max(here[1] - last[3], last[1] - here[3])
    if max(across, along) <= _GAP * size:
        return ""
    # In any direction of writing, a word of the same line overlaps the line's other characters in one coordinate.
    return "line" if min(across, along) > 0 else "gap"
