"""The rules of texts: one form of what looks the same, no line breaks where there is one line, nothing invisible."""

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
#: What nothing is seen of: white space, the blank of Braille, annotations' marks, and what is ignorable.
_VISIBLE = re.compile(rf"[^\s{_IGNORABLE}\x00-\x20\x7f-\xa0\u2800\ufff9-\ufffc\U00016fe4\ud800-\udfff]")
#: What does nothing at the ends of a text. Joiners, marks of direction, variation selectors and tags may do something.
_PADDING = (
    "\xad\u180e\u200b\u2060\u2061\u2062\u2063\u2064\u206a\u206b\u206c\u206d\u206e\u206f\u2800\ufeff\ufff9\ufffa\ufffb"
)
#: With white space, of which U+3000 is the last. (An expression would begin anew at each character of a long run.)
_AT_ENDS = _PADDING + "".join(filter(str.isspace, map(chr, range(0x3001))))
#: The order of marks on one letter takes the square of their number, while no other thread runs: half a million marks
#: take an hour. What is longer than this is too long for any line, and refused for its length.
_MAX_NORMALIZED_LENGTH = 2048
_ANY_IGNORABLE = re.compile(f"[{_IGNORABLE}]")
#: As ignorable, with the marks of annotations, which have no form either.
_ANY_UNSEEN = re.compile(rf"[{_IGNORABLE}\ufff9-\ufffb]")
#: White space of one line that is no space, as U+00A0.
_OTHER_SPACE = re.compile(r"[^\S ]")
#: Where an ignorable character changes what is seen: joiners within words and emoji, selectors and tags after a symbol.
_MEANT = re.compile(
    "(?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f])"
    "|(?<=[^\x00-\x7f])[\ufe00-\ufe0f\U000e0100-\U000e01ef]|(?<=[0-9#*])\ufe0f(?=\u20e3)"
    "|(?<=\U0001f3f4)[\U000e0020-\U000e007f]+"
)


def trimmed(text: str) -> str:
    """The text without white space and invisible padding around it; empty if nothing of it can be seen."""
    if text.isascii():
        return text.strip()
    return text.strip(_AT_ENDS) if _VISIBLE.search(text) else ""


def one_line(text: str) -> str:
    """The form of a line that is stored and compared: trimmed, NFC."""
    return normalized("NFC", trimmed(text))


def normalized(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """Return the text in a Unicode normalization form; one that is too long for any line as it is.

    Whatever a caller sends is normalized here, so that its cost has a bound.
    """
    return unicodedata.normalize(form, text) if len(text) <= _MAX_NORMALIZED_LENGTH else text


def one_name(text: str) -> str:
    """The form of a name that stands for something, as a label: as `one_line`, without what makes no difference.

    Spaces of other kinds are spaces. Line breaks stay, to be refused.
    """
    line = one_line(text)
    if line.isascii():
        return line
    line = _OTHER_SPACE.sub(lambda found: " " if unicodedata.category(found[0]) == "Zs" else found[0], line)
    if not _ANY_UNSEEN.search(line):
        return line
    meant = {position for found in _MEANT.finditer(line) for position in range(*found.span())}
    kept = (c for position, c in enumerate(line) if position in meant or not _ANY_UNSEEN.match(c))
    return one_line("".join(kept))


def without_ignorable(text: str) -> str:
    """The text without the characters that have no form of their own: for what is none but for its digits."""
    return text if text.isascii() else _ANY_IGNORABLE.sub("", text)


def validate_no_control_characters(value: str) -> None:
    """Refuse what does not belong into a text of one line.

    Raises:
        ValidationError: it holds a control character, NUL and line breaks among them, a code point that is no
            character, or a mark that turns the direction of what follows around.
    """
    if _CONTROL.search(value):
        raise ValidationError("It may not hold control characters.", code=_CODE)
    _check_characters(value)
    if _BREAK.search(value):
        raise ValidationError("It may not hold line breaks.", code=_CODE)
    if _BIDI.search(value) and not _is_balanced(value):
        raise ValidationError("It may not hold characters that turn the direction of text around.", code=_CODE)


def no_control_characters_but_breaks(value: str) -> None:
    """Refuse control characters other than line breaks and tabs, for texts of many lines."""
    if _CONTROL_BUT_BREAKS.search(value):
        raise ValidationError("It may not hold control characters but line breaks and tabs.", code=_CODE)
    _check_characters(value)


def _check_characters(value: str) -> None:
    if not value.isascii() and _NO_CHARACTER.search(value):
        raise ValidationError("It may not hold code points that are no characters.", code=_CODE)


def _is_balanced(line: str) -> bool:
    """Whether each embedding and isolate of the line ends in it, and nothing overrides the direction of letters."""
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
