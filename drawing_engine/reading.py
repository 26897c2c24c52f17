"""Read a PDF file in a child process, which may crash, hang or be killed without effect on the caller."""

import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from drawing_engine.messages import page_of
from drawing_engine.pages import DEFAULT_LIMITS, Box, Code, DocumentFailure, DocumentInfo, Limits, Page, PageFailure
from drawing_engine.process import Child, ChildEnded

#: A PDF begins with these within its first KiB.
_MAGIC = b"%PDF-"
_MAGIC_WITHIN = 1024
_POINTS_PER_INCH = 72
MAX_DPI = 200


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
                            yield page_of(number, message, limits)
                            left, number = left[1:], None
                except ChildEnded as ended:
                    if ended.code is Code.CANCELLED or number is None or not left or clock.is_over():
                        reason = _inner(ended.reason) if ended.code is Code.CANCELLED else _of_document(ended.code)
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
    if box is not None and not (box.x0 < box.x1 and box.y0 < box.y1 and all(map(isfinite, box))):
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
                    raise DocumentFailure(Code(failure), _inner(str(message["reason"])))
            except ChildEnded as ended:
                raise DocumentFailure(ended.code, _inner(ended.reason)) from None
    raise DocumentFailure(Code.CRASHED, "the page could not be rendered.")


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


def _inner(sentence: str) -> str:
    """Return a sentence as the part after a colon."""
    return sentence[:1].lower() + sentence[1:]


def _of_document(code: Code) -> str:
    """Return the sentence about a document whose child ended before the first page."""
    if code is Code.TIMEOUT:
        return "the document takes longer than is allowed. Split it."
    return "the file is damaged, or needs more memory than is allowed. Export the drawing again."
