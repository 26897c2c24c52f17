"""Rows of pages, made of the drawing engine's reading of a file."""

from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, transaction

from core.db.saving import save_clean
from core.texts import printable
from drawing_engine import pages as engine
from drawing_engine.pages import PageFailure
from drawings.models import Document, Kind, Page, PageContent
from drawings.packing import MAX_SEARCHED_LENGTH, pack_lines, pack_words, words_to_search

#: Any text of this length fits into the index of words.
_SAFE_LENGTH = 20_000
_MAX_METADATA, _MAX_METADATA_LENGTH = 30, 500


def store_page(document: Document, run: int, read: engine.Page) -> Page:
    """Store a page that was read, in the place of what an earlier run has read; in the caller's transaction."""
    page = _row(
        document,
        run,
        read.number,
        width=read.width,
        height=read.height,
        rotation=read.rotation,
        kind=Kind(read.kind),
        image_count=read.image_count,
        drawing_count=read.drawing_count,
        word_count=len(read.words),
        sheet_number=_line(read.sheet_number, 100),
        sheet_title=_line(read.sheet_title, 300),
        warnings=list(read.warnings),
        is_partial=read.is_partial,
        failure_reason="",
    )
    content = {
        "text": read.text.replace("\0", " "),
        "words": pack_words(read.words),
        "paths": pack_lines(read),
    }
    texts = [word.text for word in read.words]
    try:
        with transaction.atomic():
            _store_content(page, content, words_to_search(texts, MAX_SEARCHED_LENGTH))
    except DatabaseError:  # More words than the index of one row takes.
        _store_content(page, content, words_to_search(texts, _SAFE_LENGTH))
    return page


def store_failure(document: Document, run: int, failure: PageFailure) -> Page:
    """Store that a page could not be read; in the caller's transaction. What an earlier run has read of it goes."""
    page = _row(
        document, run, failure.number,
        kind=Kind.UNSPECIFIED, image_count=0, drawing_count=0, word_count=0, sheet_number="", sheet_title="",
        warnings=[], is_partial=False, failure_reason=failure.message,
    )  # fmt: skip
    PageContent.objects.filter(pk=page.pk).delete()
    return page


def fields_of_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the PDF's own metadata within bounds, without characters that cannot be shown."""
    shown = {_line(name, 100): _line(text, _MAX_METADATA_LENGTH) for name, text in metadata.items()}
    return dict(list(shown.items())[:_MAX_METADATA])


def _row(document: Document, run: int, number: int, **fields: Any) -> Page:
    page: Page | None = Page.objects.filter(document=document.pk, number=number).first()
    if page is None:
        # Of one time, so that the pages of a document follow each other in the search.
        return save_clean(
            Page(document_id=document.pk, number=number, run=run, created_at=document.created_at, **fields)
        )
    return save_clean(page, run=run, **fields)


def _store_content(page: Page, content: Mapping[str, Any], distinct_words: str) -> None:
    PageContent.objects.update_or_create(page=page, defaults={**content, "distinct_words": distinct_words})


def _line(text: str, max_length: int) -> str:
    return " ".join(printable(text).split())[:max_length].strip()
