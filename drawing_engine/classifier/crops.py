"""Crops of symbols as small images of one size and stroke width, from line segments or from a picture."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Segments = npt.NDArray[np.float32]
Grey = npt.NDArray[np.uint8]
Crops = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Polygon = npt.NDArray[np.float64]

#: Pixels of a side of a crop, and of the finer grid that it is drawn on.
SIDE = 48
_GRID = 2 * SIDE
#: Grid cells that stay empty round the ink, so that strokes at its edge have their width.
_MARGIN = 5
_INK = _GRID - 2 * _MARGIN
#: A picture with less contrast than this is empty.
_MIN_CONTRAST = 24
#: Longer segments are cut: points on one of them, at two a grid cell.
_MAX_POINTS = 4 * _GRID


def from_segments(
    crops: Sequence[Segments], *, areas: Sequence[Sequence[Polygon]] | None = None, strokes: Sequence[int] | int = 3
) -> Crops:
    """Draw segments, each crop scaled so that its ink fills the image.

    Args:
        crops: segments of each crop, (n, 4) as x0, y0, x1, y1, in any unit.
        areas: filled polygons of each crop, (n, 2), in the same unit; they lie within the segments' box.
        strokes: width of the lines of each crop in half pixels, odd.

    Returns:
        Images (crops, SIDE, SIDE), 0 where empty and 1 where inked. A crop without segments is empty.
    """
    grids = np.zeros((len(crops), _GRID, _GRID), np.bool_)
    for at, segments in enumerate(crops):
        if len(segments):
            _draw(grids[at], segments, areas[at] if areas is not None else ())
    return _finish(grids, strokes)


def _draw(grid: Mask, segments: Segments, areas: Sequence[Polygon]) -> None:
    ends = segments.astype(np.float64).reshape(-1, 2, 2)
    low, high = ends.min(axis=(0, 1)), ends.max(axis=(0, 1))
    size = max(float((high - low).max()), 1e-9)
    scale, middle = (_INK - 1) / size, (low + high) / 2
    placed = (ends - middle) * scale + (_GRID - 1) / 2
    lengths = np.abs(placed[:, 1] - placed[:, 0]).max(axis=1)
    counts = np.clip(np.ceil(lengths * 1.5).astype(np.int64) + 1, 2, _MAX_POINTS)
    owner = np.repeat(np.arange(len(placed)), counts)
    first = np.cumsum(counts) - counts
    share = (np.arange(len(owner)) - first[owner]) / (counts[owner] - 1)
    points = placed[owner, 0] + share[:, None] * (placed[owner, 1] - placed[owner, 0])
    cells = np.rint(points).astype(np.intp)
    grid[cells[:, 1], cells[:, 0]] = True
    for area in areas:
        grid |= _inside((area - middle) * scale + (_GRID - 1) / 2)


def _inside(polygon: Polygon) -> Mask:
    """Return the cells of the grid within a polygon in cells, by the even-odd rule."""
    y = np.arange(_GRID)[:, None]
    x = np.arange(_GRID)[None, :]
    inside = np.zeros((_GRID, _GRID), np.bool_)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside


def _finish(grids: Mask, strokes: Sequence[int] | int) -> Crops:
    widths = np.broadcast_to(np.asarray(strokes), (len(grids),))
    result = np.zeros((len(grids), SIDE, SIDE), np.float32)
    for width in np.unique(widths):
        chosen = np.flatnonzero(widths == width)
        thick = dilate(grids[chosen], int(width))
        halves = thick.reshape(len(chosen), SIDE, 2, SIDE, 2)
        result[chosen] = halves.sum(axis=(2, 4), dtype=np.uint8) * np.float32(0.25)
    return result


def dilate(grids: Mask, width: int) -> Mask:
    """Return grids with strokes of one cell made `width` cells wide (odd)."""
    for _ in range(width // 2):
        wide = grids.copy()
        wide[:, :, 1:] |= grids[:, :, :-1]
        wide[:, :, :-1] |= grids[:, :, 1:]
        grids = wide.copy()
        grids[:, 1:] |= wide[:, :-1]
        grids[:, :-1] |= wide[:, 1:]
    return grids


def from_pictures(pictures: Sequence[Grey]) -> Crops:
    """Convert pictures, each scaled so that its ink fills the image.

    Args:
        pictures: grey values (height, width); the ink is what differs from the most common value.

    Returns:
        Images (pictures, SIDE, SIDE) as those of `from_segments`.
    """
    grids = np.zeros((len(pictures), _GRID, _GRID), np.bool_)
    widths = []
    for grid, picture in zip(grids, pictures, strict=True):
        ink = _ink(picture)
        widths.append(_place(grid, ink) if ink.any() else 1)
    return _finish(grids, widths)


def _ink(picture: Grey) -> Mask:
    if not picture.size or int(picture.max()) - int(picture.min()) < _MIN_CONTRAST:
        return np.zeros(picture.shape, np.bool_)
    paper = int(np.bincount(picture.ravel(), minlength=256).argmax())
    away = np.abs(picture.astype(np.int16) - paper)
    return away > max(_MIN_CONTRAST, int(away.max()) // 3)


def _place(grid: Mask, ink: Mask) -> int:
    """Draw the ink onto a grid, and return the width that its strokes are to get."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = ink.shape
    scale = _INK / max(height, width)
    tall, wide = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (_GRID - tall) // 2, (_GRID - wide) // 2
    if scale >= 1:
        # Enlarged: each cell takes the pixel that it lies on.
        part = ink[np.arange(tall) * height // tall][:, np.arange(wide) * width // wide]
    else:
        # Made smaller: a cell is inked if one of its pixels is, so that thin lines stay whole.
        y, x = np.nonzero(ink)
        part = np.zeros((tall, wide), np.bool_)
        part[y * tall // height, x * wide // width] = True
    grid[top : top + tall, left : left + wide] = part
    return 3 if _thickness(part) < 1.8 else 1


def _thickness(part: Mask) -> float:
    """Return about how many cells wide the strokes are: twice their area by the length of their edges."""
    edges = int((part[1:] ^ part[:-1]).sum()) + int((part[:, 1:] ^ part[:, :-1]).sum())
    edges += int(part[0].sum() + part[-1].sum() + part[:, 0].sum() + part[:, -1].sum())
    return 2 * int(part.sum()) / max(1, edges)
