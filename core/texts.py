"""Rules of texts: one form for texts that look the same, no line breaks within a line, no invisible padding."""

import re
import unicodedata
from typing import Literal

from django.core.exceptions import ValidationError

_CODE = "control_characters"

# By code points, because the categories would need a table of all characters: Cc; lone surrogates (Cs); code points
# that will never be characters.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_BREAKS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NO_CHARACTER = re.compile(
    "[\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
)
# Zl and Zp.
_BREAK = re.compile(r"[\u2028\u2029]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_BIDI_OVERRIDES, _BIDI_EMBEDDINGS, _BIDI_ISOLATES = "\u202d\u202e", "\u202a\u202b", "\u2066\u2067\u2068"

# Default_Ignorable_Code_Point.
_IGNORABLE = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
#: A visible character: not white space, the blank of Braille, a mark of annotations, or ignorable.
_VISIBLE = re.compile(rf"[^\s{_IGNORABLE}\x00-\x20\x7f-\xa0\u2800\ufff9-\ufffc\U00016fe4\ud800-\udfff]")
#: Characters without an effect at the ends of a text. Joiners, marks of direction, variation selectors and tags may
#: have one.
_PADDING = (
    "\xad\u180e\u200b\u2060\u2061\u2062\u2063\u2064\u206a\u206b\u206c\u206d\u206e\u206f\u2800\ufeff\ufff9\ufffa\ufffb"
)
#: With white space, of which U+3000 is the last. (A regular expression would start anew at each character of a long
#: run.)
_AT_ENDS = _PADDING + "".join(filter(str.isspace, map(chr, range(0x3001))))
#: Sorting the marks on one letter takes quadratic time and blocks all threads: half a million marks take an hour. A
#: longer text exceeds the length of any line, and is rejected for that.
_MAX_NORMALIZED_LENGTH = 2048
_ANY_IGNORABLE = re.compile(f"[{_IGNORABLE}]")
#: Ignorable characters and the marks of annotations, which are invisible too.
_ANY_INVISIBLE = re.compile(rf"[{_IGNORABLE}\ufff9-\ufffb]")
#: White space of one line that is not U+0020, such as U+00A0.
_OTHER_SPACE = re.compile(r"[^\S ]")
#: Ignorable characters that change the appearance: joiners within words and emoji, selectors and tags after a symbol.
_SIGNIFICANT = re.compile(
    "(?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f])"
    "|(?<=[^\x00-\x7f])[\ufe00-\ufe0f\U000e0100-\U000e01ef]|(?<=[0-9#*])\ufe0f(?=\u20e3)"
    "|(?<=\U0001f3f4)[\U000e0020-\U000e007f]+"
)


def trimmed(text: str) -> str:
    """Return the text without white space and invisible padding around it; empty if it has no visible character."""
    if text.isascii():
        return text.strip()
    return text.strip(_AT_ENDS) if _VISIBLE.search(text) else ""


def one_line(text: str) -> str:
    """Return a line in the form that is stored and compared: trimmed, NFC."""
    return normalized("NFC", trimmed(text))


def normalized(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """Return the text in a Unicode normalization form; a text that is too long for any line is returned unchanged.

    All texts of callers are normalized here, so that the cost is bounded.
    """
    return unicodedata.normalize(form, text) if len(text) <= _MAX_NORMALIZED_LENGTH else text


def one_name(text: str) -> str:
    """Return the form of a name such as a label: as `one_line`, without characters that do not change its appearance.

    Other kinds of spaces become U+0020. Line breaks stay, for a validator to reject.
    """
    line = one_line(text)
    if line.isascii():
        return line
    line = _OTHER_SPACE.sub(lambda found: " " if unicodedata.category(found[0]) == "Zs" else found[0], line)
    if not _ANY_INVISIBLE.search(line):
        return line
    significant = _significant_positions(line)
    kept = (c for position, c in enumerate(line) if position in significant or not _ANY_INVISIBLE.match(c))
    return one_line("".join(kept))


def _significant_positions(text: str) -> set[int]:
    return {position for found in _SIGNIFICANT.finditer(text) for position in range(*found.span())}


def without_ignorable(text: str) -> str:
    """Return the text without ignorable characters, which numbers and queries must not hold."""
    return text if text.isascii() else _ANY_IGNORABLE.sub("", text)


def printable(text: str, substitute: str = " ") -> str:
    """Return the text with a substitute for each character that cannot be printed.

    Invisible characters, also those that change the direction of text, are dropped, except those that change the
    appearance: joiners within words and emoji, selectors and tags after a symbol.
    """
    if text.isprintable():
        return text
    significant = _significant_positions(text)
    return "".join(
        character
        if character.isprintable() or position in significant
        else ("" if _ANY_INVISIBLE.match(character) else substitute)
        for position, character in enumerate(text)
    )


def validate_no_control_characters(value: str) -> None:
    """Reject characters that do not belong in a text of one line.

    Raises:
        ValidationError: the text holds a control character, including NUL and line breaks, a code point that is not a
            character, or an unbalanced mark that changes the direction of text.
    """
    if _CONTROL.search(value):
        raise ValidationError("It may not hold control characters.", code=_CODE)
    _check_characters(value)
    if _BREAK.search(value):
        raise ValidationError("It may not hold line breaks.", code=_CODE)
    if _BIDI.search(value) and not _is_balanced(value):
        raise ValidationError("It may not hold characters that reverse the direction of text.", code=_CODE)


def validate_no_control_characters_but_breaks(value: str) -> None:
    """Reject control characters other than line breaks and tabs, for texts of many lines."""
    if _CONTROL_BUT_BREAKS.search(value):
        raise ValidationError("It may not hold control characters other than line breaks and tabs.", code=_CODE)
    _check_characters(value)


def _check_characters(value: str) -> None:
    if not value.isascii() and _NO_CHARACTER.search(value):
        raise ValidationError("It may not hold code points that are not characters.", code=_CODE)


def _is_balanced(line: str) -> bool:
    """Return whether the line closes each embedding and isolate, and does not override the direction of letters."""
    open_marks: list[str] = []
    for mark in _BIDI.findall(line):
        if mark in _BIDI_OVERRIDES:
            return False
        if mark in _BIDI_EMBEDDINGS:
            open_marks.append("\u202c")
        elif mark in _BIDI_ISOLATES:
            open_marks.append("\u2069")
        elif not open_marks or open_marks.pop() != mark:
            return False
    return not open_marks
