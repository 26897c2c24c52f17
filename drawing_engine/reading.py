"""Read a PDF file in a child process, which may crash, hang or be killed without effect on the caller."""

import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drawing_engine.geometry import View, flatten, is_sensible
from drawing_engine.kinds import classify
from drawing_engine.pages import (
    DEFAULT_LIMITS,
    Box,
    Code,
    DocumentFailure,
    DocumentInfo,
    Limits,
    Page,
    PageFailure,
    Paths,
    Word,
)  # fmt: skip
from drawing_engine.process import Child, ChildEnded
from drawing_engine.title_block import read_title_block

#: A PDF begins with these within its first KiB.
_MAGIC = b"%PDF-"
_MAGIC_WITHIN = 1024
_POINTS_PER_INCH = 72
MAX_DPI = 200

_LIMIT_WARNINGS = {
    "segments": "The page has too many lines; the later ones are left out.",
    "time": "The page has too many objects to read all of them; the later ones are left out.",
    "depth": "The page nests its content too deeply; what is deeper is left out.",
    "words": "The page has too many words; the later ones are left out.",
    "characters": "The page has too much text; the end is left out.",
}


def read_document(
    path: Path,
    *,
    limits: Limits = DEFAULT_LIMITS,
    pages: Sequence[int] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[DocumentInfo | Page | PageFailure]:
    """Yield the facts about a document, then its pages.

    A page that ends the child is a PageFailure; another child reads the following pages. Closing the iterator ends the
    child at once.

    Args:
        path: of the file, which may be any file.
        limits: of the document.
        pages: numbers from 0, in the order to read them; None for all.
        cancelled: called every 50 ms while the child works; True ends it.

    Raises:
        DocumentFailure: the document cannot be read, or the caller cancelled.
    """
    with path.open("rb") as file:
        _check_file(file.fileno(), file.read(_MAGIC_WITHIN), path, limits)
        clock = _Clock(limits)
        left = None if pages is None else list(pages)
        info: DocumentInfo | None = None
        for _ in range(limits.crashes + 1):
            number = None
            with _child(file.fileno(), limits, {"pages": left}) as child:
                try:
                    for message in clock.measure(child.messages(clock.left, cancelled)):
                        if "failure" in message:
                            raise DocumentFailure(Code(message["failure"]), str(message["reason"]))
                        if "info" in message:
                            if info is None:
                                info = DocumentInfo(
                                    int(message["info"]["page_count"]), dict(message["info"]["metadata"])
                                )
                                left = list(range(info.page_count)) if left is None else left
                                yield info
                        elif "begin" in message:
                            number = int(message["begin"])
                        elif "end" in message:
                            return
                        elif number is not None and left:
                            yield _page(number, message, limits)
                            left, number = left[1:], None
                except ChildEnded as ended:
                    if ended.code is Code.CANCELLED or number is None or not left or clock.is_over():
                        reason = ended.reason if ended.code is Code.CANCELLED else _of_document(ended.code)
                        raise DocumentFailure(ended.code, reason) from None
                    yield PageFailure(number, ended.code, ended.reason)
                    left = left[1:]
            if not left:
                return
    raise DocumentFailure(Code.CRASHED, "too many of its pages are damaged. Export the drawing again.")


def render_page(
    path: Path,
    number: int,
    dpi: float,
    box: Box | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
    cancelled: Callable[[], bool] | None = None,
) -> bytes:
    """Return a page, or a part of it, as a PNG image on white; grey if the page is.

    Args:
        path: of the file.
        number: of the page, from 0.
        dpi: pixels per inch, above 0 and at most 200.
        box: the part to render, in points as shown; None for the whole page.
        limits: of the document.
        cancelled: called every 50 ms while the child works; True ends it.

    Raises:
        ValueError: `dpi` is out of its range, or the box has no area.
        DocumentFailure: the document or the page cannot be read, or the image is too large.
    """
    if not 0 < dpi <= MAX_DPI:
        raise ValueError(f"The resolution must be above 0 and at most {MAX_DPI} dpi.")
    if box is not None and not (box.x0 < box.x1 and box.y0 < box.y1 and all(np.isfinite(box))):
        raise ValueError("The box must have an area.")
    task = {"number": number, "scale": dpi / _POINTS_PER_INCH, "box": box}
    with path.open("rb") as file:
        _check_file(file.fileno(), file.read(_MAGIC_WITHIN), path, limits)
        with _child(file.fileno(), limits, {"render": task}) as child:
            try:
                for message in child.messages(lambda: limits.page_seconds, cancelled):
                    if "png" in message:
                        return b64decode(message["png"])
                    failure = str(message.get("failure") or message.get("page_failure"))
                    raise DocumentFailure(Code(failure), str(message["reason"]))
            except ChildEnded as ended:
                raise DocumentFailure(ended.code, ended.reason) from None
    raise DocumentFailure(Code.CRASHED, "The page could not be rendered.")


class _Clock:
    """The wall-clock time that the caller has waited for a document, without that which it spent on its pages."""

    def __init__(self, limits: Limits) -> None:
        self._page_seconds = limits.page_seconds
        self._left = limits.document_seconds

    def left(self) -> float:
        """Return the seconds for the next message."""
        return min(self._page_seconds, self._left)

    def is_over(self) -> bool:
        return self._left <= 0

    def measure(self, messages: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        while True:
            started = time.monotonic()
            try:
                message = next(messages, None)
            finally:
                self._left -= time.monotonic() - started
            if message is None:
                return
            yield message


def _child(descriptor: int, limits: Limits, task: dict[str, Any]) -> Child:
    try:
        return Child(descriptor, limits, task)
    except OSError as exc:
        raise DocumentFailure(Code.UNAVAILABLE, "the reader could not be started. Try again later.") from exc


def _check_file(descriptor: int, beginning: bytes, path: Path, limits: Limits) -> None:
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise DocumentFailure(
            Code.TOO_LARGE, f"the file has {size:,} bytes; at most {limits.file_bytes:,} are allowed. Split it."
        )
    if _MAGIC not in beginning:
        raise DocumentFailure(Code.NOT_A_PDF, "the file is not a PDF. Export the drawing as PDF.")


def _of_document(code: Code) -> str:
    """Return the sentence about a document whose child ended before the first page."""
    if code is Code.TIMEOUT:
        return "the document takes longer than is allowed. Split it."
    return "the file is damaged, or needs more memory than is allowed. Export the drawing again."


def _page(number: int, message: dict[str, Any], limits: Limits) -> Page | PageFailure:
    """Return a page from the child's message, which is checked: a file may have taken over the child."""
    try:
        if "page_failure" in message:
            return PageFailure(number, Code(message["page_failure"]), str(message["reason"]))
        return _content(number, message, limits)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return PageFailure(number, Code.DAMAGED, "The page is damaged.")


def _content(number: int, message: dict[str, Any], limits: Limits) -> Page | PageFailure:
    left, bottom, right, top = map(float, message["box"])
    view = View(left, bottom, right, top, int(message["rotation"]))
    if not is_sensible(view):
        return PageFailure(number, Code.DAMAGED, "The page has no valid size.")
    objects = message["objects"]
    points = _array(objects, "points", np.float32, 2)
    if len(points) > 2 * limits.segments or len(message["words"]) > limits.words:
        return PageFailure(number, Code.OUT_OF_RESOURCES, "The page has more content than is allowed.")
    counts, flags = _array(objects, "counts", np.uint32), _array(objects, "flags", np.uint8)
    flat = flatten(
        points, _array(objects, "types", np.uint8), counts,
        _in_page(objects), view,
    )  # fmt: skip
    widths = np.nan_to_num(_array(objects, "widths", np.float32) * flat.scales, posinf=0.0, neginf=0.0)
    paths = Paths(flat.boxes, widths.astype(np.float32), flags | flat.closed, _array(objects, "colors", np.uint8, 6))
    images = view.boxes(np.nan_to_num(_array(objects, "images", np.float32, 4)))
    words, text = _words(message["words"], view)
    reached = [limit for limit in (objects["limit"], message["words_limit"]) if limit]
    kind, warnings = classify(
        view.width, view.height, paths, images, len(words),
        has_shading=bool(objects["shading_count"]),
        is_text_invisible=0 < int(objects["invisible_count"]) == int(objects["text_count"]),
    )  # fmt: skip
    title = read_title_block(words, view.width, view.height)
    return Page(
        number=number, width=view.width, height=view.height, rotation=view.rotation, text=text, words=words,
        segments=flat.segments, segment_path=flat.segment_path, paths=paths, image_count=int(objects["image_count"]),
        drawing_count=int(objects["path_count"]), kind=kind, sheet_number=title.number, sheet_title=title.title,
        warnings=(*warnings, *(_LIMIT_WARNINGS[limit] for limit in reached)), is_partial=bool(reached),
    )  # fmt: skip


def _array(objects: dict[str, Any], name: str, kind: type[Any], columns: int = 0) -> NDArray[Any]:
    values = np.frombuffer(b64decode(objects[name], validate=True), np.dtype(kind).newbyteorder("<"))
    return values.reshape(-1, columns) if columns else values


def _in_page(objects: dict[str, Any]) -> NDArray[np.float64]:
    """Return the matrices of paths multiplied by those of the forms that contain them."""
    own = _array(objects, "matrices", np.float32, 6).astype(np.float64).reshape(-1, 3, 2)
    outer = np.array(objects["forms"], np.float64).reshape(-1, 3, 2)[_array(objects, "path_forms", np.uint32)]
    result = own @ outer[:, :2]
    result[:, 2] += outer[:, 2]
    matrices: NDArray[np.float64] = result.reshape(-1, 6)
    return matrices


def _words(rows: list[list[Any]], view: View) -> tuple[tuple[Word, ...], str]:
    """Return the words of a page and its text."""
    if not rows:
        return (), ""
    boxes = view.boxes(np.array([row[1:5] for row in rows], np.float64)).round(3).tolist()
    words = tuple(Word(str(row[0]), view.clip(Box(*box))) for row, box in zip(rows, boxes, strict=True))
    parts = [words[0].text]
    for before, row in pairwise(rows):
        parts += ["\n" if row[5] != before[5] else " ", row[0]]
    return words, "".join(parts)
