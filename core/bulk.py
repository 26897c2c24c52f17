"""Bulk writes: a stream of items, written in chunks, each item with its own outcome.

A chunk is one transaction. An invalid item is reported and does not affect the others. An item with an idempotency key
(`request_id`) that was written before is not written again, so a client resumes an interrupted stream by sending it
again. While a chunk is written the next one is read.

An item that repeats the key of another item of the stream gets that item's outcome: its error, or what was written. A
key that is repeated with other content is rejected, anywhere in the stream.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import IntegrityError, connections, transaction
from google.protobuf.message import Message

from core import idempotency
from core.db.thread_connections import fresh_connections, release_connections
from core.errors import (
    DeadlineExceeded,
    Failure,
    IdempotencyKeyReused,
    Problem,
    Unavailable,
    Violation,
    invalid,
    is_database_away,
    is_statement_ended,
    problem_of,
    shown_path,
)
from core.hmac_digests import hmac_digests
from core.operations import Call, idempotency_key, principal
from tandem.common.v1 import common_pb2

CHUNK = 500
MAX_ERRORS = 1_000
#: Together with the rest of the answer, less than the 4 MB that gRPC clients accept.
MAX_ERROR_BYTES = 500_000
#: An atomic write is one transaction, which must not wait for the client: its items are read before it begins.
MAX_ATOMIC = 10_000
#: How many failed items with a key are kept until the end of a stream, for the items that repeat them.
MAX_REMEMBERED_FAILURES = 10_000
#: The errors of a single item; any other error fails the whole stream.
ITEM_ERRORS = (ValidationError, Failure, PermissionDenied, ObjectDoesNotExist)


class BulkItem:
    """One item on its way into the database.

    Attributes:
        index: its place in the stream, from 0.
        values: the result of `read` for the message.
        instance: the result of `check` for the values, or the exception that it raised.
        problem: why it is not written; None = no error so far.
        answer: what is kept for its idempotency key, as bytes.
        replayed: it was written before with this key: by an earlier call, or for an earlier item.
        repeats: the earlier item of its chunk with the same key and content, whose outcome it gets; None = none.
    """

    __slots__ = ("answer", "index", "instance", "key", "problem", "repeats", "replayed", "request", "values")

    def __init__(self, index: int) -> None:
        self.index = index
        self.key = ""
        self.request = b""
        self.values: Any = None
        self.instance: Any = None
        self.problem: Problem | None = None
        self.answer = b""
        self.replayed = False
        self.repeats: BulkItem | None = None

    def fail(self, raised: BaseException) -> None:
        self.problem = problem_of(raised)


@dataclass
class Outcome:
    """The outcome of a bulk write.

    Attributes:
        written: how many items this call wrote.
        replayed: how many had been written before: by an earlier call, or for an earlier item with the same key.
        errors: the first items that were not written, each with its problem: at most `MAX_ERRORS`, of `MAX_ERROR_BYTES`
            in all.
        through: how many items, from the first, have a final outcome.
    """

    written: int = 0
    replayed: int = 0
    errors: list[tuple[int, Problem]] = field(default_factory=list)
    through: int = 0
    _error_bytes: int = 0

    def add(self, rows: Sequence[BulkItem]) -> None:
        for row in rows:
            if row.problem is not None:
                self._add_error(row.index, row.problem)
            elif row.replayed:
                self.replayed += 1
            else:
                self.written += 1
        self.through += len(rows)

    def _add_error(self, index: int, problem: Problem) -> None:
        if len(self.errors) >= MAX_ERRORS or self._error_bytes >= MAX_ERROR_BYTES:
            return
        self._error_bytes += len(problem.message.encode()) + sum(
            20 + len(f"{violation.field}{violation.code}{violation.message}".encode())
            for violation in problem.violations
        )
        if self._error_bytes < MAX_ERROR_BYTES or not self.errors:
            self.errors.append((index, problem))


class Failures:
    """The keys of a stream's failed items. The database keeps only the keys of items that were written."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[bytes, Problem]] = OrderedDict()

    def add(self, row: BulkItem) -> None:
        """Keep a failed row under its key, unless an earlier one is kept under this key."""
        if row.key and row.problem is not None and row.key not in self._kept:
            self._kept[row.key] = (hmac_digests(row.request)[0], row.problem)
            if len(self._kept) > MAX_REMEMBERED_FAILURES:
                self._kept.popitem(last=False)

    def of(self, row: BulkItem) -> Problem | None:
        """Return the problem of the row if an earlier row with its key failed, else None."""
        if row.key not in self._kept:
            return None
        request, problem = self._kept[row.key]
        return problem if request == hmac_digests(row.request)[0] else problem_of(_reused())


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that are written together.

    Attributes:
        scope: the principal and the operation that their idempotency keys belong to.
        paths: field of the model -> path in the message, where they differ.
        answer: makes what is kept of an instance, for a replay of the item.
        failures: the failed items of the stream's earlier chunks.
        check_replayed: fails the replayed rows whose answer the caller may no longer see.
    """

    scope: tuple[str, str]
    rows: Sequence[BulkItem]
    paths: Mapping[str, str]
    answer: Callable[[Any], bytes]
    failures: Failures
    check_replayed: Callable[[Sequence[BulkItem]], None]

    def reject(self, row: BulkItem, raised: Exception, field: str = "") -> None:
        """Reject the row for an error that a rule of the model raised.

        Args:
            field: of the model, if the error names none.
        """
        problem = problem_of(raised)
        violations = problem.violations
        if field and not violations:
            violations = (Violation(field, problem.reason.lower(), problem.message),)
        shown = tuple(Violation.at(shown_path(v.path, self.paths), v.code, v.message) for v in violations)
        row.problem = replace(problem, violations=shown)

    @property
    def pending(self) -> list[BulkItem]:
        """The rows without an error that are still to be written."""
        return [row for row in self.rows if row.problem is None and not row.replayed and row.repeats is None]

    def skip_replayed(self) -> None:
        """Mark the rows that were written before, that repeat others, or whose key was used for another request; reject
        those of the others for which `check` raised.
        """
        first = self._first_of_their_keys()
        if replayed := [row for row in self.rows if row.replayed]:
            self.check_replayed(replayed)
        for row in first:
            if (problem := self.failures.of(row)) is not None:
                row.problem = problem
        for row in self.pending:
            if isinstance(row.instance, Exception):
                self.reject(row, row.instance)

    def _first_of_their_keys(self) -> list[BulkItem]:
        """Mark the rows whose keys were used before, in the database or in this chunk; return the others with a key."""
        keyed = [row for row in self.rows if row.key]
        kept = idempotency.kept(*self.scope, {row.key for row in keyed})
        first: dict[str, BulkItem] = {}
        for row in keyed:
            if (record := kept.get(row.key)) is not None:
                if record.is_of(row.request):
                    row.problem, row.replayed, row.answer = None, True, record.answer
                else:
                    row.fail(_reused())
            elif (earlier := first.setdefault(row.key, row)) is not row:
                if earlier.request == row.request:
                    row.repeats = earlier
                else:
                    row.fail(_reused())
        return list(first.values())

    def settle_repeats(self) -> None:
        """Give the rows that repeat others their outcome, and keep the failed rows for the following chunks."""
        for row in self.rows:
            if (first := row.repeats) is None:
                self.failures.add(row)
            elif first.problem is not None:
                row.problem = first.problem
            else:
                row.problem, row.replayed, row.answer = None, True, first.answer

    def save(self, save: Callable[[Sequence[BulkItem]], None]) -> None:
        """Write the rows without an error and keep their keys: all at once or, if a constraint is violated, one by one.

        Args:
            save: inserts rows and may reject some. For a single row it raises the error that a violated constraint
                stands for.
        """
        rows = self.pending
        try:
            with transaction.atomic():
                self._save(rows, save)
        except IntegrityError:
            for row in rows:
                # An earlier rejection may have been caused by a row that is not written now.
                row.problem = None
                self._save_alone(row, save)

    def _save_alone(self, row: BulkItem, save: Callable[[Sequence[BulkItem]], None]) -> None:
        # A concurrent call may have written it with the same key.
        alone = replace(self, rows=[row])
        alone.skip_replayed()
        if not alone.pending:
            return
        try:
            with transaction.atomic():
                self._save([row], save)
        except ITEM_ERRORS as exc:
            self.reject(row, exc)

    def _save(self, rows: Sequence[BulkItem], save: Callable[[Sequence[BulkItem]], None]) -> None:
        if rows:
            save(rows)
            keyed = [row for row in rows if row.key and row.problem is None]
            for row in keyed:
                row.answer = self.answer(row.instance)
            idempotency.keep(*self.scope, [(row.key, row.request, row.answer) for row in keyed])


def write(
    call: Call,
    items: Iterable[Message | ValidationError],
    read: Callable[[Any], Any],
    check: Callable[[Any, Chunk], None],
    save: Callable[[Any, Chunk], None],
    *,
    answer: Callable[[Any], bytes],
    paths: Mapping[str, str] | None = None,
    done: Callable[[Sequence[BulkItem]], None] = lambda rows: None,
    check_replayed: Callable[[Sequence[BulkItem]], None] = lambda rows: None,
) -> Outcome:
    """Write the items of a stream.

    Args:
        read: returns a row's `values` from its message; raises if the message is invalid.
        check: the service that sets `instance` of each row for the call's actor. It runs while the previous chunk is
            written, so it writes nothing and depends on no other row.
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
        while part := list(islice(rows, CHUNK)):
            chunk = Chunk(scope, part, paths or {}, answer, failures, check_replayed)
            check(call.actor, chunk)
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
        if len(chunk.rows) < CHUNK or transaction.get_connection().in_atomic_block:
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
        """Yield the rows. Between them, notice the end of the current chunk, for clients that send slowly."""
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


def _reused() -> IdempotencyKeyReused:
    return IdempotencyKeyReused("This idempotency key was used with another request; use a new key.")


def error_fields(index: int, problem: Problem) -> dict[str, Any]:
    """Return the fields that all messages of item errors have: `index`, `code` and `field_violations`."""
    violations = [
        common_pb2.FieldError(field=violation.field, message=violation.message, rule=violation.code)
        for violation in problem.violations
    ]
    return {"index": index, "code": problem.kind.grpc_code, "field_violations": violations}
