"""A run over the rows of a file: it can be stopped at any row and resumed, and reports the rows that fail."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import ProgrammingError, transaction
from psycopg2.errors import UndefinedColumn, UndefinedTable

from core import bulk
from core.db.outages import is_database_away
from core.db.thread_connections import refresh
from core.errors import Problem, Unavailable
from core.files.messages import BadFile, Item, report

#: Exit codes of commands that read or write a file: some rows were not written; nothing was done.
NOT_ALL, WRONG_USE = 1, 2


@contextmanager
def command_errors(path: str) -> Iterator[None]:
    """Turn the failures of a command that reads or writes this file into a CommandError with an exit code."""
    try:
        yield
    except OSError as exc:
        raise CommandError(f"{exc.filename or path}: {exc.strerror}.", returncode=WRONG_USE) from exc
    except BadFile as exc:
        raise CommandError(f"{path}: {exc}", returncode=WRONG_USE) from exc
    except ProgrammingError as exc:
        if not isinstance(exc.__cause__, UndefinedTable | UndefinedColumn):
            raise
        raise CommandError("The database is not migrated; run manage.py migrate first.", returncode=WRONG_USE) from exc
    except Exception as exc:
        if not is_database_away(exc):
            raise
        raise CommandError("The database is unavailable; try again.", returncode=NOT_ALL) from exc


def path_of_errors(path: str, chosen: str | None) -> Path:
    """Return the path of the file for rejected rows: the chosen one, or a name after that of the input file.

    Raises:
        CommandError: it is the input file.
    """
    errors = Path(chosen or f"{'stdin' if path == '-' else path}.errors.jsonl")
    if path != "-" and errors.resolve() == Path(path).resolve():
        raise CommandError("--errors names the input file; choose another file.", returncode=WRONG_USE)
    return errors


def read_first(items: Iterator[Item]) -> Iterator[Item]:
    """Return the same rows, but read the first at once, so that a file of another kind is rejected before any write.

    Raises:
        BadFile: from this function for the first row, from the iterator for the others.
    """
    first = next(items, None)
    return chain(() if first is None else (first,), items)


class FileImport:
    """A run over the rows of a file; a subclass defines its rows.

    Args:
        items: the rows.
        errors: the file for rows that are not written; created with the first of them.
        done: called after each chunk.
        dry_run: roll all writes back at the end.

    Attributes:
        outcome: of the rows whose chunks are committed.
        line: the first line of the last of these rows; 0 = no row yet.
        stopped: why the run ended before the end of the file, as a sentence; empty if it did not.
    """

    #: Removed from the names of fields in reports.
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
        """The number of rows that were not written."""
        return self.outcome.through - self.outcome.written - self.outcome.replayed

    def prepare(self, item: Item) -> Any:
        """Return what to write of a valid row."""
        return item.message

    def json_values(self, item: Item) -> Any:
        """Return the row's JSON values, for its report."""
        return item.sent

    def count(self, row: bulk.BulkItem) -> None:
        """Do nothing. Subclasses count the row here; it is committed, or equal to what was stored."""

    def write(self, rows: Iterator[Any], done: Callable[[Sequence[bulk.BulkItem]], None]) -> None:
        """Write the rows by `bulk.write`."""
        raise NotImplementedError

    def run_to_its_end(self) -> None:
        """Write the rows until the file ends or cannot be read, a signal arrives, or the database is unavailable."""
        self._errors_path.unlink(missing_ok=True)
        try:
            with self._stopping_on_signals(), self._rolling_back() if self._dry_run else nullcontext():
                self.write(self._rows(), self._note)
        except Unavailable:
            self.stopped = "The database is unavailable."
        finally:
            if self._errors is not None:
                self._errors.close()

    @contextmanager
    def _rolling_back(self) -> Iterator[None]:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)

    def _rows(self) -> Iterator[Any]:
        """Yield the rows until the run is stopped."""
        while (item := self._next()) is not None:
            row = item.message if isinstance(item.message, ValidationError) else self.prepare(item)
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
    def _stopping_on_signals(self) -> Iterator[None]:
        """Handle signals: the first one stops the run after the current chunk, the second one kills it."""

        def stop(number: int, frame: Any) -> None:
            self.stopped = f"Stopped by {signal.Signals(number).name}."
            signal.signal(number, signal.SIG_DFL)
            if self._reading:
                # Interrupting a read loses nothing, and the next row may take long to arrive.
                raise KeyboardInterrupt

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, rows: Sequence[bulk.BulkItem]) -> None:
        """Note that the chunk of these rows is committed."""
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
        # With DEBUG=true Django logs every statement; this limits the log to a chunk.
        refresh()
        self._done()

    def _report(self, item: Item, problem: Problem) -> None:
        if self._errors is None:
            # Readable only by its owner, because rows hold personal data.
            self._errors = open(  # noqa: SIM115 - Path.open takes no opener; `run_to_its_end` closes it
                self._errors_path,
                "w",
                encoding="utf-8",
                # UTF-8 cannot encode a lone surrogate; it is written as JSON escapes it.
                errors="backslashreplace",
                opener=lambda path, flags: os.open(path, flags, 0o600),
            )
        self._errors.write(report(item.line, problem, self.prefix, self.json_values(item)))
