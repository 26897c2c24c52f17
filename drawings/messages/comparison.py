"""The differences between documents as messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from drawings.models import Document
from tandem.drawing.v1 import drawing_pb2

if TYPE_CHECKING:
    from drawing_engine.comparison import Difference, PageComparison

#: Differences in an answer.
MAX_DIFFERENCES = 10_000


def comparison_message(
    old: Document, new: Document, pages: Sequence[PageComparison]
) -> drawing_pb2.CompareDocumentsResponse:
    """Return the message of a comparison: the pages with differences, up to `MAX_DIFFERENCES` in total."""
    message = drawing_pb2.CompareDocumentsResponse(document_id=str(old.pk), to=str(new.pk), complete=True)
    left = MAX_DIFFERENCES
    for page in pages:
        if page.old_page is not None and page.new_page is not None and not page.components and not page.texts:
            continue
        components, texts = page.components[:left], page.texts[: max(0, left - len(page.components))]
        left -= len(components) + len(texts)
        if len(components) < len(page.components) or len(texts) < len(page.texts):
            message.complete = False
        part = message.pages.add(components=map(_difference, components), texts=map(_difference, texts))
        if page.old_page is not None:
            part.old_page_number = page.old_page
        if page.new_page is not None:
            part.new_page_number = page.new_page
    return message


def _difference(one: Difference) -> drawing_pb2.Difference:
    return drawing_pb2.Difference(
        kind=one.change,  # type: ignore[arg-type]  # the numbers are the contract's
        old=one.old,
        new=one.new,
        old_bbox=[round(side, 3) for side in one.old_box or ()],
        new_bbox=[round(side, 3) for side in one.new_box or ()],
    )
