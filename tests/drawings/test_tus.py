"""Resumable uploads of documents (tus 1.0)."""

import base64
from typing import Any

import pytest
from django.utils import timezone

from core.uploads import resumable
from drawings.models import Document, DocumentUpload, Status
from projects.models import ProjectMember, Role
from tests.support.drawings import a_document, a_pdf, processed, project_of, stored
from tests.support.factories import ApiKeyFactory, ServiceFactory, bearer_of
from tests.support.uploads import UPLOADS, Uploader
from users.models import User


@pytest.fixture
def uploader(ann: User) -> Uploader:
    return Uploader(ann)


def metadata(**fields: str) -> str:
    return ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in fields.items())


def begin(uploader: Uploader, project: Any, content: bytes, **fields: str) -> Any:
    named = {"purpose": "document", "project_id": str(project.pk), "filename": "floor.pdf", **fields}
    return uploader.send("POST", UPLOADS, upload_length=str(len(content)), upload_metadata=metadata(**named))


def path_of(answer: Any) -> str:
    return str(answer.headers["Location"]).removeprefix("http://localhost")


def test_document_arrives_in_pieces(uploader: Uploader, ann: User) -> None:
    project, content = project_of(ann), a_pdf()
    answer = begin(uploader, project, content, revision="B", title="Floor")
    assert answer.status_code == 201, answer.content
    assert "Tandem-Document-Id" not in answer.headers
    path = path_of(answer)
    assert uploader.patch(path, 0, content[:100]).headers["Upload-Offset"] == "100"
    assert not Document.objects.exists()
    last = uploader.patch(path, 100, content[100:])
    document = Document.objects.get()
    assert last.headers["Tandem-Document-Id"] == str(document.pk)
    assert (document.title, document.revision, document.status) == ("Floor", "B", Status.QUEUED)
    assert processed(document).status == Status.READY
    assert [file.name for file in stored()] == [document.file]


def test_same_content_is_the_same_document(uploader: Uploader, ann: User) -> None:
    project, content = project_of(ann), a_pdf()
    known = a_document(project, ann, content=content)
    path = path_of(begin(uploader, project, content))
    assert uploader.patch(path, 0, content).headers["Tandem-Document-Id"] == str(known.pk)
    assert [file.name for file in stored()] == [known.file]


def test_bad_metadata_begins_nothing(uploader: Uploader, ann: User, bob: User) -> None:
    project = project_of(ann)
    for fields, status in (
        ({"project_id": ""}, 400), ({"project_id": "nonsense"}, 404), ({"purpose": "moon"}, 400),
        ({"supersedes": "nonsense"}, 400), ({"title": "x" * 201}, 400),
    ):  # fmt: skip
        answer = begin(uploader, project, b"x" * 10, **fields)
        assert answer.status_code == status, (fields, answer.content)
    assert begin(Uploader(bob), project, b"x").status_code == 404
    assert begin(uploader, project_of(ann, Role.VIEWER), b"x").status_code == 403
    assert not DocumentUpload.objects.exists()


def test_file_that_is_not_a_pdf_is_refused_at_its_end(uploader: Uploader, ann: User) -> None:
    path = path_of(begin(uploader, project_of(ann), b"PK\x03\x04 a ZIP"))
    assert uploader.patch(path, 0, b"PK\x03\x04 a ZIP").status_code == 415
    assert (stored(), DocumentUpload.objects.count()) == ([], 0)


def test_member_who_is_removed_is_refused_at_the_end(uploader: Uploader, ann: User) -> None:
    content = a_pdf()
    path = path_of(begin(uploader, project_of(ann), content))
    uploader.patch(path, 0, content[:100])
    ProjectMember.objects.all().delete()
    assert uploader.patch(path, 100, content[100:]).status_code == 404
    assert (stored(), DocumentUpload.objects.count(), Document.objects.count()) == ([], 0, 0)


def test_limit_and_quota_are_those_of_documents(uploader: Uploader, ann: User, settings: Any) -> None:
    settings.MAX_DOCUMENT_BYTES, settings.UPLOADS_PER_USER = 50, 1
    project = project_of(ann)
    assert begin(uploader, project, b"x" * 51).status_code == 413
    begin(uploader, project, b"x" * 10)
    assert begin(uploader, project, b"x" * 10).json()["reason"] == "QUOTA_EXCEEDED"


def test_expired_upload_is_deleted(uploader: Uploader, ann: User) -> None:
    path = path_of(begin(uploader, project_of(ann), a_pdf()))
    uploader.patch(path, 0, a_pdf()[:100])
    DocumentUpload.objects.update(updated_at=timezone.now() - resumable.RETENTION)
    assert resumable.prune() == 1
    assert (stored(), DocumentUpload.objects.count()) == ([], 0)


def test_key_needs_the_scope_of_the_purpose(client: Any, ann: User) -> None:
    project = project_of(ann)
    for scopes, status in ((["drawings:write"], 201), (["meetings:write"], 403)):
        key = bearer_of(ApiKeyFactory(user=ServiceFactory(), scopes=scopes))
        answer = client.post(
            UPLOADS,
            headers={
                "authorization": key, "tus-resumable": "1.0.0", "upload-length": "10", "host": "localhost",
                "upload-metadata": metadata(purpose="document", project_id=str(project.pk)),
            },
        )  # fmt: skip
        assert answer.status_code == status, answer.content
