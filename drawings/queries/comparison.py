"""The differences between two documents of a project."""

from collections.abc import Sequence

from core.actors import Actor
from core.cached_results import cached_result
from core.db import ids
from core.errors import Conflict, invalid
from drawing_engine.comparison import Item, PageComparison, Sheet, compare
from drawing_engine.pages import Box
from drawings.models import Component, Document, Page, PageContent, State
from drawings.packing import unpack_words
from drawings.queries import get_document

#: Words of a document that are compared.
MAX_WORDS = 300_000


def compare_documents(actor: Actor, document_id: str, to: str) -> tuple[Document, Document, Sequence[PageComparison]]:
    """Return the differences from a document to another one of the same project, page by page.

    Args:
        to: id of the newer document, as the client wrote it.

    Raises:
        Document.DoesNotExist
        ValidationError: on `to`: the project has no such document.
        Conflict: a document has too many words.
    """
    old = get_document(actor, document_id)
    if not to:
        raise invalid("to", "required", "Give the id of the document to compare with.")
    wanted = ids.parsed(to)
    rows = Document.objects.defer("search_words").filter(project=old.project_id)
    new = rows.filter(pk=wanted).first() if wanted else None
    if new is None:
        raise invalid("to", "unknown", Document.NO_SUCH_DOCUMENT)
    sheets = _sheets(old), _sheets(new)
    # People correct and decide components, so these are part of the key.
    arguments = (old.sha256, new.sha256, *([(sheet.number, sheet.items) for sheet in one] for one in sheets))
    return old, new, cached_result("comparison", arguments, lambda: compare(*sheets), size=_size(sheets))


def _sheets(document: Document) -> list[Sheet]:
    pages = list(Page.objects.filter(document=document.pk, failure_reason="").order_by("number"))
    if sum(page.word_count for page in pages) > MAX_WORDS:
        raise Conflict(f'"{document}" has more than {MAX_WORDS} words, too many to be compared.')
    items: dict[int, list[Item]] = {}
    components = Component.objects.filter(document=document.pk).exclude(state=State.REJECTED)
    for component in components.order_by("page_number", "id"):
        items.setdefault(component.page_number, []).append(_item(component))
    contents = dict(PageContent.objects.filter(page__document=document.pk).values_list("pk", "words"))
    return [
        Sheet(
            page.number,
            page.sheet_number,
            unpack_words(contents.get(page.pk, b"")).engine_words(),
            items.get(page.number, []),
        )
        for page in pages
    ]


def _item(component: Component) -> Item:
    parts = (component.designator, component.component_class, component.rating_raw)
    return Item(component.designator, " ".join(filter(None, parts)), Box(*component.box))


def _size(sheets: tuple[list[Sheet], list[Sheet]]) -> int:
    """Return about how many bytes a comparison may have."""
    return 100 * sum(len(sheet.words) + len(sheet.items) for one in sheets for sheet in one)
