"""Pages to messages, or one page to an image. Runs in the child."""

import ctypes
import math
import signal
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from drawing_engine import pdfium
from drawing_engine.characters import read_characters
from drawing_engine.objects import Budget, Objects
from drawing_engine.protocol import Code
from drawing_engine.rendering import render

Write = Callable[[dict[str, Any]], None]

#: The part of a page's processor time after which the reading of its paths stops, so that its text can be read.
_PATHS_SHARE = 0.75
_OPEN_ERRORS = {
    3: (Code.DAMAGED, "the file is damaged. Export the drawing again."),
    4: (Code.ENCRYPTED, "the file is protected by a password. Save it without one."),
    5: (Code.ENCRYPTED, "the file is encrypted by a method that is not supported. Save it without protection."),
}
_UNREADABLE = (Code.DAMAGED, "the file cannot be read. Export the drawing again.")


def run(order: dict[str, Any], write: Write) -> None:
    """Carry out an order of `drawing_engine.process`, and write the results.

    Args:
        order: `descriptor`, the limits, and either `pages` (None for all) or `render`.
    """
    begin_page(order)
    try:
        document = pdfium.Document(order["descriptor"])
    except pdfium.OpenError as exc:
        code, reason = _OPEN_ERRORS.get(exc.number, _UNREADABLE)
        write({"failure": code, "reason": reason})
        return
    except (ValueError, OSError):
        write({"failure": Code.NOT_A_PDF, "reason": "the file is empty."})
        return
    pages = document.page_count()
    if order.get("render"):
        if order["render"]["number"] in range(pages):
            _render(document.handle, order, write)
        else:
            write(_no_such_page(pages))
        return
    if pages > order["max_pages"]:
        reason = f"the document has {pages:,} pages; at most {order['max_pages']:,} are allowed. Split it."
        write({"failure": Code.TOO_MANY_PAGES, "reason": reason})
        return
    if pages < 1:
        write({"failure": Code.NO_PAGES, "reason": "the document has no pages."})
        return
    write({"info": {"page_count": pages, "metadata": document.metadata()}})
    for number in range(pages) if order["pages"] is None else order["pages"]:
        begin_page(order)
        write({"begin": number})
        write(read_page(document.handle, number, order) if number in range(pages) else _no_such_page(pages))
    write({"end": True})


def begin_page(order: dict[str, Any]) -> None:
    """Give this process new processor time; beyond it the signal ends the process, even within PDFium."""
    signal.setitimer(signal.ITIMER_PROF, order["page_cpu_seconds"])


def _no_such_page(pages: int) -> dict[str, Any]:
    return {"page_failure": Code.NO_SUCH_PAGE, "reason": f"The document has {pages} pages."}


def open_page(document: int, number: int, max_side: float) -> tuple[int, dict[str, Any] | None]:
    """Return the handle of a page, or 0 and the message of its failure. Check its size before its content is parsed."""
    size = (ctypes.c_float * 2)()
    if not pdfium.get_size(document, number, ctypes.addressof(size)):
        return 0, {"page_failure": Code.DAMAGED, "reason": "The page is damaged."}
    if not all(map(math.isfinite, size)) or min(size) <= 0:
        return 0, {"page_failure": Code.DAMAGED, "reason": "The page has no valid size."}
    if max(size) > max_side:
        reason = f"The page is {max(size):,.0f} pt long; at most {max_side:,.0f} pt are allowed."
        return 0, {"page_failure": Code.PAGE_TOO_LARGE, "reason": reason}
    page = pdfium.load_page(document, number)
    if not page:
        return 0, {"page_failure": Code.DAMAGED, "reason": "The page is damaged."}
    return page, None


def read_page(document: int, number: int, order: dict[str, Any]) -> dict[str, Any]:
    """Return the message of a page: its content, or its failure."""
    started = time.process_time()
    try:
        page, failure = open_page(document, number, order["page_side"])
        if failure:
            return failure
        try:
            return _content(page, number, order, started)
        finally:
            pdfium.close_page(page)
    except MemoryError:
        return {"page_failure": Code.OUT_OF_RESOURCES, "reason": "The page needs more memory than is allowed."}


def _content(page: int, number: int, order: dict[str, Any], started: float) -> dict[str, Any]:
    rectangle = (ctypes.c_float * 4)()
    pdfium.get_bounding_box(page, ctypes.addressof(rectangle))
    left, top, right, bottom = rectangle
    box = (min(left, right), min(bottom, top), max(left, right), max(bottom, top))
    objects = Objects(Budget(order["segments"], started + _PATHS_SHARE * order["page_cpu_seconds"]))
    objects.walk(page)
    return {
        "page": number,
        "box": box,
        "rotation": pdfium.get_rotation(page) * 90 % 360,
        "objects": objects.message(),
        "characters": read_characters(page, order["text_characters"]),
    }


def _render(document: int, order: dict[str, Any], write: Write) -> None:
    number, scale = order["render"]["number"], order["render"]["scale"]
    begin_page(order)
    page, failure = open_page(document, number, order["page_side"])
    if failure:
        write(failure)
        return
    whole = (pdfium.get_width(page) * scale, pdfium.get_height(page) * scale)
    left, top, right, bottom = (value * scale for value in order["render"]["box"] or (0, 0, 1e9, 1e9))
    left, top = max(0, math.floor(left)), max(0, math.floor(top))
    width = math.ceil(min(right, whole[0]) - 1e-3) - left
    height = math.ceil(min(bottom, whole[1]) - 1e-3) - top
    if width < 1 or height < 1:
        write({"page_failure": Code.TOO_LARGE, "reason": "The box is outside of the page."})
    elif width * height > order["pixels"]:
        reason = (
            f"The image would have {width * height:,} pixels; at most {order['pixels']:,} are allowed. "
            "Choose a lower resolution or a part of the page."
        )
        write({"page_failure": Code.TOO_LARGE, "reason": reason})
    else:
        try:
            write({"png": b64encode(render(page, scale, left, top, width, height)).decode()})
        except MemoryError:
            write({"page_failure": Code.OUT_OF_RESOURCES, "reason": "The image needs more memory than is allowed."})
