"""Queries for pages, and for what is written and drawn on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from uuid import UUID

import numpy as np
from django.core import signing
from django.db.models import QuerySet
from google.protobuf.message import Message
from numpy.typing import NDArray

from core.actors import Actor
from core.db.compiled_queries import Value
from core.db.pagination import PAGE_BYTES, TOKEN_LIFETIME, ListQuery, Order, PageRequest, page
from core.db.pagination import Page as ListPage
from core.errors import invalid
from drawing_engine.pages import Box, PathInfo
from drawings.models import Document, Page, PageContent
from drawings.packing import Lines, Words, touching, unpack_lines, unpack_words
from drawings.queries import get_document

IN_ORDER = Order("number")
#: Words and paths of a page in one answer: by default, and at most.
DEFAULT_ITEMS, MAX_ITEMS = 1_000, 10_000
#: A path with more straight pieces comes as several.
MAX_PIECES = 20_000

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Part(Generic[Item]):
    """A part of what is on a page.

    Attributes:
        next_token: of the following part; empty = this is the last one.
        total_count: of all parts.
    """

    items: Sequence[Item]
    next_token: str
    total_count: int


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPath:
    """A path, or a part of one, with its straight pieces: float32, (n, 4)."""

    info: PathInfo
    pieces: NDArray[np.float32]


def list_pages(actor: Actor, document_id: str, request: PageRequest) -> ListPage[Page]:
    """Return a page of the list of the document's pages, in their order.

    Raises:
        Document.DoesNotExist
        ValidationError: on `page_size` or `page_token`.
    """
    document = get_document(actor, document_id)
    bound_to = {**request.bound_to, "caller": actor.pk, "document": document.pk}
    values: dict[str, Value] = {"document_id": document.pk}
    return page(ListQuery(Page, _of_document, (), values), replace(request, bound_to=bound_to), IN_ORDER)


def get_page(actor: Actor, document_id: str, number: int) -> tuple[Document, Page]:
    """Return a page and its document.

    Args:
        number: from 0.

    Raises:
        Document.DoesNotExist
        Page.DoesNotExist: the document has no such page, or it has not been read yet.
    """
    document = get_document(actor, document_id)
    found = Page.objects.filter(document=document.pk, number=number).first() if 0 <= number < 2**31 else None
    if found is None:
        raise Page.DoesNotExist(f"Document with ID '{document.pk}' has no page {number}, or it has not been read yet")
    return document, found


def text_of(page_id: UUID) -> str:
    """Return the text of a page."""
    return PageContent.objects.filter(pk=page_id).values_list("text", flat=True).first() or ""


def words_of(page_id: UUID) -> Words:
    """Return the words of a page, in reading order."""
    return unpack_words(PageContent.objects.filter(pk=page_id).values_list("words", flat=True).first() or b"")


def lines_of(page_id: UUID) -> Lines:
    """Return the paths of a page, in drawing order."""
    return unpack_lines(PageContent.objects.filter(pk=page_id).values_list("paths", flat=True).first() or b"")


def list_words(
    actor: Actor, document_id: str, number: int, bbox: Sequence[float], request: PageRequest
) -> Part[tuple[str, Sequence[float]]]:
    """Return words of a page with their boxes, in reading order.

    Args:
        bbox: only words that touch this rectangle; empty = all.

    Raises:
        Document.DoesNotExist, Page.DoesNotExist
        ValidationError: on `bbox`, `page_size` or `page_token`.
    """
    box = read_box(bbox)
    _, found = get_page(actor, document_id, number)
    words = words_of(found.pk)
    indexes = words.touching(box)
    boxes = words.boxes.tolist()
    return _part(actor, found, box, indexes.tolist(), request, lambda index: (words.texts[index], boxes[index]))


def list_paths(
    actor: Actor, document_id: str, number: int, bbox: Sequence[float], request: PageRequest
) -> Part[DrawnPath]:
    """Return paths of a page in drawing order.

    Args:
        bbox: only paths whose boxes touch this rectangle; empty = all.

    Raises:
        Document.DoesNotExist, Page.DoesNotExist
        ValidationError: on `bbox`, `page_size` or `page_token`.
    """
    box = read_box(bbox)
    _, found = get_page(actor, document_id, number)
    lines = lines_of(found.pk)
    firsts = np.searchsorted(lines.segment_path, np.arange(len(lines.paths) + 1))
    rows = [
        (index, first, min(first + MAX_PIECES, int(firsts[index + 1])))
        for index in touching(lines.paths.boxes, box).tolist()
        for first in range(int(firsts[index]), max(int(firsts[index + 1]), int(firsts[index]) + 1), MAX_PIECES)
    ]
    return _part(
        actor, found, box, rows, request, lambda row: DrawnPath(lines.paths[row[0]], lines.segments[row[1] : row[2]])
    )


def read_box(bbox: Sequence[float]) -> Box | None:
    """Return the rectangle of a request; None = there is none.

    Raises:
        ValidationError: on `bbox`.
    """
    if not bbox:
        return None
    if len(bbox) != 4 or not np.isfinite(bbox).all() or bbox[0] > bbox[2] or bbox[1] > bbox[3]:
        raise invalid("bbox", "box", "Give four numbers in points: x0, y0, x1, y1, with x0 <= x1 and y0 <= y1.")
    return Box(*bbox)


def _of_document(document_id: UUID) -> QuerySet[Page]:
    return Page.objects.filter(document=document_id)


def _part(
    actor: Actor,
    found: Page,
    box: Box | None,
    rows: Sequence[Any],
    request: PageRequest,
    item: Callable[[Any], Item],
) -> Part[Item]:
    """Return the requested part of the rows of a page; it ends before `PAGE_BYTES`."""
    if request.size < 0:
        raise invalid("page_size", "range", "The page size is negative.")
    size = min(request.size or DEFAULT_ITEMS, MAX_ITEMS)
    salt = f"{request.bound_to['operation']} {actor.pk} {found.pk} {found.run} {box}"
    start = _start(request.token, salt)
    items: list[Item] = []
    left = PAGE_BYTES
    message: Callable[[Any], Message] | None = request.message
    for row in rows[start : start + size]:
        made = item(row)
        left -= message(made).ByteSize() if message else 0
        if left < 0 and items:
            break
        items.append(made)
    end = start + len(items)
    return Part(items, signing.dumps(end, salt=salt) if end < len(rows) else "", len(rows))


def _start(token: str, salt: str) -> int:
    if not token:
        return 0
    try:
        return int(signing.loads(token, salt=salt, max_age=TOKEN_LIFETIME))
    except (signing.BadSignature, ValueError, TypeError) as exc:
        raise invalid("page_token", "invalid", "Invalid page token") from exc
