"""DownloadBillOfMaterials: the bill as a file."""

import csv
import io
import json

import openpyxl
import pytest

from drawings.messages.bill_of_materials import plain_text
from drawings.models import Document
from projects.models import Project
from tandem.drawing.v1.drawing_pb2 import (
    BillOfMaterialsRow,
    DownloadBillOfMaterialsRequest,
    GetBillOfMaterialsRequest,
)
from tests.support.drawings import project_of
from tests.support.factories import ComponentFactory, DocumentFactory
from tests.support.transports import Transport
from users.models import User

GET, DOWNLOAD = "DrawingService/GetBillOfMaterials", "DrawingService/DownloadBillOfMaterials"


@pytest.fixture
def project(ann: User) -> Project:
    return project_of(ann)


@pytest.fixture
def document(project: Project) -> Document:
    return DocumentFactory(project=project, title="=HYPERLINK(1)")  # type: ignore[no-any-return]


def rows(api: Transport, actor: User, project: Project) -> list[BillOfMaterialsRow]:
    return list(api(GET, GetBillOfMaterialsRequest(project_id=str(project.pk)), actor=actor).rows)


def downloaded(api: Transport, actor: User, project: Project, file_format: str) -> bytes:
    request = DownloadBillOfMaterialsRequest(project_id=str(project.pk), format=file_format)
    return b"".join(part.chunk for part in api(DOWNLOAD, request, actor=actor))


def relay(document: Document, designator: str, **fields: object) -> object:
    rating = {"rating_raw": "24V", "rating_value": 24, "rating_unit": "V"}
    return ComponentFactory(document=document, designator=designator, **{**rating, **fields})


def test_files_hold_no_formula(api: Transport, ann: User, project: Project, document: Document) -> None:
    relay(document, "=A1+S1-K1")
    relay(document, "@SUM(1)", component_class="+cmd", prefix="")
    content = downloaded(api, ann, project, "csv").decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(content)) for cell in row]
    assert "'=A1+S1-K1" in cells and "'+cmd" in cells
    assert not [cell for cell in cells if cell[:1] in "=+-@" and cell]
    workbook = openpyxl.load_workbook(io.BytesIO(downloaded(api, ann, project, "xlsx")))
    found = [cell for sheet in workbook for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in found if cell.value is not None} <= {"s", "n", "inlineStr"}
    texts = [cell.value for cell in found if isinstance(cell.value, str)]
    assert "'=HYPERLINK(1)" in texts and not [text for text in texts if text[0] in "=+-@"]
    assert workbook.sheetnames == ["Bill of materials", "Places"]
    assert len(list(workbook["Places"].rows)) == 3


def test_json_file_has_all_places(api: Transport, ann: User, project: Project, document: Document) -> None:
    for _ in range(101):
        ComponentFactory(document=document, designator="", prefix="", component_class="luminaire")
    (row,) = rows(api, ann, project)
    assert (len(row.places), row.place_count) == (100, 101)
    read = json.loads(downloaded(api, ann, project, "json"))
    assert len(read["rows"][0]["places"]) == 101


def test_empty_project_has_empty_files(api: Transport, ann: User, project: Project) -> None:
    assert rows(api, ann, project) == []
    assert downloaded(api, ann, project, "csv").decode("utf-8-sig").startswith("Class,Prefix,Rating")
    assert openpyxl.load_workbook(io.BytesIO(downloaded(api, ann, project, "xlsx"))).sheetnames


def test_unknown_format_is_refused(api: Transport, ann: User, project: Project) -> None:
    request = DownloadBillOfMaterialsRequest(project_id=str(project.pk), format="exe")
    assert api.failure(DOWNLOAD, request, actor=ann).fields == {"format": "choice"}


@pytest.mark.parametrize("text", ["=1", "+1", "-K1", "@x", "\t=1", "\r=1", "\n=1"])
def test_formulas_become_text(text: str) -> None:
    assert plain_text(text) == "'" + text


def test_other_text_is_unchanged() -> None:
    assert plain_text("K1 = 2") == "K1 = 2" and plain_text("") == ""
