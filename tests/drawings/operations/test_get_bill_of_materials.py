"""GetBillOfMaterials: what has to be bought, and where it is drawn."""

import pytest

from drawings.models import Document, State
from projects.models import Project
from tandem.drawing.v1.drawing_pb2 import (
    BillOfMaterialsRow,
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


def relay(document: Document, designator: str, **fields: object) -> object:
    rating = {"rating_raw": "24V", "rating_value": 24, "rating_unit": "V"}
    return ComponentFactory(document=document, designator=designator, **{**rating, **fields})


def test_equal_devices_are_one_row_with_all_places(
    api: Transport, ann: User, project: Project, document: Document
) -> None:
    coil = relay(document, "-K1")
    relay(document, "-K1", page_number=1, state=State.CONFIRMED, rating_raw="", rating_value=0, rating_unit="")
    relay(document, "-K2", rating_raw="24 VDC")
    relay(document, "-K3", state=State.REJECTED)
    relay(document, "-K4", rating_raw="230V", rating_value=230)
    first, second = rows(api, ann, project)
    assert (getattr(first, "class"), first.prefix, first.rating.raw) == ("relay", "K", "24V")
    assert (first.confirmed_count, first.proposed_count, first.place_count) == (1, 1, 3)
    assert [(place.designator, place.page_number) for place in first.places] == [("-K1", 0), ("-K1", 1), ("-K2", 0)]
    assert first.places[0].component_id == str(coil.pk)  # type: ignore[attr-defined]
    assert list(first.places[0].bbox) == [100, 100, 120, 110]
    assert (second.rating.value, second.proposed_count) == (230, 1)


def test_symbols_without_designators_count_each(
    api: Transport, ann: User, project: Project, document: Document
) -> None:
    for _ in range(3):
        ComponentFactory(document=document, designator="", prefix="", component_class="luminaire")
    (row,) = rows(api, ann, project)
    assert (row.proposed_count, row.place_count) == (3, 3)


def test_superseded_documents_and_other_projects_are_left_out(
    api: Transport, ann: User, project: Project, document: Document
) -> None:
    relay(document, "-K1")
    relay(DocumentFactory(project=project, supersedes=document), "-K1")
    ComponentFactory()
    (row,) = rows(api, ann, project)
    assert row.proposed_count == 1
