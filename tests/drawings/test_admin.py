"""Documents in the admin site."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from drawings.models import Component, CountStatus, Document, State, Status
from tests.support.drawings import a_document, a_pdf, processed, project_of
from tests.support.factories import AdministratorFactory, ComponentFactory, SymbolFactory
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


def test_components_of_all_documents_are_found_decided_and_corrected(site: Client, ann: User) -> None:
    document = processed(a_document(project_of(ann), ann))
    relay = ComponentFactory(document=document, designator="-K17", page_number=0)
    ComponentFactory(designator="-X1")
    listed = reverse("admin:drawings_component_changelist")
    page = site.get(f"{listed}?q=-K17&document__id__exact={document.pk}&state__exact=1").content.decode()
    viewer = reverse("admin:drawings_document_change", args=[document.pk])
    assert f'href="{viewer}#page=0&amp;component={relay.pk}"' in page
    assert str(document.project) in page
    assert "-X1" not in page
    for action, state in (("confirm", State.CONFIRMED), ("reject", State.REJECTED), ("reopen", State.PROPOSED)):
        site.post(listed, {"action": action, "_selected_action": [str(relay.pk)]})
        relay.refresh_from_db()
        assert relay.state == state
    change = reverse("admin:drawings_component_change", args=[relay.pk])
    fields = {"designator": "-K18", "component_class": "relay", "rating_raw": "16 A"}
    assert site.post(change, {**fields, "opened_version": relay.version}).status_code == 302
    relay.refresh_from_db()
    assert (relay.designator, relay.prefix, relay.rating_value, relay.rating_unit) == ("-K18", "K", 16, "A")
    assert relay.decided_by is not None
    exported = site.post(listed, {"action": "export_csv", "_selected_action": [str(relay.pk)]}).content.decode()
    assert "'-K18" in exported
    assert str(document) in exported


def test_symbols_lead_to_their_components(site: Client, ann: User) -> None:
    document = processed(a_document(project_of(ann), ann))
    symbol = SymbolFactory(document=document, name="Smoke detector", match_count=1)
    Component.objects.filter(document=document).delete()
    found = ComponentFactory(document=document, designator="", component_class="detector", symbol_id=symbol.pk)
    other = ComponentFactory(document=document, designator="", component_class="lamp")
    listed, of_symbol = reverse("admin:drawings_symbol_changelist"), reverse("admin:drawings_component_changelist")
    page = site.get(f"{listed}?q=smoke").content.decode()
    assert f'href="{of_symbol}?symbol_id__exact={symbol.pk}"' in page
    rows = site.get(f"{of_symbol}?symbol_id__exact={symbol.pk}").context["cl"].result_list
    assert [row.pk for row in rows] == [found.pk]
    assert "Smoke detector" in site.get(reverse("admin:drawings_component_change", args=[found.pk])).content.decode()
    site.post(listed, {"action": "count", "_selected_action": [str(symbol.pk)]})
    symbol.refresh_from_db()
    assert symbol.count_status == CountStatus.QUEUED
    site.post(listed, {"action": "cancel", "_selected_action": [str(symbol.pk)]})
    symbol.refresh_from_db()
    assert symbol.count_status == CountStatus.CANCELLED
    site.post(reverse("admin:drawings_symbol_delete", args=[symbol.pk]), {"post": "yes"})
    assert set(Component.objects.filter(document=document)) == {found, other}
