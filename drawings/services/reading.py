"""The work on one run of a document: its pages are read in a child process, and committed in groups.

A page that is committed stays: the next attempt reads the others. Every write is fenced by the lease of the job, and
checks that the run was not cancelled. A page whose child was killed is read again at the end of the run, in a child of
its own.
"""

import logging
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import Error, transaction

from changes.services import acting
from core.db.saving import save_clean
from core.jobs import Attempt, LeaseLost, Reschedule
from drawing_engine import pages as engine
from drawing_engine.designators import Designation
from drawing_engine.pages import Code, DocumentFailure, DocumentInfo, PageFailure
from drawing_engine.reading import read_document
from drawings.metrics import documents_processed
from drawings.models import Document, Page, Status
from drawings.services.contents import fields_of_metadata, store_failure, store_page
from drawings.services.files import local_file
from drawings.services.processing import is_wanted
from drawings.services.recognition import found_on, store_found

logger = logging.getLogger(__name__)

ACTOR = "drawings"
#: Pages are committed together for so long, or up to so many.
GROUP_SECONDS, GROUP_PAGES = 0.25, 16
#: How often a child that was killed at one page is tried at it in all.
MAX_TRIES = 3
#: How often children are started for one pass over the pages, if they are killed between two pages.
MAX_STARTS = 8
#: How often a running child's job looks whether it is still wanted.
ROWS_SECONDS = 0.4
#: Codes of failures that another child may not have.
_BY_CHANCE = (Code.CRASHED, Code.OUT_OF_RESOURCES)
GONE = "Failed to process PDF: the file is no longer in the storage. Upload it again."
GIVEN_UP = (
    "Failed to process PDF: it failed repeatedly. Process the document again. If that fails, too, ask an administrator "
    "to look for the reason among the failed jobs."
)
_MAX_REASON_LENGTH = 1000


class Cancelled(Exception):
    """The run was cancelled, or the document was deleted."""


def run_document(document_id: UUID, run: int, attempt: Attempt) -> None:
    """Read the pages of this run that are not read yet. Do nothing if it was cancelled or deleted.

    Raises:
        Reschedule: the worker is stopping.
        LeaseLost: another worker has taken over the job.
        OSError: the storage cannot be read at present.
        Unavailable: a child cannot be started at present.
    """
    work = _Work(document_id, run, attempt)
    try:
        file = work.begin()
        try:
            with local_file(file) as path:
                work.read(path)
        except FileNotFoundError:
            work.end(GONE)
        except DocumentFailure as exc:
            if exc.code is Code.UNAVAILABLE:
                raise OSError(exc.message) from exc
            work.end(exc.message)
        else:
            work.end()
    except Cancelled:
        logger.info("Run %d of document %s was cancelled, or the document was deleted.", run, document_id)


def give_up(document_id: UUID, run: int) -> None:
    """End the run, in the caller's transaction, because its job has used up its retries."""
    with suppress(Cancelled):
        _Work(document_id, run, None).end(GIVEN_UP)


class _Work:
    """One run in progress.

    Args:
        attempt: of its job; None = the job is given up.
    """

    def __init__(self, document_id: UUID, run: int, attempt: Attempt | None) -> None:
        self._document_id = document_id
        self._run = run
        self._attempt = attempt
        self._group: list[engine.Page | PageFailure] = []
        self._group_began = 0.0
        self._looked_at = time.monotonic()
        self._ended: Exception | None = None

    @contextmanager
    def _commit(self, *, made_progress: bool = False) -> Iterator[Document]:
        """Open a transaction that renews the job's lease and locks the document's row.

        Raises:
            LeaseLost, Cancelled
        """
        with acting(ACTOR):
            if self._attempt:
                self._attempt.renew_lease(made_progress=made_progress)
            rows = Document.objects.defer("search_words").select_for_update(of=("self",), no_key=True)
            document = rows.filter(pk=self._document_id).first()
            if document is None or not is_wanted(self._document_id, self._run):
                raise Cancelled
            yield document

    def begin(self) -> str:
        """Mark the document as PROCESSING, and return the name of its file."""
        with self._commit() as document:
            save_clean(document, status=Status.PROCESSING)
            return document.file

    def read(self, path: Path) -> None:
        """Read all pages that are not read yet.

        Raises:
            DocumentFailure: the document cannot be read.
            Exception: see `run_document`.
        """
        left = self._left()
        again: list[int] = []
        if left is None or left:
            again = self._read(path, left)
        for tries in range(2, MAX_TRIES + 1):
            if again:
                again = self._read(path, again, is_last=tries == MAX_TRIES)

    def _read(self, path: Path, numbers: Sequence[int] | None, *, is_last: bool = False) -> list[int]:
        """Read these pages, and return those whose child was killed, which are not stored; `is_last`: store these."""
        again = []
        # Closing it ends the child.
        with closing(self._from_engine(path, numbers)) as read:
            for one in read:
                if isinstance(one, DocumentInfo):
                    with self._commit() as document:
                        save_clean(document, page_count=one.page_count, metadata=fields_of_metadata(one.metadata))
                elif isinstance(one, PageFailure) and one.code in _BY_CHANCE and not is_last:
                    again.append(one.number)
                else:
                    self._add(one)
        self._flush()
        return again

    def _from_engine(
        self, path: Path, numbers: Sequence[int] | None
    ) -> Generator[DocumentInfo | engine.Page | PageFailure]:
        """Yield what the child reads. A child that is killed between two pages is started again for the others.

        Raises:
            DocumentFailure, Reschedule, LeaseLost, Cancelled
        """
        limits = replace(engine.DEFAULT_LIMITS, file_bytes=settings.MAX_DOCUMENT_BYTES)
        for tries in range(1, MAX_STARTS + 1):
            done: set[int] = set()
            try:
                pages = read_document(path, limits=limits, pages=numbers, cancelled=self._is_over)
                with closing(pages):  # type: ignore[type-var]  # it is a generator
                    for one in pages:
                        if isinstance(one, DocumentInfo):
                            numbers = list(range(one.page_count)) if numbers is None else numbers
                        else:
                            done.add(one.number)
                        yield one
                return
            except DocumentFailure as exc:
                if self._ended is not None:
                    raise self._ended from None
                numbers = None if numbers is None else [number for number in numbers if number not in done]
                has_progress = bool(done) or tries < MAX_TRIES
                if exc.code not in _BY_CHANCE or tries == MAX_STARTS or not has_progress:
                    raise
                if numbers == []:
                    return

    def _is_over(self) -> bool:
        """Return whether the child has to end now; `_ended` is then the reason."""
        if self._attempt is None or self._ended is not None:
            return self._ended is not None
        if self._attempt.stopping:
            self._ended = Reschedule()
        elif time.monotonic() - self._looked_at >= ROWS_SECONDS:
            self._looked_at = time.monotonic()
            with suppress(Error):  # If the database is unavailable, the next commit will report it.
                if not self._attempt.is_ours:
                    self._ended = LeaseLost()
                elif not is_wanted(self._document_id, self._run):
                    self._ended = Cancelled()
        return self._ended is not None

    def _left(self) -> list[int] | None:
        """Return the numbers of the pages that this run has not read; None = all, and it is not known how many."""
        count = Document.objects.values_list("page_count", flat=True).filter(pk=self._document_id).first()
        if not count:
            return None
        rows = Page.objects.filter(document=self._document_id, run=self._run)
        done = set(rows.values_list("number", flat=True))
        return [number for number in range(count) if number not in done]

    def _add(self, read: engine.Page | PageFailure) -> None:
        now = time.monotonic()
        if not self._group:
            # The first page of a document is shown at once.
            self._group_began = self._group_began and now
        self._group.append(read)
        if now - self._group_began >= GROUP_SECONDS or len(self._group) >= GROUP_PAGES:
            self._flush()
            self._group_began = time.monotonic()

    def _flush(self) -> None:
        if not self._group:
            return
        group, self._group = self._group, []
        found = {read.number: found_on(read) for read in group if isinstance(read, engine.Page)}
        with self._commit(made_progress=True) as document:
            _store(document, self._run, group, found)
            done = Page.objects.filter(document=document.pk, run=self._run).count()
            percent = min(99, 100 * done // max(1, document.page_count))
            if percent > document.progress:
                save_clean(document, progress=percent)

    def end(self, failure: str = "") -> None:
        """End the run.

        Args:
            failure: why the document could not be read, as a sentence for people. Pages that were read before stay.

        Raises:
            LeaseLost, Cancelled
        """
        with self._commit(made_progress=True) as document:
            status, reason = _outcome(document, self._run, failure)
            progress = document.progress if status == Status.FAILED else 100
            save_clean(document, status=status, progress=progress, failure_reason=reason[:_MAX_REASON_LENGTH])
            transaction.on_commit(documents_processed.labels(Status(status).name).inc)


def _store(
    document: Document,
    run: int,
    group: Iterable[engine.Page | PageFailure],
    found: Mapping[int, Sequence[Designation]],
) -> None:
    for read in group:
        store_found(document, read.number, found.get(read.number, ()))
        if isinstance(read, PageFailure):
            store_failure(document, run, read)
        else:
            store_page(document, run, read)


def _outcome(document: Document, run: int, failure: str) -> tuple[Status, str]:
    """Return the status at the end of a run, and the reason for people."""
    pages = Page.objects.filter(document=document.pk, run=run)
    failed = list(pages.exclude(failure_reason="").order_by("number").values_list("number", "failure_reason"))
    read = pages.filter(failure_reason="").count()
    if failure:
        return (Status.PARTIAL, f"{failure} {read} pages were read before.") if read else (Status.FAILED, failure)
    if failed and not read:
        reason = failed[0][1]
        return Status.FAILED, f"Failed to process PDF: {reason[:1].lower()}{reason[1:]}"
    if failed:
        return Status.PARTIAL, f"{_pages([number for number, _ in failed])} could not be read. {failed[0][1]}"
    partial = list(pages.filter(is_partial=True).order_by("number").values_list("number", flat=True))
    if partial:
        return Status.PARTIAL, f"{_pages(partial)} could not be read completely; see the warnings of the pages."
    return Status.READY, ""


def _pages(numbers: Sequence[int]) -> str:
    """Return the pages as people count them, from 1: `Pages 1, 2 and 7`."""
    shown = [str(number + 1) for number in numbers[:10]]
    if len(numbers) > len(shown):
        return f"{len(numbers)} pages ({', '.join(shown)}, …)"
    if len(shown) == 1:
        return f"Page {shown[0]}"
    return f"Pages {', '.join(shown[:-1])} and {shown[-1]}"
