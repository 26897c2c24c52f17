"""Documents as a part of their project: figures, deletion, retention, and the feed of changes."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from changes.models import Change
from drawings.models import Document, Page, Status
from drawings.services import uploads
from drawings.services.files import DOCUMENTS
from projects.models import ProjectMember, Role
from tandem.change.v1 import change_pb2
from tandem.project.v1 import project_pb2
from tests.support.drawings import a_document, member, processed, project_of, stored
from tests.support.factories import DocumentFactory, ProjectFactory
from tests.support.transports import Transport
from users.models import User


def test_figures_of_a_project(api: Transport, ann: User) -> None:
    project = project_of(ann)
    DocumentFactory(project=project, status=Status.PARTIAL)
    request = project_pb2.GetProjectStatsRequest(project_id=str(project.pk))
    figures = api("ProjectService/GetProjectStats", request, actor=ann).documents_by_status
    assert (figures["partial"], figures["ready"]) == (1, 0)


def test_documents_go_with_their_project(committing_api: Transport, ann: User) -> None:
    project = project_of(ann, Role.MANAGER)
    processed(a_document(project, ann))
    request = project_pb2.DeleteProjectRequest(project_id=str(project.pk), force=True)
    committing_api("ProjectService/DeleteProject", request, actor=ann)
    assert (Document.objects.count(), Page.objects.count(), stored()) == (0, 0, [])
    assert not Change.objects.filter(subject_type="drawing.page", new__isnull=False).exists()
    call_command("retention", "--verify")


def test_verification_names_files_of_no_document(transactional_db: None, ann: User) -> None:
    needed = a_document(project_of(ann), ann)
    left = a_document(project_of(ann), ann)
    Document.objects.filter(pk=left.pk).delete()
    call_command("retention", "--verify")
    long_ago = time.time() - timedelta(days=3).total_seconds()
    for document in (needed, left):
        os.utime(Path(DOCUMENTS.storage.path(document.file)), (long_ago, long_ago))
    with pytest.raises(CommandError):
        call_command("retention", "--verify")
    assert uploads.prune() == 1
    assert [file.name for file in stored()] == [needed.file]
    call_command("retention", "--verify")


def test_feed_shows_documents_to_members(watching: Transport, ann: User, bob: User) -> None:
    project = ProjectFactory()
    member(project, Role.VIEWER, ann)
    request = change_pb2.WatchChangesRequest(subject_types=["drawing.document"])
    with (
        watching.watch("ChangeService/WatchChanges", request, actor=ann) as watched,
        watching.watch("ChangeService/WatchChanges", request, actor=bob) as of_bob,
    ):
        document = DocumentFactory(project=project)
        created = watched.next()
        assert (created.document.id, created.subject_type) == (str(document.pk), "drawing.document")
        ProjectMember.objects.all().delete()
        left = watched.next()
        assert (left.subject_id, left.left_view) == (str(document.pk), True)
        member(project, Role.VIEWER, bob)
        assert of_bob.next().document.id == str(document.pk), "the first that concerns bob"
