"""The kind of a page, by measured rules."""

import numpy as np
from numpy.typing import NDArray

from drawing_engine.pages import FILLED, STROKED, Kind, Paths

#: A page of which images cover this part is a scan, or mixed.
SCAN_COVERAGE = 0.5
#: Visible paths on a scan from which it is mixed; fewer are frames and marks that scanners add.
MIXED_PATHS = 20
#: Visible words on a scan from which it is mixed.
MIXED_WORDS = 5
#: A path that covers this part of the page is its background.
BACKGROUND = 0.95
#: Cells along each side of the grid that measures coverage.
_CELLS = 64
#: Colours with all channels from here are white: they leave no mark on paper.
_WHITE = 250

NO_TEXT = "The page has no text layer: its text consists of outlines or images, so designators are not found in it."
INVISIBLE_TEXT = "The text of the page is invisible: a scanner recognised it, so it may have errors."
SCAN = "The page is a scan: symbols are not counted on images."


def classify(
    width: float,
    height: float,
    paths: Paths,
    images: NDArray[np.float64],
    word_count: int,
    *,
    has_shading: bool = False,
    is_text_invisible: bool = False,
) -> tuple[Kind, tuple[str, ...]]:
    """Return the kind of a page, and warnings about what cannot be found on it.

    Args:
        width: of the page, in points.
        height: like `width`.
        paths: of the page.
        images: boxes of its images, (n, 4), as shown.
        word_count: words of its text layer.
        has_shading: it has an area with a gradient.
        is_text_invisible: all its text is invisible.
    """
    path_count = int(visible(paths, width, height).sum())
    visible_words = 0 if is_text_invisible else word_count
    kind = _kind(coverage(width, height, images), len(images), path_count + has_shading, word_count, visible_words)
    warnings = []
    if kind is not Kind.BLANK and not word_count:
        warnings.append(NO_TEXT)
    if word_count and is_text_invisible:
        warnings.append(INVISIBLE_TEXT)
    if kind is Kind.RASTER:
        warnings.append(SCAN)
    return kind, tuple(warnings)


def _kind(covered: float, image_count: int, path_count: int, word_count: int, visible_words: int) -> Kind:
    if covered >= SCAN_COVERAGE:
        return Kind.MIXED if path_count >= MIXED_PATHS or visible_words >= MIXED_WORDS else Kind.RASTER
    if word_count:
        return Kind.VECTOR_TEXT
    if path_count:
        return Kind.VECTOR_ONLY
    return Kind.RASTER if image_count else Kind.BLANK


def visible(paths: Paths, width: float, height: float) -> NDArray[np.bool_]:
    """Return which paths leave a mark: not those that are white, or the background of the page."""
    stroked = (paths.flags & STROKED > 0) & (paths.colors[:, :3].min(axis=1, initial=255) < _WHITE)
    filled = (paths.flags & FILLED > 0) & (paths.colors[:, 3:].min(axis=1, initial=255) < _WHITE)
    boxes = paths.boxes
    is_background = (boxes[:, 2] - boxes[:, 0] >= BACKGROUND * width) & (
        boxes[:, 3] - boxes[:, 1] >= BACKGROUND * height
    )
    result: NDArray[np.bool_] = stroked | (filled & ~is_background)
    return result


def coverage(width: float, height: float, images: NDArray[np.float64]) -> float:
    """Return the part of the page that images cover, from 0 to 1. Strips of a scan count together."""
    grid = np.zeros((_CELLS, _CELLS), bool)
    cells = np.clip(images / np.array([width, height, width, height]) * _CELLS, 0, _CELLS)
    for x0, y0, x1, y1 in np.rint(cells).astype(int).tolist():
        grid[y0:y1, x0:x1] = True
    return float(grid.mean())
