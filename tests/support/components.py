"""Components and symbols of documents, and the calls that make and decide them."""

import io

from reportlab.pdfgen.canvas import Canvas

from drawings.models import Document
from projects.models import Project
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import (
    CountSymbolRequest,
    CreateSymbolRequest,
    DecideComponentsRequest,
    GetSymbolRequest,
    ListComponentsRequest,
    ListComponentsResponse,
)
from tests.jobs import run_jobs
from tests.support.transports import Failed, Transport
from users.models import User

SERVICE = "DrawingService/"
PROPOSED = drawing_pb2.COMPONENT_STATE_PROPOSED
CONFIRMED, REJECTED = drawing_pb2.COMPONENT_STATE_CONFIRMED, drawing_pb2.COMPONENT_STATE_REJECTED


def listed(api: Transport, actor: User, project: Project, **fields: object) -> ListComponentsResponse:
    request = ListComponentsRequest(project_id=str(project.pk), **fields)  # type: ignore[arg-type]
    return api(f"{SERVICE}ListComponents", request, actor=actor)  # type: ignore[no-any-return]


def decide(api: Transport, actor: User, project: Project, *decisions: object) -> drawing_pb2.DecideComponentsResponse:
    request = DecideComponentsRequest(project_id=str(project.pk), decisions=decisions)  # type: ignore[arg-type]
    return api(f"{SERVICE}DecideComponents", request, actor=actor)  # type: ignore[no-any-return]


def refused(api: Transport, actor: User, project: Project, *decisions: object) -> Failed:
    """Return why these decisions fail."""
    request = DecideComponentsRequest(project_id=str(project.pk), decisions=decisions)  # type: ignore[arg-type]
    return api.failure(f"{SERVICE}DecideComponents", request, actor=actor)


def decision(component: drawing_pb2.Component, state: int, version: int = 0) -> drawing_pb2.ComponentDecision:
    return drawing_pb2.ComponentDecision(component_id=component.id, state=state, version=version)  # type: ignore[arg-type]


def flags(*places: tuple[float, float]) -> bytes:
    """Return a PDF with a flag at each place, and half a flag at (400, 400)."""
    file = io.BytesIO()
    canvas = Canvas(file, (842, 595), invariant=1)
    for x, y in places:
        for line in ((0, 0, 0, 20), (0, 0, 12, 5), (12, 5, 0, 9), (-5, 20, 3, 20)):
            canvas.line(x + line[0], 595 - y - line[1], x + line[2], 595 - y - line[3])
    for line in ((0, 0, 0, 20), (0, 0, 12, 5), (12, 5, 0, 9)):
        canvas.line(400 + line[0], 195 - line[1], 400 + line[2], 195 - line[3])
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def created(api: Transport, actor: User, document: Document, **fields: object) -> drawing_pb2.Symbol:
    symbol = {"name": "Flag", "document_id": str(document.pk), "bbox": [94, 99, 113, 121]} | fields
    request = CreateSymbolRequest(project_id=str(document.project_id), symbol=symbol)  # type: ignore[arg-type]
    return api(f"{SERVICE}CreateSymbol", request, actor=actor).symbol  # type: ignore[no-any-return]


def counted(api: Transport, actor: User, symbol: drawing_pb2.Symbol) -> drawing_pb2.SymbolCount:
    queued = api(f"{SERVICE}CountSymbol", CountSymbolRequest(symbol_id=symbol.id), actor=actor).symbol
    assert queued.count.status == drawing_pb2.COUNT_STATUS_QUEUED
    run_jobs()
    found = api(f"{SERVICE}GetSymbol", GetSymbolRequest(symbol_id=symbol.id), actor=actor).symbol
    return found.count  # type: ignore[no-any-return]
