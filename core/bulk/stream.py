"""A stream of items that is written in chunks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections, transaction
from google.protobuf.message import Message

from core.actors import Actor
from core.bulk.chunks import ITEM_ERRORS, BulkItem, Chunk, Failures, Outcome
from core.db.outages import is_database_away, is_statement_ended
from core.db.thread_connections import fresh_connections, release_connections
from core.errors import DeadlineExceeded, Failure, Unavailable, invalid, problem_of
from core.execution import idempotency_key, principal
from core.operations import Call

CHUNK_SIZE = 500
#: An atomic write is one transaction, which must not wait for the client: its items are read before it begins.
MAX_ATOMIC = 10_000


def write(
    call: Call,
    items: Iterable[Message | ValidationError],
    read: Callable[[Any], Any],
    build: Callable[[Actor, Sequence[Any]], Sequence[Any]],
    save: Callable[[Actor, Chunk], None],
    *,
    answer: Callable[[Any], bytes],
    paths: Mapping[str, str] | None = None,
    done: Callable[[Sequence[BulkItem]], None] = lambda rows: None,
    check_replayed: Callable[[Sequence[BulkItem]], None] = lambda rows: None,
) -> Outcome:
    """Write the items of a stream.

    Args:
        read: returns a row's `values` from its message; raises if the message is invalid.
        build: the service that makes the `instance` of each row for the call's actor from their `values`, or an error
            in its place. It runs while the previous chunk is written, so it writes nothing and depends on no other row.
        save: the service that writes a chunk as the call's actor, in a separate transaction.
        answer: returns what is kept of an instance, for items with a key.
        paths: field of the model -> path in the message, where they differ.
        done: called with the rows of each chunk once it is committed.
        check_replayed: fails the replayed rows whose answer the caller may no longer see.

    Raises:
        Failure: the stream cannot continue; `committed_through` in its metadata is the number of final items.
    """
    outcome = Outcome()
    rows = _rows(items, read)
    scope = principal(call), call.operation.name
    failures = Failures()

    def chunks(rows: Iterable[BulkItem]) -> Iterator[Chunk]:
        rows = iter(rows)
        while part := list(islice(rows, CHUNK_SIZE)):
            chunk = Chunk(scope, part, paths or {}, answer, failures, check_replayed)
            pending = chunk.pending
            for row, instance in zip(pending, build(call.actor, [row.values for row in pending]), strict=True):
                row.instance = instance
            yield chunk

    def note(part: Sequence[BulkItem]) -> None:
        outcome.add(part)
        done(part)

    def save_chunk(chunk: Chunk) -> None:
        save(call.actor, chunk)
        chunk.settle_repeats()

    with _reporting_progress(outcome):
        if call.atomic:
            every = list(islice(rows, MAX_ATOMIC + 1))
            _write_all_or_none(every, chunks(every), save_chunk, outcome, done)
        else:
            with _Writer(save_chunk, note) as writer:
                for chunk in chunks(writer.supervised(rows)):
                    writer.wait()
                    call.reauthorize()
                    writer.write(chunk)
    return outcome


@contextmanager
def _reporting_progress(outcome: Outcome) -> Iterator[None]:
    """Add `committed_through` to the failure that ends the stream."""
    try:
        yield
    except Failure as exc:
        exc.metadata = {**exc.metadata, "committed_through": str(outcome.through)}
        raise
    except Exception as exc:
        if is_statement_ended(exc):
            raise DeadlineExceeded(problem_of(exc).message, committed_through=str(outcome.through)) from exc
        if not is_database_away(exc):
            raise
        away = Unavailable("The database is unavailable; send the rest again.", committed_through=str(outcome.through))
        raise away from exc


class _Writer:
    """Writes one chunk at a time, in a thread with its own connection, while the owner reads and checks the next.

    Half of a chunk's time is spent in the database. The owner writes a chunk itself if it is in a transaction, which
    the chunk then belongs to, or if the chunk is not full, which needs no thread.

    Args:
        save: writes a chunk.
        note: called in the owner's thread with the rows of each written chunk.
    """

    def __init__(self, save: Callable[[Chunk], None], note: Callable[[Sequence[BulkItem]], None]) -> None:
        self._save = save
        self._note = note
        self._given = SimpleQueue[Chunk | None]()
        self._ended = SimpleQueue[BaseException | None]()
        self._under_way: Chunk | None = None
        self._thread: Thread | None = None

    def write(self, chunk: Chunk) -> None:
        """Start to write a chunk; call `wait` for the previous one first."""
        if len(chunk.rows) < CHUNK_SIZE or transaction.get_connection().in_atomic_block:
            self._save(chunk)
            self._note(chunk.rows)
            return
        if self._thread is None:
            # A daemon, so that the process can end: the client sends again what is not committed by then.
            self._thread = Thread(target=copy_context().run, args=(self._run,), name="bulk", daemon=True)
            self._thread.start()
        self._under_way = chunk
        self._given.put(chunk)

    def wait(self) -> None:
        """Wait until the current chunk is written; raise the exception that prevented it."""
        if self._under_way is None:
            return
        chunk, failure = self._under_way, self._ended.get()
        self._under_way = None
        if failure is not None:
            raise failure
        self._note(chunk.rows)

    def supervised(self, rows: Iterator[BulkItem]) -> Iterator[BulkItem]:
        """Yield the rows. Between them, report the end of the current chunk, which must not wait for a slow client."""
        for row in rows:
            if not self._ended.empty():
                self.wait()
            yield row

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *raised: object) -> None:
        """Wait for the current chunk, which counts even if reading has failed."""
        try:
            self.wait()
        finally:
            if self._thread is not None:
                self._given.put(None)
                self._thread.join()

    def _run(self) -> None:
        try:
            while (chunk := self._given.get()) is not None:
                failure = None
                try:
                    with fresh_connections():
                        self._save(chunk)
                except BaseException as exc:  # `wait` raises it in the owner's thread.
                    failure = exc
                release_connections()
                self._ended.put(failure)
        finally:
            connections.close_all()


def _write_all_or_none(
    every: Sequence[BulkItem],
    chunks: Iterable[Chunk],
    save: Callable[[Chunk], None],
    outcome: Outcome,
    done: Callable[[Sequence[BulkItem]], None],
) -> None:
    if len(every) > MAX_ATOMIC:
        raise invalid("x-bulk-mode", "max_items", f"An atomic write has at most {MAX_ATOMIC} items.")
    with transaction.atomic():
        for chunk in chunks:
            save(chunk)
        failed = [row for row in every if row.problem is not None]
        transaction.set_rollback(bool(failed))
    if failed:
        outcome.add(failed)
    else:
        outcome.add(every)
        done(every)
    outcome.through = len(every)


def _rows(items: Iterable[Message | ValidationError], read: Callable[[Any], Any]) -> Iterator[BulkItem]:
    for index, item in enumerate(items):
        row = BulkItem(index)
        try:
            if isinstance(item, ValidationError):
                raise item
            message: Any = item
            if getattr(message, "request_id", ""):
                row.key = idempotency_key(message.request_id, "request_id")
                row.request = message.SerializeToString(deterministic=True)
            row.values = read(message)
        except ITEM_ERRORS as exc:
            row.fail(exc)
        yield row
