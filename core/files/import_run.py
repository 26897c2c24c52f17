"""One run over the rows of a file: it can be stopped at any row and gone on with, and reports the rows that fail."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from django.core.exceptions import ValidationError
from django.db import transaction

from core import bulk
from core.db.thread_connections import refresh
from core.errors import Problem, Unavailable
from core.files.messages import BadFile, Item, report


def begun(items: Iterator[Item]) -> Iterator[Item]:
    """The same rows, the first of which is read at once: so a file of another kind is refused before anything is done.

    Raises:
        BadFile: from the call for the first row, from the iterator for the others.
    """
    first = next(items, None)
    return chain(() if first is None else (first,), items)


class FileImport:
    """One run; a subclass defines what a row is.

    Args:
        items: the rows.
        errors: the file for rows that are not written; made with the first of them.
        done: called after each chunk.
        dry_run: what is written is taken back at the end.

    Attributes:
        outcome: of the rows whose chunks are committed.
        line: the last of those rows' first line; 0 = none yet.
        stopped: why it ended before the file did, in a sentence; empty if it did not.
    """

    #: What the names of fields are shown without.
    prefix = ""

    def __init__(self, items: Iterator[Item], errors: Path, done: Callable[[], None], *, dry_run: bool = False) -> None:
        self.outcome = bulk.Outcome()
        self.line = 0
        self.stopped = ""
        self._items = items
        self._errors_path = errors
        self._errors: TextIO | None = None
        self._done = done
        self._dry_run = dry_run
        self._in_chunk: deque[Item] = deque()
        self._reading = False

    @property
    def failed(self) -> int:
        """How many rows were not written."""
        return self.outcome.through - self.outcome.written - self.outcome.replayed

    def prepared(self, item: Item) -> Any:
        """What is written of a row of which something could be made."""
        return item.message

    def shown(self, item: Item) -> Any:
        """The row's JSON values, for its report."""
        return item.sent

    def count(self, row: bulk.BulkItem) -> None:
        """Called with each row that is committed, also as unchanged."""

    def write(self, rows: Iterator[Any], done: Callable[[Sequence[bulk.BulkItem]], None]) -> None:
        """Write the rows by `bulk.write`."""
        raise NotImplementedError

    def run_to_its_end(self) -> None:
        """Write the rows until the file ends or cannot be read, a signal comes, or the database goes."""
        self._errors_path.unlink(missing_ok=True)
        try:
            with self._stopped_by_signals(), self._taken_back() if self._dry_run else nullcontext():
                self.write(self._rows(), self._note)
        except Unavailable:
            self.stopped = "The database is away."
        finally:
            if self._errors is not None:
                self._errors.close()

    @contextmanager
    def _taken_back(self) -> Iterator[None]:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)

    def _rows(self) -> Iterator[Any]:
        """Ends where the run is to stop."""
        while (item := self._next()) is not None:
            row = item.message if isinstance(item.message, ValidationError) else self.prepared(item)
            self._in_chunk.append(item)
            yield row

    def _next(self) -> Item | None:
        try:
            self._reading = True
            return None if self.stopped else next(self._items, None)
        except BadFile as exc:
            self.stopped = str(exc)
        except OSError as exc:
            self.stopped = f"{exc.strerror}."
        except KeyboardInterrupt:
            pass
        finally:
            self._reading = False
        return None

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        """The first signal stops the run after the running chunk, a second one kills it."""

        def stop(number: int, frame: Any) -> None:
            self.stopped = f"Stopped by {signal.Signals(number).name}."
            signal.signal(number, signal.SIG_DFL)
            if self._reading:
                # Nothing is lost by it, and the next row may be long in coming.
                raise KeyboardInterrupt

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, rows: Sequence[bulk.BulkItem]) -> None:
        """The rows' chunk is committed."""
        self.outcome.add(rows)
        for row in rows:
            item = self._in_chunk.popleft()
            self.line = item.line
            if row.problem is not None:
                self._report(item, row.problem)
            else:
                self.count(row)
        if self._errors is not None:
            self._errors.flush()
        # With DEBUG=true Django keeps every statement, a chunk long.
        refresh()
        self._done()

    def _report(self, item: Item, problem: Problem) -> None:
        if self._errors is None:
            # Rows are about people.
            self._errors = open(  # noqa: SIM115 - Path.open takes no opener; `run_to_its_end` closes it
                self._errors_path,
                "w",
                encoding="utf-8",
                # Half of a surrogate pair, which UTF-8 has no form for, as JSON escapes it.
                errors="backslashreplace",
                opener=lambda path, flags: os.open(path, flags, 0o600),
            )
        self._errors.write(report(item.line, problem, self.prefix, self.shown(item)))
