"""GetPage: one page with its text."""

import pytest

from drawings.models import Document
from projects.models import Role
from tandem.drawing.v1.drawing_pb2 import GetPageRequest
from tests.support.drawings import member
from tests.support.transports import Transport
from users.models import User

SERVICE = "DrawingService/"


def test_page_has_its_text(api: Transport, ann: User, document: Document) -> None:
    page = api(f"{SERVICE}GetPage", GetPageRequest(document_id=str(document.pk), page_number=1), actor=ann).page
    assert page.text.split() == ["-Q1", "16", "A"]
    assert page.drawing_count == 1


@pytest.mark.parametrize("number", [3, -1, 2**31 - 1])
def test_unknown_page(api: Transport, ann: User, document: Document, number: int) -> None:
    request = GetPageRequest(document_id=str(document.pk), page_number=number)
    assert api.failure(f"{SERVICE}GetPage", request, actor=ann).reason == "NOT_FOUND"


def test_members_see_it(api: Transport, ann: User, bob: User, document: Document) -> None:
    viewer = member(document.project, Role.VIEWER)
    request = GetPageRequest(document_id=str(document.pk))
    api(f"{SERVICE}GetPage", request, actor=viewer)
    assert api.failure(f"{SERVICE}GetPage", request, actor=bob).reason == "NOT_FOUND"
