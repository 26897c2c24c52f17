"""Rows of the table of access: documents of a project that the caller of column `self` edits."""

from typing import Any

from changes.feed import live, numbering
from changes.feed.log import read_head
from drawings.models import Status
from tandem.drawing.v1 import drawing_pb2
from tests.support.access import OWN_TASK, SIGNED_IN, Row
from tests.support.drawings import a_document, an_upload, project_of
from tests.support.factories import PageFactory
from tests.support.symbols import a_picture
from users.models import User

#: Support sees no document either; service accounts are administrators.
OWN_DOCUMENT = OWN_TASK


def a_page(user: User, **fields: Any) -> str:
    """Return the id of a document with one page, in a project that the user edits."""
    return str(PageFactory(document__project=project_of(user), **fields).document_id)


def a_stored_page(user: User) -> str:
    """Return the id of a document with one page and its file."""
    return str(PageFactory(document=a_document(project_of(user), user)).document_id)


def own_document(request: Any, **fields: Any) -> Row:
    """Return the row of a request for a document with these fields."""
    named = {f"document__{name}": value for name, value in fields.items()}
    return lambda user: request(document_id=a_page(user, **named)), OWN_DOCUMENT


def a_request_to_watch(user: User) -> drawing_pb2.WatchDocumentRequest:
    numbering.begin()
    live.begin(read_head())
    return drawing_pb2.WatchDocumentRequest(document_id=a_page(user))


DRAWINGS: dict[str, Row] = {
    "DrawingService/UploadDocument": (lambda user: an_upload(project_of(user)), OWN_DOCUMENT),
    "DrawingService/GetDocument": own_document(drawing_pb2.GetDocumentRequest),
    "DrawingService/UpdateDocument": (
        lambda user: drawing_pb2.UpdateDocumentRequest(document_id=a_page(user), document={"title": "New"}),  # type: ignore[arg-type]
        OWN_DOCUMENT,
    ),
    "DrawingService/DeleteDocument": own_document(drawing_pb2.DeleteDocumentRequest),
    "DrawingService/ListDocuments": (
        lambda user: drawing_pb2.ListDocumentsRequest(project_id=str(project_of(user).pk)),
        OWN_DOCUMENT,
    ),
    "DrawingService/WatchDocument": (a_request_to_watch, OWN_DOCUMENT),
    "DrawingService/Reprocess": own_document(drawing_pb2.ReprocessRequest),
    "DrawingService/CancelProcessing": own_document(drawing_pb2.CancelProcessingRequest, status=Status.PROCESSING),
    "DrawingService/ListPages": own_document(drawing_pb2.ListPagesRequest),
    "DrawingService/GetPage": own_document(drawing_pb2.GetPageRequest),
    "DrawingService/ListWords": own_document(drawing_pb2.ListWordsRequest),
    "DrawingService/ListPaths": own_document(drawing_pb2.ListPathsRequest),
    "DrawingService/RenderPage": (
        lambda user: drawing_pb2.RenderPageRequest(document_id=a_stored_page(user), dpi=10),
        OWN_DOCUMENT,
    ),
    "DrawingService/RecognizeComponents": (
        lambda user: drawing_pb2.RecognizeComponentsRequest(
            document_id=a_page(user),
            boxes=[{"bbox": (100, 300, 120, 320)}],  # type: ignore[list-item]
        ),
        OWN_DOCUMENT,
    ),
    "DrawingService/RecognizeImage": (
        lambda user: [
            drawing_pb2.RecognizeImageRequest(metadata={}),  # type: ignore[arg-type]
            drawing_pb2.RecognizeImageRequest(chunk=a_picture(("lamp",))[0]),
        ],
        SIGNED_IN,
    ),
    "DrawingService/SearchPages": (lambda user: drawing_pb2.SearchPagesRequest(query="new"), SIGNED_IN),
}
