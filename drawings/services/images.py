"""Images of pages, rendered in a child process and kept in the cache."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist

from core.actors import Actor
from core.cached_results import cached_result
from core.downloads import GONE
from core.errors import Conflict, Unavailable, invalid
from drawing_engine.pages import Box, Code, DocumentFailure
from drawing_engine.reading import MAX_DPI, render_page
from drawings.models import Document, Page
from drawings.queries.pages import get_page, read_box
from drawings.services.files import local_file

MIN_DPI, DEFAULT_DPI = 10, 100
#: How long a call waits for its turn.
_WAIT_SECONDS = 15
_turns = threading.BoundedSemaphore(settings.RENDERED_PAGES_AT_ONCE)


def page_image(
    actor: Actor, document_id: str, number: int, dpi: int = 0, bbox: Sequence[float] = ()
) -> tuple[Document, bytes]:
    """Return the image of a page, or of a part of it, as PNG, with the page's document.

    Args:
        number: of the page, from 0.
        dpi: pixels per inch; 0 = the default.
        bbox: the part to be shown, in points; empty = the whole page.

    Raises:
        Document.DoesNotExist, Page.DoesNotExist
        ObjectDoesNotExist: the file is gone.
        ValidationError: on `dpi` or `bbox`.
        Conflict: the page cannot be shown.
        Unavailable: the storage cannot be read, or too many pages are being rendered.
    """
    if dpi and not MIN_DPI <= dpi <= MAX_DPI:
        raise invalid("dpi", "range", f"Give {MIN_DPI} to {MAX_DPI} pixels per inch, or 0 for {DEFAULT_DPI}.")
    box = read_box(bbox)
    document, page = get_page(actor, document_id, number)
    if page.failure_reason:
        raise Conflict(f"This page cannot be shown. {page.failure_reason}")
    part, used_dpi = _within(page, box), dpi or DEFAULT_DPI
    arguments = (document.sha256, number, used_dpi, part and tuple(part))
    return document, cached_result("page_image", arguments, lambda: _rendered(document, number, used_dpi, part))


def _within(page: Page, box: Box | None) -> Box | None:
    """Return the part of the rectangle that is on the page."""
    if box is None:
        return None
    part = Box(max(0.0, box.x0), max(0.0, box.y0), min(page.width, box.x1), min(page.height, box.y1))
    if part.x0 >= part.x1 or part.y0 >= part.y1:
        raise invalid("bbox", "box", f"Give a part of the page, which has {page.width:g} x {page.height:g} points.")
    return part


def _rendered(document: Document, number: int, dpi: int, box: Box | None) -> bytes:
    try:
        with turn(), local_file(document.file) as path:
            return render_page(path, number, dpi, box)
    except FileNotFoundError as exc:
        raise ObjectDoesNotExist(GONE) from exc
    except OSError as exc:
        raise Unavailable("The storage cannot be read at present; try again.") from exc
    except DocumentFailure as exc:
        if exc.code is Code.UNAVAILABLE:
            raise Unavailable(exc.message) from exc
        if exc.code is Code.TOO_LARGE:
            raise invalid("dpi", "range", "The image would be too large. Give fewer dpi, or a smaller bbox.") from exc
        raise Conflict(f"This page cannot be shown. {exc.message}") from exc


@contextmanager
def turn() -> Iterator[None]:
    """Wait for one of the child processes that may read pages or pictures at once.

    Raises:
        Unavailable: all are in use for too long.
    """
    if not _turns.acquire(timeout=_WAIT_SECONDS):
        raise Unavailable("Too many pages are being rendered at present; try again.")
    try:
        yield
    finally:
        _turns.release()
