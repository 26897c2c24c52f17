"""Rows of the table of access: components and symbols of a project that the caller of column `self` edits."""

from typing import Any

import numpy as np

from drawing_engine.pages import Box, Page, Word
from drawings.models import Component, CountStatus, PageContent
from drawings.packing import pack_lines, pack_words
from tandem.drawing.v1 import drawing_pb2
from tests.support.access import OWN_TASK, Row
from tests.support.drawings import project_of
from tests.support.factories import ComponentFactory, DocumentFactory, PageFactory, SymbolFactory
from users.models import User

#: Support sees no document either; service accounts are administrators.
OWN_DOCUMENT = OWN_TASK


def a_component(user: User) -> Component:
    """Return a component of a document in a project that the user edits."""
    component: Component = ComponentFactory(document__project=project_of(user))
    return component


def a_decision(user: User) -> drawing_pb2.DecideComponentsRequest:
    """Return a request that confirms a component."""
    component = a_component(user)
    decision = drawing_pb2.ComponentDecision(
        component_id=str(component.pk), state=drawing_pb2.COMPONENT_STATE_CONFIRMED
    )
    project_id = str(component.document.project_id)
    return drawing_pb2.DecideComponentsRequest(project_id=project_id, decisions=[decision])


def a_page_with_lines(user: User) -> tuple[str, str]:
    """Return the ids of a project that the user edits and of a document in it whose page has lines and words."""
    page = PageFactory(document__project=project_of(user))
    lines = np.array([(100, 100, 120, 100), (120, 100, 120, 120), (120, 120, 100, 100)], np.float32)
    drawn = Page(0, 842, 595, segments=lines, segment_path=np.zeros(3, np.int32))
    words = [Word("Lamp", Box(150, 105, 180, 115))]
    PageContent.objects.create(page=page, words=pack_words(words), paths=pack_lines(drawn))
    return str(page.document.project_id), str(page.document_id)


def a_new_symbol(user: User) -> drawing_pb2.CreateSymbolRequest:
    project_id, document_id = a_page_with_lines(user)
    symbol = drawing_pb2.Symbol(name="Lamp", document_id=document_id, bbox=[95, 95, 125, 125])
    return drawing_pb2.CreateSymbolRequest(project_id=project_id, symbol=symbol)


def a_new_legend(user: User) -> drawing_pb2.CreateSymbolsOfLegendRequest:
    project_id, document_id = a_page_with_lines(user)
    return drawing_pb2.CreateSymbolsOfLegendRequest(
        project_id=project_id, document_id=document_id, bbox=[90, 90, 200, 130]
    )


def a_comparison(user: User) -> drawing_pb2.CompareDocumentsRequest:
    first = DocumentFactory(project=project_of(user))
    second = DocumentFactory(project=first.project)
    return drawing_pb2.CompareDocumentsRequest(document_id=str(first.pk), to=str(second.pk))


def own_symbol(request: Any, **fields: Any) -> Row:
    """Return the row of a request for a symbol with these fields."""
    return lambda user: request(symbol_id=str(SymbolFactory(document__project=project_of(user), **fields).pk)), (
        OWN_DOCUMENT
    )


def own_project(request: Any, **fields: Any) -> Row:
    """Return the row of a request with these fields for a project."""
    return lambda user: request(project_id=str(project_of(user).pk), **fields), OWN_DOCUMENT


COMPONENTS: dict[str, Row] = {
    "DrawingService/ListComponents": own_project(drawing_pb2.ListComponentsRequest),
    "DrawingService/CreateComponent": (
        lambda user: drawing_pb2.CreateComponentRequest(
            document_id=a_page_with_lines(user)[1], component=drawing_pb2.Component(bbox=[1, 1, 9, 9])
        ),
        OWN_DOCUMENT,
    ),
    "DrawingService/UpdateComponent": (
        lambda user: drawing_pb2.UpdateComponentRequest(
            component_id=str(a_component(user).pk), component=drawing_pb2.Component(designator="-K2")
        ),
        OWN_DOCUMENT,
    ),
    "DrawingService/DecideComponents": (a_decision, OWN_DOCUMENT),
    "DrawingService/GetBillOfMaterials": own_project(drawing_pb2.GetBillOfMaterialsRequest),
    "DrawingService/DownloadBillOfMaterials": own_project(drawing_pb2.DownloadBillOfMaterialsRequest, format="csv"),
    "DrawingService/CreateSymbol": (a_new_symbol, OWN_DOCUMENT),
    "DrawingService/CreateSymbolsOfLegend": (a_new_legend, OWN_DOCUMENT),
    "DrawingService/ListSymbols": own_project(drawing_pb2.ListSymbolsRequest),
    "DrawingService/GetSymbol": own_symbol(drawing_pb2.GetSymbolRequest),
    "DrawingService/DeleteSymbol": own_symbol(drawing_pb2.DeleteSymbolRequest),
    "DrawingService/CountSymbol": own_symbol(drawing_pb2.CountSymbolRequest),
    "DrawingService/CancelCount": own_symbol(drawing_pb2.CancelCountRequest, count_status=CountStatus.QUEUED),
    "DrawingService/CompareDocuments": (a_comparison, OWN_DOCUMENT),
}
