"""Conversion of documents and pages: rows to messages, messages to fields."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError

from core.conversions import checked_numbers, pagination, read_fields, set_timestamp
from core.errors import invalid
from drawings.models import Document, Page
from drawings.queries import Filter
from drawings.services.uploads import Uploaded, UploadMetadata
from tandem.common.v1 import common_pb2
from tandem.drawing.v1 import drawing_pb2

if TYPE_CHECKING:
    from drawing_engine.pages import PathInfo
    from drawings.queries.pages import DrawnPath, Part
    from drawings.queries.searching import Found, FoundWords
    from drawings.services.symbols_in_boxes import Recognized

#: The fields that the mask of UpdateDocument may name.
WRITABLE = ("title", "revision", "supersedes")
#: Column → field of the message, where they differ.
PATHS = {"supersedes_id": "supersedes", "uploaded_by_id": "uploaded_by"}

MAX_CHUNK_LENGTH = 64 * 1024

Item = TypeVar("Item", drawing_pb2.UploadDocumentRequest, drawing_pb2.RecognizeImageRequest)


def document_message(document: Document) -> drawing_pb2.Document:
    """Return the message of a document."""
    message = drawing_pb2.Document(
        id=str(document.pk),
        project_id=str(document.project_id or ""),
        title=document.title,
        revision=document.revision,
        supersedes=str(document.supersedes_id or ""),
        file_name=document.file_name,
        size=document.size or 0,
        sha256=document.sha256,
        page_count=document.page_count,
        metadata=document.metadata,
        status=document.status,  # type: ignore[arg-type]  # the numbers are the contract's
        progress=document.progress,
        failure_reason=document.failure_reason,
        uploaded_by=str(document.uploaded_by_id or ""),
        version=document.version,
    )
    set_timestamp(message.created_at, document.created_at)
    set_timestamp(message.updated_at, document.updated_at)
    return message


def uploaded_message(uploaded: Uploaded) -> drawing_pb2.Document:
    """Return the message of the document that an upload has become, or was before."""
    message = document_message(uploaded.document)
    message.duplicate = uploaded.duplicate
    return message


def page_message(page: Page, text: str = "") -> drawing_pb2.Page:
    """Return the message of a page."""
    return drawing_pb2.Page(
        id=str(page.pk),
        document_id=str(page.document_id),
        page_number=page.number or 0,
        text=text,
        image_count=page.image_count,
        drawing_count=page.drawing_count,
        bbox=(0, 0, page.width, page.height),
        width=page.width,
        height=page.height,
        rotation=page.rotation,
        kind=page.kind,  # type: ignore[arg-type]
        sheet_number=page.sheet_number,
        sheet_title=page.sheet_title,
        warnings=page.warnings,
        failure_reason=page.failure_reason,
        version=page.version,
    )


def word_message(word: tuple[str, Iterable[float]]) -> drawing_pb2.Word:
    """Return the message of a word: its text and its box."""
    return drawing_pb2.Word(text=word[0], bbox=_rounded(word[1]))


def path_message(path: DrawnPath) -> drawing_pb2.Path:
    """Return the message of a path."""
    info: PathInfo = path.info
    return drawing_pb2.Path(
        bbox=_rounded(info.box),
        stroke_width=round(info.stroke_width, 3),
        closed=info.is_closed,
        stroked=info.is_stroked,
        filled=info.is_filled,
        stroke_color=_color(info.stroke_color),
        fill_color=_color(info.fill_color),
        segments=path.pieces.ravel().tolist(),
    )


def image_message(document: Document, number: int, image: bytes) -> drawing_pb2.PageImage:
    """Return the message of the image of a page that is sent."""
    stem = PurePosixPath(document.file_name).stem or document.title
    return drawing_pb2.PageImage(
        filename=f"{stem}-{number + 1}.png",
        content_type="image/png",
        size=len(image),
        sha256=hashlib.sha256(image).hexdigest(),
    )


def found_message(found: Found) -> drawing_pb2.SearchPagesResponse:
    """Return the message of a page of matching pages."""
    matches = [
        _found_page(page, document, found.words_of(page.pk))
        for page in found.page.rows
        # It may have been deleted since.
        if (document := found.documents.get(page.document_id)) is not None
    ]
    return drawing_pb2.SearchPagesResponse(matches=matches, pagination=pagination(found.page))


def part_pagination(part: Part[Any]) -> common_pb2.PaginationResponse:
    """Return the token and the count of a part of what is on a page."""
    return common_pb2.PaginationResponse(
        next_page_token=part.next_token, total_count=part.total_count, has_more=bool(part.next_token)
    )


def document_fields(message: drawing_pb2.Document, paths: Iterable[str]) -> dict[str, Any]:
    """Return the fields of the message at these paths, as the services take them."""
    return read_fields(message, paths, {})


def document_filter(request: drawing_pb2.ListDocumentsRequest) -> Filter:
    """Return the filter of a list request.

    Raises:
        ValidationError: an invalid status.
    """
    statuses = checked_numbers(drawing_pb2.DocumentStatus.DESCRIPTOR, request.statuses, "statuses")
    return Filter(statuses=statuses, query=request.query)


def read_upload(
    items: Iterator[drawing_pb2.UploadDocumentRequest | ValidationError],
) -> tuple[UploadMetadata, Iterator[bytes]]:
    """Return the declared metadata of a document, and an iterator of its bytes.

    Raises:
        ValidationError: the first message is not `metadata`; or, from the iterator, a further one is not a `chunk`.
    """
    first = _read_item(next(items, drawing_pb2.UploadDocumentRequest()))
    if not first.HasField("metadata"):
        raise invalid("metadata", "required", "The first message must contain the metadata of the document.")
    return upload_metadata(first.metadata), map(_chunk, items)


def upload_metadata(message: drawing_pb2.DocumentMetadata) -> UploadMetadata:
    """Return the declared metadata of a document."""
    return UploadMetadata(**read_fields(message, message.DESCRIPTOR.fields_by_name, {}))


def read_picture(
    items: Iterator[drawing_pb2.RecognizeImageRequest | ValidationError],
) -> tuple[drawing_pb2.RecognizeImageMetadata, Iterator[bytes]]:
    """Return the metadata of a picture, and an iterator of its bytes.

    Raises:
        ValidationError: the first message is not `metadata`; or, from the iterator, a further one is not a `chunk`.
    """
    first = _read_item(next(items, drawing_pb2.RecognizeImageRequest()))
    if not first.HasField("metadata"):
        raise invalid("metadata", "required", "The first message must contain the metadata of the picture.")
    return first.metadata, map(_chunk, items)


def recognized_message(recognized: Recognized) -> drawing_pb2.RecognizedBox:
    """Return the message of what a box shows."""
    found = recognized.recognition
    if found is None:
        return drawing_pb2.RecognizedBox(bbox=recognized.bbox, error=recognized.error)
    message = drawing_pb2.RecognizedBox(
        bbox=recognized.bbox,
        confidence=found.confidence,
        method=recognized.method,  # type: ignore[arg-type]  # the numbers are the contract's
        symbol_id=recognized.symbol_id,
    )
    # A keyword of Python.
    setattr(message, "class", found.name)
    for other in found.alternatives:
        setattr(message.alternatives.add(confidence=other.confidence), "class", other.name)
    return message


def _chunk(item: Item | ValidationError) -> bytes:
    read = _read_item(item)
    if not read.HasField("chunk"):
        raise invalid("chunk", "required", "Each message after the first must contain a chunk of the file.")
    if len(read.chunk) > MAX_CHUNK_LENGTH:
        raise invalid("chunk", "max_length", "A chunk has at most 64 KiB.")
    return read.chunk


def _read_item(item: Item | ValidationError) -> Item:
    if isinstance(item, ValidationError):
        raise item
    return item


def _found_page(page: Page, document: Document, found: FoundWords) -> drawing_pb2.FoundPage:
    return drawing_pb2.FoundPage(
        document_id=str(document.pk),
        project_id=str(document.project_id),
        document_title=document.title,
        page_number=page.number,
        sheet_number=page.sheet_number,
        sheet_title=page.sheet_title,
        words=map(word_message, found.words),
        word_count=found.count,
    )


def _rounded(box: Iterable[float]) -> list[float]:
    """Return the numbers as they were before they became 32-bit ones, to a thousandth of a point."""
    return [round(number, 3) for number in box]


def _color(parts: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*parts)
