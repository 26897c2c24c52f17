"""The child's messages to pages. They are checked, because a file may have taken over the child."""

from base64 import b64decode
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drawing_engine import words
from drawing_engine.geometry import Flat, View, flatten, is_sensible
from drawing_engine.kinds import classify
from drawing_engine.pages import Code, Limits, Page, PageFailure, Paths
from drawing_engine.protocol import FILLED, STROKED
from drawing_engine.title_block import read_title_block

_DAMAGED = "The page is damaged."
_LIMIT_WARNINGS = {
    "segments": "The page has more lines than are allowed; the later ones are left out.",
    "time": "The page has too many objects to read all of them; the later ones are left out.",
    "depth": "The page nests its content too deeply; what is deeper is left out.",
    "words": "The page has more words than are allowed; the later ones are left out.",
    "characters": "The page has more text than is allowed; the end is left out.",
}
_MAX_REASON = 300


def page_of(number: int, message: dict[str, Any], limits: Limits) -> Page | PageFailure:
    """Return a page, or its failure, from a message of the child."""
    try:
        if "page_failure" in message:
            return PageFailure(number, Code(message["page_failure"]), str(message["reason"])[:_MAX_REASON])
        return _content(number, message, limits)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return PageFailure(number, Code.DAMAGED, _DAMAGED)


def _content(number: int, message: dict[str, Any], limits: Limits) -> Page | PageFailure:
    left, bottom, right, top = map(float, message["box"])
    view = View(left, bottom, right, top, int(message["rotation"]))
    if not is_sensible(view):
        return PageFailure(number, Code.DAMAGED, "The page has no valid size.")
    objects, characters = message["objects"], message["characters"]
    codes = _array(characters["codes"], np.uint32)
    points = _array(objects["points"], np.float32, 2)
    if len(points) > 2 * limits.segments or len(codes) > limits.text_characters:
        return PageFailure(number, Code.OUT_OF_RESOURCES, "The page has more content than is allowed.")
    types, counts = _array(objects["types"], np.uint8), _array(objects["counts"], np.uint32)
    flat = flatten(points, types, counts, _matrices(objects), view)
    segments, segment_path, paths = _on_page(flat, _paths(objects, flat), objects, view)
    images = view.boxes(np.array(objects["images"], np.float64).reshape(-1, 4))
    found, text, has_more = words.join(codes, _array(characters["boxes"], np.float32, 4), view, limits.words)
    reached = [name for name in (objects["limit"], "words" if has_more else "") if name]
    reached += ["characters"] if characters["is_cut"] else []
    kind, warnings = classify(
        view.width, view.height, paths, images, len(found),
        has_shading=int(objects["shading_count"]) > 0,
        is_text_invisible=0 < int(objects["invisible_count"]) == int(objects["text_count"]),
    )  # fmt: skip
    title = read_title_block(found, view.width, view.height)
    return Page(
        number=number, width=view.width, height=view.height, rotation=view.rotation, text=text, words=found,
        segments=segments, segment_path=segment_path, paths=paths, image_count=int(objects["image_count"]),
        drawing_count=len(paths) + int(objects["omitted_count"]), kind=kind, sheet_number=title.number,
        sheet_title=title.title, warnings=(*warnings, *(_LIMIT_WARNINGS[name] for name in reached)),
        is_partial=bool(reached),
    )  # fmt: skip


def _array(encoded: str, kind: type[Any], columns: int = 0) -> NDArray[Any]:
    values = np.frombuffer(b64decode(encoded, validate=True), kind)
    return values.reshape(-1, columns) if columns else values


def _matrices(objects: dict[str, Any]) -> NDArray[np.float64]:
    """Return the matrices of paths multiplied by those of the forms that contain them."""
    own = _array(objects["matrices"], np.float32, 6).astype(np.float64).reshape(-1, 3, 2)
    outer = np.array(objects["forms"], np.float64).reshape(-1, 3, 2)[_array(objects["path_forms"], np.uint32)]
    matrices: NDArray[np.float64] = own @ outer[:, :2]
    matrices[:, 2] += outer[:, 2]
    return matrices.reshape(-1, 6)


def _paths(objects: dict[str, Any], flat: Flat) -> Paths:
    widths = np.nan_to_num(_array(objects["widths"], np.float32) * flat.scales, posinf=0.0, neginf=0.0)
    modes = _array(objects["modes"], np.int32, 2) != 0
    flags = np.where(modes[:, 0], FILLED, 0) | np.where(modes[:, 1], STROKED, 0) | flat.closed
    colors = np.minimum(_array(objects["colors"], np.uint32, 8), 255)[:, [0, 1, 2, 4, 5, 6]]
    return Paths(flat.boxes, widths.astype(np.float32), flags.astype(np.uint8), colors.astype(np.uint8))


def _on_page(
    flat: Flat, paths: Paths, objects: dict[str, Any], view: View
) -> tuple[NDArray[np.float32], NDArray[np.int32], Paths]:
    """Return the paths that touch the page and the box of their clip paths, and their segments."""
    clips = np.array(objects["clips"], np.float64).reshape(-1, 4)
    is_empty = (clips[:, 0] > clips[:, 2]) | (clips[:, 1] > clips[:, 3])
    shown = view.boxes(clips)
    shown[:, :2] = np.maximum(shown[:, :2], 0)
    shown[:, 2:] = np.minimum(shown[:, 2:], [view.width, view.height])
    of_path = _array(objects["path_clips"], np.uint32)
    area = shown[of_path]
    # Half of the stroke is on the other side of the path.
    margin = paths.stroke_widths[:, None] / 2
    kept = (paths.boxes[:, :2] - margin <= area[:, 2:]).all(axis=1) & ~is_empty[of_path]
    kept &= (paths.boxes[:, 2:] + margin >= area[:, :2]).all(axis=1)
    if kept.all():
        return flat.segments, flat.segment_path, paths
    segments = kept[flat.segment_path]
    numbers = np.cumsum(kept, dtype=np.int32) - 1
    return (
        flat.segments[segments], numbers[flat.segment_path[segments]],
        Paths(paths.boxes[kept], paths.stroke_widths[kept], paths.flags[kept], paths.colors[kept]),
    )  # fmt: skip
