"""Documents by the client: their upload, and the feed of one document."""

import secrets
from pathlib import Path

import pytest

from tandem.client import Client, SnapshotEnd
from tandem.drawing.v1.drawing_pb2 import (
    DOCUMENT_STATUS_CANCELLED,
    DOCUMENT_STATUS_QUEUED,
    CancelProcessingRequest,
    WatchDocumentResponse,
)
from tandem.project.v1.project_pb2 import CreateProjectRequest
from tests.support.drawings import a_pdf

pytestmark = [pytest.mark.real_server, pytest.mark.django_db]


def test_document_is_uploaded_and_watched_to_its_end(client: Client, tmp_path: Path) -> None:
    project = client.projects.CreateProject(CreateProjectRequest(name=secrets.token_hex(4))).project
    file = tmp_path / "floor.pdf"
    file.write_bytes(a_pdf())
    document = client.upload_document(project.id, file, revision="B")
    assert (document.title, document.revision, document.status) == ("floor.pdf", "B", DOCUMENT_STATUS_QUEUED)
    assert client.upload_document(project.id, file).duplicate
    with client.watch_document(document.id) as watch:
        first = next(watch)
        assert isinstance(first, WatchDocumentResponse)
        assert first.status.id == document.id
        assert isinstance(next(watch), SnapshotEnd)
        client.drawings.CancelProcessing(CancelProcessingRequest(document_id=document.id))
        rest = [event for event in watch if isinstance(event, WatchDocumentResponse)]
    assert rest[-1].end.status == DOCUMENT_STATUS_CANCELLED
