"""The data of a drawing's pages.

Positions are in points (1/72 inch). The origin is the top left corner of the page as it is shown, with its rotation
applied; y grows downwards.

Every process of the server imports this module; only those that make pages import numpy.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, overload

from drawing_engine.protocol import CLOSED as CLOSED
from drawing_engine.protocol import FILLED as FILLED
from drawing_engine.protocol import STROKED as STROKED
from drawing_engine.protocol import Code as Code

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Kind(enum.IntEnum):
    """Content of a page, with the numbers of `drawing.v1.PageKind`."""

    UNSPECIFIED = 0
    #: Vector paths, and text that can be searched.
    VECTOR_TEXT = 1
    #: Vector paths; the text, if any, consists of outlines.
    VECTOR_ONLY = 2
    #: An image of a page, as a scanner makes it.
    RASTER = 3
    #: Large images, and vector paths or text.
    MIXED = 4
    BLANK = 5


class Box(NamedTuple):
    """A rectangle with sides parallel to the page's; `x0 <= x1` and `y0 <= y1`."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    def overlaps(self, other: Box) -> bool:
        """Return whether the boxes share a point."""
        return self.x0 <= other.x1 and other.x0 <= self.x1 and self.y0 <= other.y1 and other.y0 <= self.y1


@dataclass(frozen=True, slots=True)
class Word:
    """Characters without a space in between, on one line in any direction."""

    text: str
    box: Box


class PathInfo(NamedTuple):
    """One path object of a page.

    Attributes:
        box: encloses the path's points, without the width of its stroke.
        stroke_width: in points, scaled as the path is; 0 is the thinnest line that a device draws.
        is_closed: the last subpath ends where it began.
        is_stroked: the outline is drawn.
        is_filled: the area is painted.
        stroke_color: red, green, blue, each 0 to 255.
        fill_color: like `stroke_color`.
    """

    box: Box
    stroke_width: float
    is_closed: bool
    is_stroked: bool
    is_filled: bool
    stroke_color: tuple[int, int, int]
    fill_color: tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Paths(Sequence[PathInfo]):
    """The path objects of a page, as arrays with one row for each; an item is a `PathInfo`.

    Attributes:
        boxes: float32, (n, 4).
        stroke_widths: float32, (n,).
        flags: uint8, (n,): CLOSED, STROKED, FILLED.
        colors: uint8, (n, 6): red, green, blue of the stroke, then of the area.
    """

    boxes: NDArray[np.float32]
    stroke_widths: NDArray[np.float32]
    flags: NDArray[np.uint8]
    colors: NDArray[np.uint8]

    @classmethod
    def empty(cls) -> Paths:
        import numpy as np

        return cls(
            np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.uint8), np.empty((0, 6), np.uint8)
        )

    def __len__(self) -> int:
        return len(self.flags)

    @overload
    def __getitem__(self, index: int) -> PathInfo: ...

    @overload
    def __getitem__(self, index: slice) -> Paths: ...

    def __getitem__(self, index: int | slice) -> PathInfo | Paths:
        if isinstance(index, slice):
            return Paths(self.boxes[index], self.stroke_widths[index], self.flags[index], self.colors[index])
        flags = int(self.flags[index])
        red, green, blue, fill_red, fill_green, fill_blue = self.colors[index].tolist()
        return PathInfo(
            Box(*self.boxes[index].tolist()), float(self.stroke_widths[index]), bool(flags & CLOSED),
            bool(flags & STROKED), bool(flags & FILLED), (red, green, blue), (fill_red, fill_green, fill_blue),
        )  # fmt: skip

    def __iter__(self) -> Iterator[PathInfo]:
        return (self[index] for index in range(len(self)))


def _no_segments() -> NDArray[np.float32]:
    import numpy as np

    return np.empty((0, 4), np.float32)


def _no_segment_paths() -> NDArray[np.int32]:
    import numpy as np

    return np.empty(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Content of one page.

    Attributes:
        number: from 0.
        width: in points, as shown (`rotation` applied).
        height: like `width`.
        rotation: the page's own, in degrees clockwise: 0, 90, 180 or 270; it has been applied to all positions.
        text: lines in reading order, separated by line feeds.
        words: in the order of the text.
        segments: float32, (n, 4): straight pieces x0, y0, x1, y1, with curves flattened, in drawing order.
        segment_path: int32, (n,): the index in `paths` of the path that each segment belongs to, ascending.
        paths: the path objects, in drawing order.
        image_count: image objects on the page, also within forms.
        drawing_count: path objects on the page, also those beyond a limit.
        sheet_number: from the title block; empty if not found.
        sheet_title: from the title block; empty if not found.
        warnings: sentences for people.
        is_partial: a limit was reached, so words or segments are missing; a warning names the limit.
    """

    number: int
    width: float
    height: float
    rotation: int = 0
    text: str = ""
    words: tuple[Word, ...] = ()
    segments: NDArray[np.float32] = field(default_factory=_no_segments)
    segment_path: NDArray[np.int32] = field(default_factory=_no_segment_paths)
    paths: Paths = field(default_factory=Paths.empty)
    image_count: int = 0
    drawing_count: int = 0
    kind: Kind = Kind.BLANK
    sheet_number: str = ""
    sheet_title: str = ""
    warnings: tuple[str, ...] = ()
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """Facts about a document, read before its pages.

    Attributes:
        page_count: at most `Limits.pages`.
        metadata: the PDF's own, such as Title, Author, Producer and CreationDate; only fields that are set.
    """

    page_count: int
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PageFailure:
    """A page that could not be read; the others are.

    Attributes:
        number: of the page, from 0.
        message: a sentence for people, such as "The page is larger than 14400 pt on one side."
    """

    number: int
    code: Code
    message: str


class DocumentFailure(Exception):
    """The document could not be read, or the page not rendered.

    Attributes:
        code: the reason.
        message: "Failed to process PDF: <reason>", for people.
    """

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(f"Failed to process PDF: {reason}")
        self.code = code
        self.message = f"Failed to process PDF: {reason}"


@dataclass(frozen=True, slots=True)
class Limits:
    """Resources that one document may use. A page beyond a limit is partial or failed; the other pages are read.

    Attributes:
        file_bytes: of the file.
        pages: of the document.
        page_side: longest side of a page, in points.
        segments: of a page, after curves are flattened.
        words: of a page.
        text_characters: of a page.
        page_cpu_seconds: processor time to read or to render a page; it depends less on the load of the machine than
            the time of a clock.
        page_seconds: wall-clock time for a page.
        document_seconds: wall-clock time for the document.
        cpu_seconds: processor time of a child.
        crashes: pages that may end the child; with one more, the remaining pages are not read.
        memory_bytes: address space of a child.
        pixels: of a rendered image.
    """

    file_bytes: int = 100 * 2**20
    pages: int = 500
    page_side: float = 14_400
    segments: int = 500_000
    words: int = 100_000
    text_characters: int = 1_000_000
    page_cpu_seconds: float = 4.5
    page_seconds: float = 20
    document_seconds: float = 600
    cpu_seconds: int = 300
    crashes: int = 10
    memory_bytes: int = 768 * 2**20
    pixels: int = 40_000_000


DEFAULT_LIMITS = Limits()
