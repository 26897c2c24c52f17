"""ListPaths: vector paths with their pieces."""

import pytest

from drawings.models import Document
from projects.models import Role
from tandem.drawing.v1.drawing_pb2 import ListPathsRequest
from tests.support.drawings import member
from tests.support.transports import Transport
from users.models import User

SERVICE = "DrawingService/"


def test_paths_have_their_pieces(api: Transport, ann: User, document: Document) -> None:
    request = ListPathsRequest(document_id=str(document.pk), page_number=0, bbox=[90, 290, 130, 330])
    (path,) = api(f"{SERVICE}ListPaths", request, actor=ann).paths
    assert list(path.bbox) == pytest.approx([100, 300, 120, 320], abs=0.01)
    assert (path.stroked, path.filled, path.stroke_color, path.stroke_width) == (True, False, "#000000", 1)
    assert len(path.segments) == 16
    request = ListPathsRequest(document_id=str(document.pk), page_number=0, bbox=[0, 0, 10, 10])
    assert not api(f"{SERVICE}ListPaths", request, actor=ann).paths


def test_members_see_it(api: Transport, ann: User, bob: User, document: Document) -> None:
    viewer = member(document.project, Role.VIEWER)
    request = ListPathsRequest(document_id=str(document.pk))
    api(f"{SERVICE}ListPaths", request, actor=viewer)
    assert api.failure(f"{SERVICE}ListPaths", request, actor=bob).reason == "NOT_FOUND"
