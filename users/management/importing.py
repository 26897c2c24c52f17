"""Bringing users in from a file, in a way that can be stopped at any row and gone on with."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from django.core.exceptions import ValidationError
from django.db import transaction
from google.protobuf.message import Message

from core import bulk
from core.auth import Credential
from core.database.hygiene import refresh
from core.errors import Problem, Unavailable
from core.interchange import BadFile, Item, report, shown
from core.keyed import digests
from core.operations import Call
from users import messages, services
from users.management.files import IMPORT


class Import:
    """One run over the rows of a file.

    Args:
        items: the rows.
        prefix: what fields are shown without.
        errors: the file for rows that are not written; made with the first of them.
        done: called after each chunk.
        whole_rows: rows keep their hashes in the file of errors, so that they can be imported from there.
        send_resets: accounts without a password are mailed a token to set one.
        dry_run: what is written is taken back at the end.

    Attributes:
        outcome: of the rows whose chunks are committed.
        without_password: how many of the accounts that were written have no password.
        line: the last of those rows' first line; 0 = none yet.
        stopped: why it ended before the file did, in a sentence; empty if it did not.
    """

    def __init__(
        self,
        items: Iterator[Item],
        prefix: str,
        errors: Path,
        done: Callable[[], None],
        *,
        whole_rows: bool = False,
        send_resets: bool = False,
        dry_run: bool = False,
    ) -> None:
        self.outcome = bulk.Outcome()
        self.without_password = 0
        self.line = 0
        self.stopped = ""
        self._items = items
        self._prefix = prefix
        self._errors_path = errors
        self._errors: TextIO | None = None
        self._done = done
        self._whole_rows = whole_rows
        self._send_resets = send_resets
        self._dry_run = dry_run
        self._in_chunk: deque[Item] = deque()
        self._reading = False

    @property
    def failed(self) -> int:
        """How many rows were not written."""
        return self.outcome.through - self.outcome.written - self.outcome.replayed

    def run(self, actor: Any) -> None:
        """Writes the rows as this actor, until the file ends, cannot be read, somebody stops it, or the database goes.

        Raises:
            PermissionDenied: the actor may not.
        """
        services.check_may_import(actor)
        self._errors_path.unlink(missing_ok=True)
        call = Call(IMPORT, Credential(actor))
        try:
            with self._stopped_by_signals(), self._taken_back() if self._dry_run else nullcontext():
                bulk.write(
                    call,
                    self._messages(),
                    messages.imported_fields,
                    services.check_imported,
                    partial(services.import_users, send_resets=self._send_resets),
                    answer=services.import_answer,
                    paths=messages.IMPORT_PATHS,
                    done=self._note,
                )
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

    def _messages(self) -> Iterator[Message | ValidationError]:
        """Each with a key, so that a second run knows it again; ends where the run is to stop."""
        while (item := self._next()) is not None:
            message: Any = item.message
            if not isinstance(item.message, ValidationError) and not message.request_id:
                # Keyed, as a plain hash of a row with a password hash would let anyone try what the row was.
                message.request_id = digests(message.SerializeToString(deterministic=True))[0].hex()
            self._in_chunk.append(item)
            yield message

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

    def _note(self, rows: Sequence[bulk.Row]) -> None:
        """The rows' chunk is committed."""
        self.outcome.add(rows)
        for row in rows:
            item = self._in_chunk.popleft()
            self.line = item.line
            if row.problem is not None:
                self._report(item, row.problem)
            elif not row.replayed and not row.made.has_usable_password():
                self.without_password += 1
        if self._errors is not None:
            self._errors.flush()
        # With DEBUG=true Django keeps every statement, a chunk long.
        refresh()
        self._done()

    def _report(self, item: Item, problem: Problem) -> None:
        if self._errors is None:
            # Rows are about people.
            self._errors = open(  # noqa: SIM115 - Path.open takes no opener; `run` closes it
                self._errors_path, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)
            )
        row = shown(item, IMPORT.method.input_type, masked=not self._whole_rows)
        self._errors.write(report(item.line, problem, self._prefix, row))
