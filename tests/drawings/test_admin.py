"""Documents in the admin site."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from drawings.models import Document, Status
from tests.support.drawings import a_document, a_pdf, processed, project_of
from tests.support.factories import AdministratorFactory
from users.models import User


@pytest.fixture
def site(client: Client, db: None) -> Client:
    client.defaults["HTTP_HOST"] = "localhost"
    client.force_login(AdministratorFactory(is_superuser=True))
    return client


def test_document_is_uploaded(site: Client, ann: User) -> None:
    project = project_of(ann)
    address = reverse("admin:drawings_document_add")
    assert str(project) in site.get(f"{address}?project={project.pk}").content.decode()
    file = SimpleUploadedFile("floor.pdf", a_pdf(), "application/pdf")
    answer = site.post(address, {"into": str(project.pk), "file_to_send": file, "title": "", "revision": "B"})
    assert answer.status_code == 302, answer.content
    document = Document.objects.get()
    assert (document.title, document.revision, document.project_id) == ("floor.pdf", "B", project.pk)


def test_other_file_is_refused_with_a_message(site: Client, ann: User) -> None:
    file = SimpleUploadedFile("floor.pdf", b"PK\x03\x04", "application/pdf")
    address = reverse("admin:drawings_document_add")
    answer = site.post(address, {"into": str(project_of(ann).pk), "file_to_send": file}, follow=True)
    assert "The file is not a PDF." in answer.content.decode()
    assert not Document.objects.exists()


def test_page_and_actions(site: Client, ann: User) -> None:
    document = processed(a_document(project_of(ann), ann))
    page = site.get(reverse("admin:drawings_document_change", args=[document.pk])).content.decode()
    assert "cabinet.pdf" in page
    listed = reverse("admin:drawings_document_changelist")
    assert "cabinet.pdf" in site.get(f"{listed}?q=cab").content.decode()
    site.post(listed, {"action": "reprocess", "_selected_action": [str(document.pk)]})
    document.refresh_from_db()
    assert (document.status, document.run) == (Status.QUEUED, 2)
    change = reverse("admin:drawings_document_change", args=[document.pk])
    site.post(change, {"title": "Renamed", "revision": "", "supersedes": "", "opened_version": document.version})
    document.refresh_from_db()
    assert document.title == "Renamed"
