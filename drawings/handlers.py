"""Handlers of drawing.v1.DrawingService, one function per rpc."""

import io
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from google.protobuf.empty_pb2 import Empty

from changes import feed
from changes.feed.watching import Watch, open_watch
from core.conversions import page_request, pagination
from core.db import ids
from core.downloads import Download
from core.lazy_modules import LazyModule
from core.limits import costs
from core.operations import Call, operation
from core.protojson.field_masks import written_paths
from core.replays import Replay
from drawings import messages, queries, services
from drawings.messages import bill_of_materials as bills
from drawings.messages import components as component_messages
from drawings.messages import document_message, page_message, path_message, word_message
from drawings.messages.comparison import comparison_message
from drawings.messages.components import component_message
from drawings.messages.symbols import symbol_fields, symbol_message
from drawings.models import Symbol
from drawings.queries import bill_of_materials
from drawings.queries import components as component_queries
from drawings.services import components, processing, uploads
from drawings.watching import subscription_for
from projects.queries import get_project
from tandem.drawing.v1 import drawing_pb2

if TYPE_CHECKING:
    from drawings.queries import comparison, pages, searching
    from drawings.queries import symbols as symbol_queries
    from drawings.services import images, symbols, symbols_in_boxes
else:
    comparison, pages, searching, symbol_queries = (
        LazyModule(f"drawings.queries.{name}") for name in ("comparison", "pages", "searching", "symbols")
    )
    images, symbols, symbols_in_boxes = (
        LazyModule(f"drawings.services.{name}") for name in ("images", "symbols", "symbols_in_boxes")
    )

#: API keys need `drawings:read` and `drawings:write`.
AREA = "drawings"


def _show(call: Call, request: Any, answer: Any) -> Any:
    queries.get_document(call.actor, str(_document_id(call, request, answer)))
    return answer


def _document_id(call: Call, request: Any, answer: Any) -> UUID | None:
    """Return the id of the document that the answer holds or belongs to."""
    is_document = "document" in answer.DESCRIPTOR.fields_by_name
    return ids.parsed(answer.document.id if is_document else request.document_id)


REPLAY = Replay(subject=_document_id, show=_show)


def _show_component(call: Call, request: Any, answer: Any) -> Any:
    component_queries.get_component(call.actor, answer.component.id)
    return answer


COMPONENT_REPLAY = Replay(subject=lambda call, request, answer: answer.component.id, show=_show_component)


def _show_symbol(call: Call, request: Any, answer: Any) -> Any:
    symbol_queries.get_symbol(call.actor, answer.symbol.id)
    return answer


SYMBOL_REPLAY = Replay(subject=lambda call, request, answer: answer.symbol.id, show=_show_symbol)


def _show_decided(call: Call, request: Any, answer: Any) -> Any:
    """Return the kept answer without the components that are deleted since."""
    get_project(call.actor, request.project_id)
    seen = component_queries.visible_ids(call.actor, [component.id for component in answer.components])
    return drawing_pb2.DecideComponentsResponse(
        components=[component for component in answer.components if component.id in seen],
        undo=[decision for decision in answer.undo if decision.component_id in seen],
    )


DECIDED_REPLAY = Replay(subject=lambda call, request, answer: request.project_id, show=_show_decided)


def _show_legend(call: Call, request: Any, answer: Any) -> Any:
    """Return the kept answer without the symbols that are deleted since."""
    queries.get_document(call.actor, request.document_id)
    seen = symbol_queries.visible_ids(call.actor, [symbol.id for symbol in answer.symbols])
    return drawing_pb2.CreateSymbolsOfLegendResponse(symbols=[one for one in answer.symbols if one.id in seen])


LEGEND_REPLAY = Replay(subject=_document_id, show=_show_legend)


def upload_document(
    call: Call, items: Iterator[drawing_pb2.UploadDocumentRequest | ValidationError]
) -> drawing_pb2.UploadDocumentResponse:
    metadata, chunks = messages.read_upload(items)
    uploaded = uploads.upload_document(call.actor, metadata, chunks)
    return drawing_pb2.UploadDocumentResponse(document=messages.uploaded_message(uploaded))


def get_document(call: Call, request: drawing_pb2.GetDocumentRequest) -> drawing_pb2.GetDocumentResponse:
    document = queries.get_document(call.actor, request.document_id)
    return drawing_pb2.GetDocumentResponse(document=document_message(document))


@operation(replay=REPLAY)
def update_document(call: Call, request: drawing_pb2.UpdateDocumentRequest) -> drawing_pb2.UpdateDocumentResponse:
    mask = request.update_mask if request.HasField("update_mask") else None
    fields = messages.document_fields(request.document, written_paths(request.document, mask, messages.WRITABLE))
    document = services.update_document(call.actor, request.document_id, fields, expected_version=call.expected_version)
    return drawing_pb2.UpdateDocumentResponse(document=document_message(document))


def delete_document(call: Call, request: drawing_pb2.DeleteDocumentRequest) -> Empty:
    services.delete_document(call.actor, request.document_id, expected_version=call.expected_version)
    return Empty()


def list_documents(call: Call, request: drawing_pb2.ListDocumentsRequest) -> drawing_pb2.ListDocumentsResponse:
    requested = page_request(call, request.pagination, document_message)
    page = queries.list_documents(call.actor, request.project_id, requested, messages.document_filter(request))
    return drawing_pb2.ListDocumentsResponse(documents=page.messages, pagination=pagination(page))


def watch_document(call: Call, request: drawing_pb2.WatchDocumentRequest) -> Watch:
    return open_watch(
        feed.live,
        subscription_for(call.operation.name, queries.get_document(call.actor, request.document_id)),
        call.actor,
        cursor=request.cursor,
        include_initial=not request.cursor,
        bookmarks=request.bookmarks,
    )


@operation(replay=REPLAY, cost=costs.JOB)
def reprocess(call: Call, request: drawing_pb2.ReprocessRequest) -> drawing_pb2.ReprocessResponse:
    document = processing.reprocess(call.actor, request.document_id, expected_version=call.expected_version)
    return drawing_pb2.ReprocessResponse(document=document_message(document))


@operation(replay=REPLAY)
def cancel_processing(call: Call, request: drawing_pb2.CancelProcessingRequest) -> drawing_pb2.CancelProcessingResponse:
    document = processing.cancel_processing(call.actor, request.document_id, expected_version=call.expected_version)
    return drawing_pb2.CancelProcessingResponse(document=document_message(document))


def list_pages(call: Call, request: drawing_pb2.ListPagesRequest) -> drawing_pb2.ListPagesResponse:
    page = pages.list_pages(call.actor, request.document_id, page_request(call, request.pagination, page_message))
    return drawing_pb2.ListPagesResponse(pages=page.messages, pagination=pagination(page))


def get_page(call: Call, request: drawing_pb2.GetPageRequest) -> drawing_pb2.GetPageResponse:
    _, page = pages.get_page(call.actor, request.document_id, request.page_number)
    return drawing_pb2.GetPageResponse(page=page_message(page, pages.text_of(page.pk)))


def list_words(call: Call, request: drawing_pb2.ListWordsRequest) -> drawing_pb2.ListWordsResponse:
    requested = page_request(call, request.pagination, word_message)
    part = pages.list_words(call.actor, request.document_id, request.page_number, request.bbox, requested)
    words = map(word_message, part.items)
    return drawing_pb2.ListWordsResponse(words=words, pagination=messages.part_pagination(part))


def list_paths(call: Call, request: drawing_pb2.ListPathsRequest) -> drawing_pb2.ListPathsResponse:
    requested = page_request(call, request.pagination, path_message)
    part = pages.list_paths(call.actor, request.document_id, request.page_number, request.bbox, requested)
    paths = map(path_message, part.items)
    return drawing_pb2.ListPathsResponse(paths=paths, pagination=messages.part_pagination(part))


def render_page(call: Call, request: drawing_pb2.RenderPageRequest) -> Download:
    number = request.page_number
    document, image = images.page_image(call.actor, request.document_id, number, request.dpi, request.bbox)
    metadata = messages.image_message(document, number, image)
    return Download(drawing_pb2.RenderPageResponse, metadata, partial(io.BytesIO, image), request.offset)


@operation(cost=costs.SEARCH)
def search_pages(call: Call, request: drawing_pb2.SearchPagesRequest) -> drawing_pb2.SearchPagesResponse:
    found = searching.search_pages(
        call.actor,
        request.query,
        page_request(call, request.pagination, page_message),
        project_id=request.project_id,
        document_id=request.document_id,
    )
    return messages.found_message(found)


def list_components(call: Call, request: drawing_pb2.ListComponentsRequest) -> drawing_pb2.ListComponentsResponse:
    project_id = request.project_id.lower()
    requested = page_request(call, request.pagination, partial(component_message, project_id=project_id))
    only = component_messages.component_filter(request)
    page = component_queries.list_components(call.actor, request.project_id, requested, only)
    return drawing_pb2.ListComponentsResponse(components=page.messages, pagination=pagination(page))


@operation(replay=COMPONENT_REPLAY)
def create_component(call: Call, request: drawing_pb2.CreateComponentRequest) -> drawing_pb2.CreateComponentResponse:
    fields = component_messages.component_fields(request.component, component_messages.WRITABLE)
    number = request.component.page_number
    component = components.create_component(call.actor, request.document_id, number, fields)
    return drawing_pb2.CreateComponentResponse(component=component_message(component, component.project_id))


@operation(replay=COMPONENT_REPLAY)
def update_component(call: Call, request: drawing_pb2.UpdateComponentRequest) -> drawing_pb2.UpdateComponentResponse:
    mask = request.update_mask if request.HasField("update_mask") else None
    paths = written_paths(request.component, mask, component_messages.WRITABLE)
    fields = component_messages.component_fields(request.component, paths)
    component = components.update_component(
        call.actor, request.component_id, fields, expected_version=call.expected_version
    )
    return drawing_pb2.UpdateComponentResponse(component=component_message(component, component.project_id))


@operation(replay=DECIDED_REPLAY)
def decide_components(call: Call, request: drawing_pb2.DecideComponentsRequest) -> drawing_pb2.DecideComponentsResponse:
    decided = components.decide_components(call.actor, request.project_id, component_messages.decisions(request))
    return component_messages.decided_message(decided, request.project_id.lower())


def get_bill_of_materials(
    call: Call, request: drawing_pb2.GetBillOfMaterialsRequest
) -> drawing_pb2.GetBillOfMaterialsResponse:
    return bills.bill_message(bill_of_materials.bill_of_materials(call.actor, request.project_id))


@operation(cost=costs.EXPORT)
def download_bill_of_materials(call: Call, request: drawing_pb2.DownloadBillOfMaterialsRequest) -> Download:
    bill = bill_of_materials.bill_of_materials(call.actor, request.project_id)
    metadata, content = bills.bill_file(bill, request.format)
    return Download(drawing_pb2.DownloadBillOfMaterialsResponse, metadata, partial(io.BytesIO, content), request.offset)


@operation(replay=SYMBOL_REPLAY)
def create_symbol(call: Call, request: drawing_pb2.CreateSymbolRequest) -> drawing_pb2.CreateSymbolResponse:
    wanted = request.symbol
    symbol = symbols.create_symbol(
        call.actor, request.project_id, wanted.document_id, wanted.page_number, wanted.bbox, symbol_fields(wanted)
    )
    return drawing_pb2.CreateSymbolResponse(symbol=_symbol(symbol))


@operation(replay=LEGEND_REPLAY, cost=costs.JOB)
def create_symbols_of_legend(
    call: Call, request: drawing_pb2.CreateSymbolsOfLegendRequest
) -> drawing_pb2.CreateSymbolsOfLegendResponse:
    made = symbols.create_symbols_of_legend(
        call.actor, request.project_id, request.document_id, request.page_number, request.bbox
    )
    return drawing_pb2.CreateSymbolsOfLegendResponse(symbols=map(_symbol, made))


def list_symbols(call: Call, request: drawing_pb2.ListSymbolsRequest) -> drawing_pb2.ListSymbolsResponse:
    requested = page_request(call, request.pagination, partial(symbol_message, project_id=request.project_id.lower()))
    page = symbol_queries.list_symbols(call.actor, request.project_id, requested)
    return drawing_pb2.ListSymbolsResponse(symbols=page.messages, pagination=pagination(page))


def get_symbol(call: Call, request: drawing_pb2.GetSymbolRequest) -> drawing_pb2.GetSymbolResponse:
    return drawing_pb2.GetSymbolResponse(symbol=_symbol(symbol_queries.get_symbol(call.actor, request.symbol_id)))


def delete_symbol(call: Call, request: drawing_pb2.DeleteSymbolRequest) -> Empty:
    symbols.delete_symbol(call.actor, request.symbol_id, expected_version=call.expected_version)
    return Empty()


@operation(replay=SYMBOL_REPLAY, cost=costs.JOB)
def count_symbol(call: Call, request: drawing_pb2.CountSymbolRequest) -> drawing_pb2.CountSymbolResponse:
    symbol = symbols.count_symbol(
        call.actor, request.symbol_id, all_sheets=request.all_sheets, expected_version=call.expected_version
    )
    return drawing_pb2.CountSymbolResponse(symbol=_symbol(symbol))


@operation(replay=SYMBOL_REPLAY)
def cancel_count(call: Call, request: drawing_pb2.CancelCountRequest) -> drawing_pb2.CancelCountResponse:
    symbol = symbols.cancel_count(call.actor, request.symbol_id, expected_version=call.expected_version)
    return drawing_pb2.CancelCountResponse(symbol=_symbol(symbol))


def _symbol(symbol: Symbol) -> drawing_pb2.Symbol:
    return symbol_message(symbol, str(symbol.document.project_id))


@operation(cost=costs.SEARCH)
def compare_documents(call: Call, request: drawing_pb2.CompareDocumentsRequest) -> drawing_pb2.CompareDocumentsResponse:
    return comparison_message(*comparison.compare_documents(call.actor, request.document_id, request.to))


@operation(scope="drawings:read", replay=REPLAY, cost=costs.JOB)
def recognize_components(
    call: Call, request: drawing_pb2.RecognizeComponentsRequest
) -> drawing_pb2.RecognizeComponentsResponse:
    boxes = [box.bbox for box in request.boxes]
    results = symbols_in_boxes.recognize_components(call.actor, request.document_id, request.page_number, boxes)
    return drawing_pb2.RecognizeComponentsResponse(results=map(messages.recognized_message, results))


@operation(scope="drawings:read", cost=costs.JOB)
def recognize_image(
    call: Call, items: Iterator[drawing_pb2.RecognizeImageRequest | ValidationError]
) -> drawing_pb2.RecognizeImageResponse:
    metadata, chunks = messages.read_picture(items)
    results = symbols_in_boxes.recognize_image(call.actor, metadata.bboxes, chunks, project_id=metadata.project_id)
    return drawing_pb2.RecognizeImageResponse(results=map(messages.recognized_message, results))
