"""The objects of a page: paths with their points, images, and the render modes of its text. Runs in the child."""

import ctypes
import math
import time
from array import array
from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from drawing_engine import pdfium
from drawing_engine.protocol import BEZIER, CLOSES, CURVE_PIECES, FILLED, LINE, STROKED

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Depth of forms within forms.
MAX_DEPTH = 16
#: Images whose boxes are reported; all are counted.
MAX_IMAGE_BOXES = 2_000
#: Objects between two looks at the clock.
_CLOCK = 256

#: a, b, c, d, e, f: x' = a x + c y + e, y' = b x + d y + f.
Matrix = tuple[float, float, float, float, float, float]
Rectangle = tuple[float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
EVERYWHERE: Rectangle = (-math.inf, -math.inf, math.inf, math.inf)


class Budget(NamedTuple):
    """Limits of the objects of a page.

    Attributes:
        segments: after curves are flattened.
        until: the processor time of this process at which to stop.
    """

    segments: int
    until: float


class Objects:
    """The objects of a page, collected by `walk`.

    Positions are in the space of the form that contains the object; `forms` has the matrices to that of the page.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._left = budget.segments
        self._max_points = 2 * budget.segments
        self._points = _buffer(2 * self._max_points)
        self._point_count = 0
        self._types = array("B")
        self._counts = array("I")
        self._matrices = array("f")
        self._widths = array("f")
        self._flags = array("B")
        self._colors = array("B")
        self._path_forms = array("I")
        self._forms: list[Matrix] = [IDENTITY]
        self._images = array("f")
        self._matrix = (ctypes.c_float * 6)()
        self._rectangle = (ctypes.c_float * 4)()
        self._color = (ctypes.c_uint * 4)()
        self._mode = (ctypes.c_int * 2)()
        self.path_count = self.image_count = self.shading_count = self.text_count = self.invisible_count = 0
        #: A limit was reached: "segments", "time" or "depth".
        self.limit = ""

    def walk(self, page: int, box: Rectangle) -> None:
        """Collect the objects of a page that touch its box."""
        self._walk(page, pdfium.count_objects, pdfium.get_object, 0, 0, box)

    def _walk(self, container: int, count: Any, get: Any, form: int, depth: int, clip: Rectangle) -> None:
        for index in range(count(container)):
            if not index % _CLOCK and time.process_time() > self._budget.until:
                self.limit = self.limit or "time"
            if self.limit == "time":
                return
            handle = get(container, index)
            kind = pdfium.get_type(handle)
            if kind == pdfium.PATH:
                self._add_path(handle, form, clip)
            elif kind == pdfium.TEXT:
                self.text_count += 1
                self.invisible_count += pdfium.get_render_mode(handle) in pdfium.INVISIBLE_MODES
            elif kind == pdfium.IMAGE:
                self._add_image(handle, form, clip)
            elif kind == pdfium.SHADING:
                self.shading_count += 1
            elif kind == pdfium.FORM:
                self._add_form(handle, form, depth, clip)

    def _add_form(self, handle: int, form: int, depth: int, clip: Rectangle) -> None:
        if depth >= MAX_DEPTH:
            self.limit = self.limit or "depth"
            return
        clip = intersection(clip, self._clip(handle, form))
        if clip[0] > clip[2] or clip[1] > clip[3]:
            return
        pdfium.get_matrix(handle, ctypes.addressof(self._matrix))
        inner: Matrix = tuple(self._matrix)
        self._forms.append(product(inner, self._forms[form]))
        self._walk(
            handle, pdfium.count_form_objects, pdfium.get_form_object, len(self._forms) - 1, depth + 1, clip
        )  # fmt: skip

    def _add_image(self, handle: int, form: int, clip: Rectangle) -> None:
        box = intersection(self._bounds(handle, form), intersection(clip, self._clip(handle, form)))
        if box[0] > box[2] or box[1] > box[3]:
            return
        self.image_count += 1
        if self.image_count <= MAX_IMAGE_BOXES:
            self._images.extend(box)

    def _add_path(self, handle: int, form: int, clip: Rectangle) -> None:
        clip_path = pdfium.get_clip_path(handle)
        if clip_path and pdfium.count_clip_paths(clip_path) > 0:
            clip = intersection(clip, self._clip(handle, form))
        bounds = self._bounds(handle, form)
        # Not "outside or equal": a line has no width.
        if not (bounds[0] <= clip[2] and clip[0] <= bounds[2] and bounds[1] <= clip[3] and clip[1] <= bounds[3]):
            return
        self.path_count += 1
        if self.limit == "segments":
            return
        total = pdfium.count_segments(handle)
        if total > self._max_points - self._point_count:
            self.limit = "segments"
            return
        if not self._add_points(handle, total):
            return
        self._add_style(handle, form)

    def _add_points(self, handle: int, total: int) -> bool:
        """Add the points of a path. Return False, without the path, if they exceed the limit."""
        get_segment, get_point, get_type = pdfium.get_segment, pdfium.get_point, pdfium.get_segment_type
        get_close = pdfium.get_close
        types = array("B")
        address = ctypes.addressof(self._points) + 8 * self._point_count
        for index in range(total):
            segment = get_segment(handle, index)
            get_point(segment, address, address + 4)
            address += 8
            types.append(get_type(segment) & 3 | (CLOSES if get_close(segment) else 0))
        pieces = sum(kind & 3 == LINE for kind in types) + sum(kind & CLOSES > 0 for kind in types)
        pieces += sum(kind & 3 == BEZIER for kind in types) // 3 * CURVE_PIECES
        if pieces > self._left:
            self.limit = "segments"
            return False
        self._left -= pieces
        self._point_count += total
        self._types.extend(types)
        self._counts.append(total)
        return True

    def _add_style(self, handle: int, form: int) -> None:
        pdfium.get_matrix(handle, ctypes.addressof(self._matrix))
        self._matrices.extend(self._matrix)
        self._path_forms.append(form)
        mode = ctypes.addressof(self._mode)
        pdfium.get_draw_mode(handle, mode, mode + 4)
        is_filled, is_stroked = self._mode
        pdfium.get_stroke_width(handle, ctypes.addressof(self._rectangle))
        self._widths.append(self._rectangle[0])
        self._flags.append((STROKED if is_stroked else 0) | (FILLED if is_filled else 0))
        for is_drawn, get_color in ((is_stroked, pdfium.get_stroke_color), (is_filled, pdfium.get_fill_color)):
            color = ctypes.addressof(self._color)
            if is_drawn and get_color(handle, color, color + 4, color + 8, color + 12):
                self._colors.extend(min(channel, 255) for channel in self._color[:3])
            else:
                self._colors.extend((0, 0, 0))

    def _bounds(self, handle: int, form: int) -> Rectangle:
        """Return the box of an object in the page's space."""
        start = ctypes.addressof(self._rectangle)
        if not pdfium.get_bounds(handle, start, start + 4, start + 8, start + 12):
            return EVERYWHERE
        left, bottom, right, top = self._rectangle
        return (left, bottom, right, top) if not form else enclosing(self._forms[form], left, bottom, right, top)

    def _clip(self, handle: int, form: int) -> Rectangle:
        """Return the box of an object's clip paths, in the page's space."""
        box = EVERYWHERE
        clip_path = pdfium.get_clip_path(handle)
        start = ctypes.addressof(self._rectangle)
        for path in range(max(0, pdfium.count_clip_paths(clip_path)) if clip_path else 0):
            total = pdfium.count_clip_segments(clip_path, path)
            if not 0 < total <= 64:
                continue
            xs, ys = [], []
            for index in range(total):
                pdfium.get_point(pdfium.get_clip_segment(clip_path, path, index), start, start + 4)
                xs.append(self._rectangle[0])
                ys.append(self._rectangle[1])
            corners = (min(xs), min(ys), max(xs), max(ys))
            box = intersection(box, enclosing(self._forms[form], *corners) if form else corners)
        return box

    def message(self) -> dict[str, Any]:
        """Return the objects as JSON; arrays are little-endian, in base64."""
        points = memoryview(self._points).cast("B")[: 8 * self._point_count]
        arrays: dict[str, ReadableBuffer] = {
            "points": points, "types": self._types, "counts": self._counts, "matrices": self._matrices,
            "widths": self._widths, "flags": self._flags, "colors": self._colors, "path_forms": self._path_forms,
            "images": self._images,
        }  # fmt: skip
        return {name: b64encode(values).decode() for name, values in arrays.items()} | {
            "forms": [list(matrix) for matrix in self._forms], "path_count": self.path_count,
            "image_count": self.image_count, "shading_count": self.shading_count, "text_count": self.text_count,
            "invisible_count": self.invisible_count, "limit": self.limit,
        }  # fmt: skip


@lru_cache(maxsize=1)
def _buffer(numbers: int) -> "ctypes.Array[ctypes.c_float]":
    """Return the buffer for points, which the pages use one after the other."""
    return (ctypes.c_float * numbers)()


def product(first: Matrix, second: Matrix) -> Matrix:
    """Return the matrix that applies the first, then the second."""
    a, b, c, d, e, f = first
    a2, b2, c2, d2, e2, f2 = second
    return (
        a * a2 + b * c2, a * b2 + b * d2, c * a2 + d * c2, c * b2 + d * d2, e * a2 + f * c2 + e2, e * b2 + f * d2 + f2,
    )  # fmt: skip


def enclosing(matrix: Matrix, left: float, bottom: float, right: float, top: float) -> Rectangle:
    """Return the box of a transformed rectangle."""
    a, b, c, d, e, f = matrix
    xs = [a * x + c * y + e for x in (left, right) for y in (bottom, top)]
    ys = [b * x + d * y + f for x in (left, right) for y in (bottom, top)]
    return min(xs), min(ys), max(xs), max(ys)


def intersection(one: Rectangle, other: Rectangle) -> Rectangle:
    """Return the common part of two rectangles; its sides are reversed if there is no common part."""
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])
