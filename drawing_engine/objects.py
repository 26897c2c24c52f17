"""The objects of a page: paths with their points, images, and the render modes of its text. Runs in the child.

The numbers of a path are written by PDFium to their place in buffers for the whole page, and are not looked at here:
the parent computes with arrays. A path takes 10 calls of PDFium, and 3 for each point.
"""

import ctypes
import math
import time
from base64 import b64encode
from functools import lru_cache
from typing import Any, NamedTuple

from drawing_engine import pdfium
from drawing_engine.protocol import BEZIER, CLOSES, CURVE_PIECES, LINE, MOVE

#: Depth of forms within forms.
MAX_DEPTH = 16
#: Images whose boxes are reported; all are counted.
MAX_IMAGE_BOXES = 2_000
#: Points of a clip path; one with more does not limit the paths.
_MAX_CLIP_POINTS = 64
#: Objects between two looks at the clock.
_CLOCK = 256

#: a, b, c, d, e, f: x' = a x + c y + e, y' = b x + d y + f.
Matrix = tuple[float, float, float, float, float, float]
#: Left, bottom, right, top.
Rectangle = tuple[float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
#: A number instead of infinity, which JSON does not have.
_FAR = 1e9
EVERYWHERE: Rectangle = (-_FAR, -_FAR, _FAR, _FAR)


class Budget(NamedTuple):
    """Limits of the objects of a page.

    Attributes:
        segments: after curves are flattened.
        until: the processor time of this process at which to stop.
    """

    segments: int
    until: float


class _Buffers:
    """Memory for the numbers of a page's paths; the pages of a document use it one after the other."""

    def __init__(self, paths: int) -> None:
        self.paths = paths
        self.points = (ctypes.c_float * (4 * paths))()
        self.matrices = (ctypes.c_float * (6 * paths))()
        self.widths = (ctypes.c_float * paths)()
        self.modes = (ctypes.c_int * (2 * paths))()
        self.colors = (ctypes.c_uint * (8 * paths))()
        self.counts = (ctypes.c_uint * paths)()
        #: The index of the form, and of the clip box, of each path.
        self.forms = (ctypes.c_uint * paths)()
        self.clips = (ctypes.c_uint * paths)()


_buffers = lru_cache(maxsize=1)(_Buffers)


class Objects:
    """The objects of a page, collected by `walk`.

    Positions are in the space of the form that contains the object; `forms` has the matrices to that of the page.
    """

    def __init__(self, budget: Budget) -> None:
        self._until = budget.until
        self._segments_left = budget.segments
        self._buffers = _buffers(budget.segments)
        self._types = bytearray()
        self._path_count = 0
        self._forms: list[Matrix] = [IDENTITY]
        self._clips: list[Rectangle] = [EVERYWHERE]
        #: The index in `_clips` by form, number of clip paths, and the address of a point, which all objects with the
        #: same clip share.
        self._known_clips: dict[tuple[int, int, int], int] = {}
        self._images: list[Rectangle] = []
        self._numbers = (ctypes.c_float * 6)()
        self._address = ctypes.addressof(self._numbers)
        self.omitted_count = self.image_count = self.shading_count = self.text_count = self.invisible_count = 0
        #: The limit that was reached first: "segments", "time" or "depth".
        self.limit = ""

    def walk(self, page: int) -> None:
        """Collect the objects of a page."""
        self._walk(page, pdfium.count_objects, pdfium.get_object, 0, 0)

    def _walk(self, container: int, count: Any, get: Any, form: int, depth: int) -> None:
        get_type = pdfium.get_type
        for index in range(count(container)):
            if not index % _CLOCK and time.process_time() > self._until:
                self.limit = "time"
            if self.limit == "time":
                return
            handle = get(container, index)
            kind = get_type(handle)
            if kind == pdfium.PATH:
                if self.limit == "segments":
                    self.omitted_count += 1
                else:
                    self._add_path(handle, form)
            elif kind == pdfium.TEXT:
                self.text_count += 1
                self.invisible_count += pdfium.get_render_mode(handle) in pdfium.INVISIBLE_MODES
            elif kind == pdfium.IMAGE:
                self._add_image(handle, form)
            elif kind == pdfium.SHADING:
                self.shading_count += 1
            elif kind == pdfium.FORM:
                self._add_form(handle, form, depth)

    def _add_form(self, handle: int, form: int, depth: int) -> None:
        if depth >= MAX_DEPTH:
            self.limit = self.limit or "depth"
            return
        pdfium.get_matrix(handle, self._address)
        a, b, c, d, e, f = self._numbers
        self._forms.append(product((a, b, c, d, e, f), self._forms[form]))
        self._walk(handle, pdfium.count_form_objects, pdfium.get_form_object, len(self._forms) - 1, depth + 1)

    def _add_image(self, handle: int, form: int) -> None:
        start = self._address
        if not pdfium.get_bounds(handle, start, start + 4, start + 8, start + 12):
            return
        left, bottom, right, top = self._numbers[:4]
        box = intersection(
            enclosing(self._forms[form], left, bottom, right, top), self._clips[self._clip(handle, form)]
        )
        if box[0] > box[2] or box[1] > box[3]:
            return
        self.image_count += 1
        if self.image_count <= MAX_IMAGE_BOXES:
            self._images.append(box)

    def _add_path(self, handle: int, form: int) -> None:
        buffers, index, point = self._buffers, self._path_count, len(self._types)
        total = pdfium.count_segments(handle)
        if index >= buffers.paths or total > 2 * buffers.paths - point:
            self._omit()
            return
        types = self._read_points(handle, total, ctypes.addressof(buffers.points) + 8 * point)
        curves = types.count(BEZIER) + types.count(BEZIER | CLOSES)
        lines = types.count(LINE) + types.count(LINE | CLOSES)
        self._segments_left -= lines + curves // 3 * CURVE_PIECES + types.count(LINE | CLOSES)
        if self._segments_left < 0:
            self._omit()
            return
        self._types += types
        self._path_count += 1
        pdfium.get_matrix(handle, ctypes.addressof(buffers.matrices) + 24 * index)
        pdfium.get_stroke_width(handle, ctypes.addressof(buffers.widths) + 4 * index)
        mode = ctypes.addressof(buffers.modes) + 8 * index
        pdfium.get_draw_mode(handle, mode, mode + 4)
        color = ctypes.addressof(buffers.colors) + 32 * index
        pdfium.get_stroke_color(handle, color, color + 4, color + 8, color + 12)
        pdfium.get_fill_color(handle, color + 16, color + 20, color + 24, color + 28)
        buffers.counts[index] = total
        buffers.forms[index] = form
        buffers.clips[index] = self._clip(handle, form)

    def _omit(self) -> None:
        self.limit = "segments"
        self.omitted_count += 1

    @staticmethod
    def _read_points(handle: int, total: int, address: int) -> bytearray:
        """Write the points of a path to an address; return their types."""
        get_segment, get_point, get_type = pdfium.get_segment, pdfium.get_point, pdfium.get_segment_type
        types = bytearray()
        segment = 0
        for index in range(total):
            before, segment = segment, get_segment(handle, index)
            get_point(segment, address, address + 4)
            address += 8
            kind = get_type(segment) & 3
            # Only the last point of a subpath may close it.
            if kind == MOVE and index and pdfium.get_close(before):
                types[-1] |= CLOSES
            types.append(kind)
        if total and pdfium.get_close(segment):
            types[-1] |= CLOSES
        return types

    def _clip(self, handle: int, form: int) -> int:
        """Return the index of the box of an object's clip paths, in the page's space."""
        clip_path = pdfium.get_clip_path(handle)
        count = pdfium.count_clip_paths(clip_path) if clip_path else 0
        if count <= 0:
            return 0
        key = (form, count, pdfium.get_clip_segment(clip_path, count - 1, 0) or 0)
        known = self._known_clips.get(key)
        if known is None:
            known = self._known_clips[key] = len(self._clips)
            self._clips.append(self._clip_box(clip_path, count, form))
        return known

    def _clip_box(self, clip_path: int, count: int, form: int) -> Rectangle:
        box = EVERYWHERE
        for path in range(count):
            total = pdfium.count_clip_segments(clip_path, path)
            if not 0 < total <= _MAX_CLIP_POINTS:
                continue
            xs, ys = [], []
            for index in range(total):
                pdfium.get_point(pdfium.get_clip_segment(clip_path, path, index), self._address, self._address + 4)
                xs.append(self._numbers[0])
                ys.append(self._numbers[1])
            box = intersection(box, enclosing(self._forms[form], min(xs), min(ys), max(xs), max(ys)))
        return box

    def message(self) -> dict[str, Any]:
        """Return the objects as JSON; arrays are in the byte order of the machine, in base64."""
        buffers, count = self._buffers, self._path_count
        arrays = (
            ("points", buffers.points, 2 * len(self._types)), ("matrices", buffers.matrices, 6 * count),
            ("widths", buffers.widths, count), ("modes", buffers.modes, 2 * count),
            ("colors", buffers.colors, 8 * count), ("counts", buffers.counts, count),
            ("path_forms", buffers.forms, count), ("path_clips", buffers.clips, count),
        )  # fmt: skip
        return {name: b64encode(memoryview(values).cast("B")[: 4 * size]).decode() for name, values, size in arrays} | {
            "types": b64encode(self._types).decode(), "forms": list(map(finite, self._forms)),
            "clips": list(map(finite, self._clips)), "images": list(map(finite, self._images)),
            "omitted_count": self.omitted_count, "image_count": self.image_count, "shading_count": self.shading_count,
            "text_count": self.text_count, "invisible_count": self.invisible_count, "limit": self.limit,
        }  # fmt: skip


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


def finite(numbers: tuple[float, ...]) -> list[float]:
    """Return numbers that JSON can hold: those beyond all pages, and what is not a number, become 0 or far away."""
    return [0.0 if math.isnan(number) else min(max(number, -_FAR), _FAR) for number in numbers]
