"""The search for words on the pages of all documents that an actor may see."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from core.actors import Actor
from core.db import search
from core.db.compiled_queries import Value
from core.db.pagination import COUNT_LIMIT, ListQuery, Order, PageRequest, page
from core.db.pagination import Page as ListPage
from core.errors import invalid
from drawings.models import Document, Page, PageContent
from drawings.packing import Words, unpack_words
from drawings.queries import get_document
from projects.models import ids_of_member
from projects.queries import get_project

#: Pages are created in the order of the uploads, and of the pages of one document.
IN_ORDER = Order("created_at")
#: Words of a page in one answer.
MAX_WORDS = 100
_ASCII_WORD = re.compile(r"[a-z0-9]+")
#: Letters and digits, or one symbol beyond ASCII.
_WORD = re.compile(r"[^\W_]+|[^\w\s\x00-\x7f]")


@dataclass(frozen=True, slots=True)
class FoundWords:
    """The matching words of a page in reading order, at most `MAX_WORDS`, with their boxes; and how many there are."""

    words: Sequence[tuple[str, Sequence[float]]]
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """A page of matching pages; their documents and their matching words, by id."""

    page: ListPage[Page]
    documents: Mapping[UUID, Document]
    words: Mapping[UUID, FoundWords]

    def words_of(self, page_id: UUID) -> FoundWords:
        """Return the matching words of a page."""
        return self.words.get(page_id, FoundWords((), 0))


def search_pages(
    actor: Actor, query: str, request: PageRequest, *, project_id: str = "", document_id: str = ""
) -> Found:
    """Return a page of the pages that contain, for each word of the query, a word with that prefix.

    Args:
        project_id: only documents of this project; empty = of all that the actor may see.
        document_id: only this document; empty = all.

    Raises:
        ValidationError: on `query`, `page_size` or `page_token`.
        Project.DoesNotExist, Document.DoesNotExist
    """
    query = search.checked_query(query)
    if not query:
        raise invalid("query", "required", "Give at least one word to search for.")
    values: dict[str, Value] = {"query": query}
    if document_id:
        values["document_id"] = get_document(actor, document_id).pk
    if project_id:
        values["project_id"] = get_project(actor, project_id)[0].pk
    if not values.keys() & {"document_id", "project_id"} and not actor.is_administrator:
        values["member_id"] = actor.pk
    request = replace(request, bound_to={**request.bound_to, "caller": actor.pk, **values})
    # A search for words of few pages must not scan all others: matching rows are fetched by the index of words.
    selection = ListQuery(Page, _with_words, (), values, scattered=True, few=COUNT_LIMIT)
    found = page(selection, request, IN_ORDER)
    documents = Document.objects.defer("search_words").in_bulk({row.document_id for row in found.rows})
    return Found(found, documents, _words(found.rows, query))


def _with_words(
    query: str, member_id: UUID | None = None, project_id: UUID | None = None, document_id: UUID | None = None
) -> QuerySet[Page]:
    rows = Page.objects.filter(search.matches("content__search_words", query))
    if document_id is not None:
        rows = rows.filter(document=document_id)
    if project_id is not None:
        rows = rows.filter(document__project=project_id)
    if member_id is not None:
        rows = rows.filter(document__project__in=ids_of_member(member_id))
    return rows


def _words(pages: Sequence[Page], query: str) -> dict[UUID, FoundWords]:
    packed = PageContent.objects.filter(pk__in=[row.pk for row in pages]).values_list("pk", "words")
    prefixes = _forms(query)
    found = {}
    for page_id, content in packed:
        words = unpack_words(content)
        indexes = _matching(words.texts, prefixes)
        # A few scripts have forms that only the database's function knows.
        indexes = indexes or _by_the_database(words, query)
        boxes = words.boxes[indexes[:MAX_WORDS]].tolist() if indexes else []
        shown = [(words.texts[index], box) for index, box in zip(indexes, boxes, strict=False)]
        found[page_id] = FoundWords(shown, len(indexes))
    return found


def _matching(texts: Sequence[str], prefixes: Sequence[str]) -> list[int]:
    """Return the indexes of the texts that have a word with one of the prefixes."""
    if not prefixes:
        return []
    page = "\n".join(texts)
    if not page.isascii():
        return [
            index
            for index, text in enumerate(texts)
            if any(part.startswith(prefix) for part in _forms(text) for prefix in prefixes)
        ]
    # One search in the whole page takes a tenth of the time of one in each word.
    pattern = re.compile(f"(?<![a-z0-9])(?:{'|'.join(map(re.escape, prefixes))})")
    indexes: list[int] = []
    index = at = 0
    for match in pattern.finditer(page.lower()):
        index, at = index + page.count("\n", at, match.start()), match.start()
        if not indexes or indexes[-1] != index:
            indexes.append(index)
    return indexes


def _forms(text: str) -> list[str]:
    """Return the words of a text without case and accents, as the database's function `core_words` has them for most
    scripts.
    """
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _WORD.findall(plain.casefold())


def _by_the_database(words: Words, query: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT place - 1 FROM unnest(%s::text[]) WITH ORDINALITY AS every (word, place) WHERE EXISTS ("
            "SELECT FROM unnest(core_words(word)) AS form, unnest(core_words(%s)) AS prefix "
            "WHERE starts_with(form, prefix)) ORDER BY place",
            [[text.replace("\0", " ") for text in words.texts], query],
        )
        return [int(index) for (index,) in cursor.fetchall()]
