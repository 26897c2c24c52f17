"""Characters to words."""

import numpy as np
from numpy.typing import NDArray

from drawing_engine.geometry import View
from drawing_engine.pages import Box, Word

#: A gap between characters that separates words, as a part of their size, if the file has no space there.
_GAP = 0.3
_SPACES = np.array([ord(space) for space in " \t\u00a0\u2002\u2003\u2007\u2009\u200b\u202f\u3000"], np.uint32)
_LINE_BREAKS = np.array([ord(line_break) for line_break in "\n\r\u2028\u2029"], np.uint32)
#: PDFium marks a hyphen at the end of a line by one of these.
_HYPHENS = np.array([0x02, 0xFFFE, 0xAD], np.uint32)
_PRIVATE_USE = range(0xE000, 0xF900)


def join(
    codes: NDArray[np.uint32], boxes: NDArray[np.float32], view: View, max_words: int
) -> tuple[tuple[Word, ...], str, bool]:
    """Return the words on the visible part of a page, its text, and whether there are more words than allowed.

    Args:
        codes: code points.
        boxes: (n, 4): left, top, right, bottom of each character, in the page's space.
        view: the visible part of the page.
        max_words: the words that are returned.
    """
    is_break = np.isin(codes, _LINE_BREAKS)
    line = np.cumsum(is_break)
    kept = ~is_break & ~np.isin(codes, _SPACES) & _printable(codes)
    kept &= np.isfinite(boxes).all(axis=1) & boxes.any(axis=1)
    # A space or a line break between two characters begins a word, and so does a distance.
    gaps = np.cumsum(is_break | np.isin(codes, _SPACES))[kept]
    codes, line = np.where(np.isin(codes, _HYPHENS), ord("-"), codes)[kept], line[kept]
    if not len(codes):
        return (), "", False
    shown = view.boxes(boxes[kept][:, [0, 3, 2, 1]])
    across, along, size = _distances(shown)
    is_far = np.maximum(across, along) > _GAP * size
    # In any direction of writing, a word of the same line overlaps the line's other characters in one coordinate.
    is_new_line = (np.diff(line) > 0) | (is_far & (np.minimum(across, along) > 0))
    starts = np.flatnonzero(np.concatenate([[True], is_far | (np.diff(gaps) > 0)]))
    lines = np.concatenate([[0], np.cumsum(is_new_line)])[starts]

    corners = np.hstack([np.minimum.reduceat(shown[:, :2], starts), np.maximum.reduceat(shown[:, 2:], starts)])
    middle = (corners[:, :2] + corners[:, 2:]) / 2
    on_page = ((middle >= 0) & (middle <= [view.width, view.height])).all(axis=1)
    chosen = np.flatnonzero(on_page)[:max_words]
    corners = np.clip(corners[chosen], 0, [view.width, view.height] * 2).round(3)
    text = codes.astype("<u4").tobytes().decode("utf-32-le")
    ends = np.append(starts[1:], len(codes))
    words = tuple(
        Word(text[start:end], Box(*box))
        for start, end, box in zip(starts[chosen].tolist(), ends[chosen].tolist(), corners.tolist(), strict=True)
    )
    return words, _text(words, lines[chosen]), int(on_page.sum()) > max_words


def _printable(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which code points are characters: not controls, surrogates or unassigned ones."""
    unique, inverse = np.unique(codes, return_inverse=True)
    allowed = [
        code in _HYPHENS or code in _PRIVATE_USE or (0x20 < code < 0x110000 and chr(code).isprintable())
        for code in unique.tolist()
    ]
    result: NDArray[np.bool_] = np.array(allowed, bool)[inverse]
    return result


def _distances(boxes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the distances of each character from the previous one in x and y, and the smaller one's size."""
    last, here = boxes[:-1], boxes[1:]
    across = np.maximum(here[:, 0] - last[:, 2], last[:, 0] - here[:, 2])
    along = np.maximum(here[:, 1] - last[:, 3], last[:, 1] - here[:, 3])
    sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    return across, along, np.minimum(sides[:-1], sides[1:])


def _text(words: tuple[Word, ...], lines: NDArray[np.int64]) -> str:
    if not words:
        return ""
    parts = [words[0].text]
    for word, is_new_line in zip(words[1:], (np.diff(lines) > 0).tolist(), strict=True):
        parts += ["\n" if is_new_line else " ", word.text]
    return "".join(parts)
