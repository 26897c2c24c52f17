"""Bringing users in from a file, in a way that can be stopped at any row and gone on with."""

import json
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.core.exceptions import ValidationError
from google.protobuf.message import Message

from core import bulk
from core.auth import Credential
from core.database.hygiene import refresh
from core.errors import Problem, Unavailable
from core.interchange import BadFile, Item, shown
from core.keyed import digests
from core.operations import Call
from users import messages, services
from users.management.files import CSV, IMPORT


class Import:
    """One run over the rows of a file.

    Args:
        items: the rows.
        errors: the file for rows that are not written; made with the first of them.
        done: told after each chunk.

    Attributes:
        outcome: of the rows whose chunks are committed.
        line: the last of those rows' first line; 0 = none yet.
        stopped: why it ended before the file did, in a sentence; empty if it did not.
    """

    def __init__(self, items: Iterator[Item], file_format: str, errors: Path, done: Callable[[], None]) -> None:
        self.outcome = bulk.Outcome()
        self.line = 0
        self.stopped = ""
        self._items = items
        self._prefix = "user." if file_format == CSV else ""
        self._errors_path = errors
        self._errors: TextIO | None = None
        self._done = done
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
            with self._stopped_by_signals():
                bulk.write(
                    call,
                    self._messages(),
                    messages.imported_fields,
                    services.check_imported,
                    services.import_users,
                    answer=services.import_answer,
                    paths=messages.IMPORT_PATHS,
                    done=self._note,
                )
        except Unavailable:
            self.stopped = "The database is away."
        finally:
            if self._errors is not None:
                self._errors.close()

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
                self._tell(item, row.problem)
        if self._errors is not None:
            self._errors.flush()
        # With DEBUG=true Django keeps every statement, a chunk long.
        refresh()
        self._done()

    def _tell(self, item: Item, problem: Problem) -> None:
        if self._errors is None:
            # Rows are about people.
            self._errors = open(  # noqa: SIM115 - Path.open takes no opener; `run` closes it
                self._errors_path, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)
            )
        told = {
            "line": item.line,
            "reason": problem.reason,
            "message": problem.message,
            "fields": [
                {"field": v.field.removeprefix(self._prefix), "code": v.code, "message": v.message}
                for v in problem.violations
            ],
            "row": shown(item, IMPORT.method.input_type),
        }
        self._errors.write(json.dumps(told, ensure_ascii=False) + "\n")
