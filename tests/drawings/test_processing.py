"""The processing of documents: resumed, cancelled, interrupted, and files that cannot be read."""

import io
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from django.db import transaction
from reportlab.pdfgen.canvas import Canvas

from drawings.models import Document, Page, Status
from drawings.services import delete_document, delete_of_project, reading
from drawings.services.files import DOCUMENTS
from drawings.services.processing import cancel_processing, reprocess
from tests.jobs import run_jobs
from tests.support.drawings import a_document, a_pdf, processed, project_of, stored
from tests.support.running_job import RunningJob
from tests.support.servers import until
from users.models import User

MANY = 60


def children() -> list[psutil.Process]:
    """Return the processes that read documents."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "drawing_engine.child" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def versions() -> list[tuple[int, int, int]]:
    return list(Page.objects.order_by("number").values_list("number", "version", "word_count"))


@pytest.fixture
def many(transactional_db: None, ann: User) -> Iterator[Document]:
    """A document with so many pages that something can happen while they are read."""
    yield a_document(project_of(ann), ann, *[[f"-K{page}", *("word",) * 20] for page in range(MANY)])
    assert children() == []


def test_stopped_job_resumes_after_the_last_committed_page(many: Document, monkeypatch: Any) -> None:
    monkeypatch.setattr(reading, "GROUP_PAGES", 2)
    running = RunningJob()
    until(lambda: Page.objects.exists(), "the first page is read")
    running.stopping = True
    running.ended(within=60)
    before = Page.objects.count()
    assert 0 < before < MANY
    assert processed(many).status == Status.READY
    # A page that was committed is not read again.
    assert versions() == [(number, 1, 21) for number in range(MANY)]


def test_killed_child_changes_nothing_in_the_result(many: Document) -> None:
    running = RunningJob()
    until(lambda: Page.objects.exists(), "the first page is read")
    for child in children():
        child.kill()
    running.ended(within=60)
    many.refresh_from_db()
    assert (many.status, many.failure_reason) == (Status.READY, "")
    assert versions() == [(number, 1, 21) for number in range(MANY)]


def test_cancelled_within_a_second(many: Document, ann: User) -> None:
    running = RunningJob()
    until(lambda: Page.objects.exists(), "the first page is read")
    cancel_processing(ann, str(many.pk))
    began = time.monotonic()
    running.ended(within=60)
    assert time.monotonic() - began < 2, "one second, and what a busy machine adds"
    many.refresh_from_db()
    assert (many.status, 0 < Page.objects.count() < MANY) == (Status.CANCELLED, True)
    reprocess(ann, str(many.pk))
    assert processed(many).status == Status.READY


@pytest.mark.parametrize("whole_project", [False, True])
def test_deletion_ends_the_processing(many: Document, ann: User, whole_project: bool) -> None:
    running = RunningJob()
    until(lambda: Page.objects.exists(), "the first page is read")
    if whole_project:
        with transaction.atomic():
            delete_of_project(many.project_id)
    else:
        delete_document(ann, str(many.pk))
    assert running.ended(within=60) == "done"
    assert (Document.objects.count(), Page.objects.count()) == (0, 0)
    assert stored() == []


def test_first_progress_is_shown_at_once(many: Document) -> None:
    began = time.monotonic()
    running = RunningJob()
    until(lambda: Document.objects.get().status == Status.PROCESSING, "it is being processed")
    assert time.monotonic() - began < 1
    running.ended(within=60)


def test_document_that_is_given_up_is_failed(db: None, ann: User) -> None:
    document = a_document(project_of(ann), ann)
    reading.give_up(document.pk, document.run)
    document.refresh_from_db()
    assert (document.status, document.failure_reason) == (Status.FAILED, reading.GIVEN_UP)
    run_jobs()
    assert not Page.objects.exists()


@pytest.mark.parametrize(
    "content", [b"%PDF-1.7\n", a_pdf()[:400], b"%PDF-1.4 " + b"PK\x03\x04" * 500], ids=["empty", "cut", "and a ZIP"]
)
def test_file_that_cannot_be_read_fails_with_a_sentence(db: None, ann: User, content: bytes) -> None:
    document = processed(a_document(project_of(ann), ann, content=content))
    assert document.status == Status.FAILED
    assert document.failure_reason.startswith("Failed to process PDF: ")
    assert document.failure_reason.endswith(".")


def test_missing_file_fails_with_a_sentence(db: None, ann: User) -> None:
    document = a_document(project_of(ann), ann)
    DOCUMENTS.storage.delete(document.file)
    assert processed(document).failure_reason == reading.GONE


def test_page_beyond_a_limit_makes_the_document_partial(db: None, ann: User) -> None:
    file = io.BytesIO()
    canvas = Canvas(file, (100, 100), invariant=1)
    canvas.drawString(10, 10, "A")
    canvas.showPage()
    canvas.setPageSize((20_000, 100))
    canvas.showPage()
    canvas.save()
    document = processed(a_document(project_of(ann), ann, content=file.getvalue()))
    assert document.status == Status.PARTIAL
    assert document.failure_reason.startswith("Page 2 could not be read. ")
    failed = Page.objects.get(number=1)
    assert (failed.kind, bool(failed.failure_reason)) == (0, True)
