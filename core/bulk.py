"""Bulk writes: a stream of items, written in chunks, each item with an outcome of its own.

A chunk is one transaction. What is wrong with an item is told of it and leaves the others alone. An item with an
idempotency key (`request_id`) that was written before is not written again, so a stream that was cut off is simply sent
once more. While a chunk is written the next one is read.

An item that repeats another's key in the same stream has that item's outcome: its error, or what was made of it. A key
that comes with another content is refused, wherever in the stream it comes again.
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
from core.db.thread_connections import fresh_connections, give_back
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
#: With what else an answer holds, less than the 4 MB that gRPC clients take.
MAX_ERROR_BYTES = 500_000
#: All or none must fit in one transaction, which waits for nobody: so they are read before it begins.
MAX_ATOMIC = 10_000
#: How many failed items with a key are remembered until the end of a stream, to answer those that repeat them.
MAX_REMEMBERED_FAILURES = 10_000
#: What an item may fail with by itself; anything else is the whole stream's failure.
ITEM_ERRORS = (ValidationError, Failure, PermissionDenied, ObjectDoesNotExist)


class BulkItem:
    """One item on its way into the database.

    Attributes:
        index: its place in the stream, from 0.
        values: what `read` made of the message.
        made: what `check` made of these, or why nothing can be made of them.
        problem: why it is not written; None = nothing is wrong so far.
        answer: what is kept for its idempotency key, as bytes.
        replayed: it was written before with this key: by an earlier call, or for an earlier item.
        repeats: the earlier item of its chunk with the same key and content, whose outcome it gets; None = none.
    """

    __slots__ = ("answer", "index", "key", "made", "problem", "repeats", "replayed", "request", "values")

    def __init__(self, index: int) -> None:
        self.index = index
        self.key = ""
        self.request = b""
        self.values: Any = None
        self.made: Any = None
        self.problem: Problem | None = None
        self.answer = b""
        self.replayed = False
        self.repeats: BulkItem | None = None

    def fail(self, raised: BaseException) -> None:
        self.problem = problem_of(raised)


@dataclass
class Outcome:
    """How a bulk write went.

    Attributes:
        written: how many items this call wrote.
        replayed: how many had been written before: by an earlier call, or for an earlier item with the same key.
        errors: the first items that were not written, with the reason: `MAX_ERRORS`, of `MAX_ERROR_BYTES` in all.
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
    """The keys of a stream's items that failed. The database keeps only those of items that were written."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[bytes, Problem]] = OrderedDict()

    def add(self, row: BulkItem) -> None:
        """Remembers a failed row under its key, unless an earlier one with this key is remembered."""
        if row.key and row.problem is not None and row.key not in self._kept:
            self._kept[row.key] = (hmac_digests(row.request)[0], row.problem)
            if len(self._kept) > MAX_REMEMBERED_FAILURES:
                self._kept.popitem(last=False)

    def of(self, row: BulkItem) -> Problem | None:
        """Why the row fails because of an earlier one with its key; None if no such row failed."""
        if row.key not in self._kept:
            return None
        request, problem = self._kept[row.key]
        return problem if request == hmac_digests(row.request)[0] else problem_of(_reused())


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that are written together.

    Attributes:
        scope: in whose name, and for which operation, their idempotency keys are kept.
        paths: field of the model -> path in the message, where they differ.
        answer: what is kept of what was made, to be given when the item is sent again.
        failures: the items of the stream's earlier chunks that failed.
        check_replayed: fails those of these replayed rows whose answer the caller may not see any more.
    """

    scope: tuple[str, str]
    rows: Sequence[BulkItem]
    paths: Mapping[str, str]
    answer: Callable[[Any], bytes]
    failures: Failures
    check_replayed: Callable[[Sequence[BulkItem]], None]

    def refuse(self, row: BulkItem, raised: Exception, field: str = "") -> None:
        """The row is not written, because of what a rule of the model raised.

        Args:
            field: the model's, where what was raised names none.
        """
        problem = problem_of(raised)
        violations = problem.violations
        if field and not violations:
            violations = (Violation(field, problem.reason.lower(), problem.message),)
        shown = tuple(Violation.at(shown_path(v.path, self.paths), v.code, v.message) for v in violations)
        row.problem = replace(problem, violations=shown)

    @property
    def good(self) -> list[BulkItem]:
        """Those with which nothing is wrong so far, and that are still to be written."""
        return [row for row in self.rows if row.problem is None and not row.replayed and row.repeats is None]

    def skip_replayed(self) -> None:
        """Mark the rows that were written before, that repeat others, and whose key was used for something else; of the
        others, those of which nothing could be made.
        """
        first = self._first_of_their_keys()
        if replayed := [row for row in self.rows if row.replayed]:
            self.check_replayed(replayed)
        for row in first:
            if (problem := self.failures.of(row)) is not None:
                row.problem = problem
        for row in self.good:
            if isinstance(row.made, Exception):
                self.refuse(row, row.made)

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
        """Give the rows that repeat others their outcome, and remember the failed ones for the chunks to come."""
        for row in self.rows:
            if (first := row.repeats) is None:
                self.failures.add(row)
            elif first.problem is not None:
                row.problem = first.problem
            else:
                row.problem, row.replayed, row.answer = None, True, first.answer

    def save(self, save: Callable[[Sequence[BulkItem]], None]) -> None:
        """Writes the good rows and keeps their keys: at once, or, where the database refuses, one after the other.

        Args:
            save: inserts rows; it may refuse some. Of one row alone, it tells what a broken constraint means.
        """
        rows = self.good
        try:
            with transaction.atomic():
                self._save(rows, save)
        except IntegrityError:
            for row in rows:
                # What was refused then may have been because of a row that is not written now.
                row.problem = None
                self._save_alone(row, save)

    def _save_alone(self, row: BulkItem, save: Callable[[Sequence[BulkItem]], None]) -> None:
        # Somebody may have written it with the same key a moment ago.
        alone = replace(self, rows=[row])
        alone.skip_replayed()
        if not alone.good:
            return
        try:
            with transaction.atomic():
                self._save([row], save)
        except ITEM_ERRORS as exc:
            self.refuse(row, exc)

    def _save(self, rows: Sequence[BulkItem], save: Callable[[Sequence[BulkItem]], None]) -> None:
        if rows:
            save(rows)
            keyed = [row for row in rows if row.key and row.problem is None]
            for row in keyed:
                row.answer = self.answer(row.made)
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
    """Writes the items of a stream.

    Args:
        read: gives a row's `values` from its message; raises what is wrong with it.
        check: the service that finds out for the call's actor what is `made` of each row. It runs while the chunk
            before is written, so it writes nothing and depends on no other row.
        save: the service that writes a chunk as the call's actor, in a transaction of its own.
        answer: what is kept of what the service made, for items with a key.
        paths: field of the model -> path in the message, where they differ.
        done: told of each chunk once it is committed.
        check_replayed: fails those of these replayed rows whose answer the caller may not see any more.

    Raises:
        Failure: the stream cannot go on; its metadata `committed_through` says how far it came.
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

    with _telling_how_far(outcome):
        if call.atomic:
            every = list(islice(rows, MAX_ATOMIC + 1))
            _write_all_or_none(every, chunks(every), save_chunk, outcome, done)
        else:
            with _Writer(save_chunk, note) as writer:
                for chunk in chunks(writer.supervised(rows)):
                    writer.wait()
                    call.look_again()
                    writer.write(chunk)
    return outcome


@contextmanager
def _telling_how_far(outcome: Outcome) -> Iterator[None]:
    """Whatever ends the stream tells how far it came."""
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
        away = Unavailable("The database is away; send the rest again.", committed_through=str(outcome.through))
        raise away from exc


class _Writer:
    """Writes one chunk at a time, in a thread with a connection of its own, while its owner reads and checks the next.

    Half of a chunk's time is the database's. What the owner has in a transaction stays in it, and what fits in one
    chunk needs no thread: these the owner writes itself.

    Args:
        save: writes a chunk.
        note: told, in the owner's thread, of each chunk that is written.
    """

    def __init__(self, save: Callable[[Chunk], None], note: Callable[[Sequence[BulkItem]], None]) -> None:
        self._save = save
        self._note = note
        self._given = SimpleQueue[Chunk | None]()
        self._ended = SimpleQueue[BaseException | None]()
        self._under_way: Chunk | None = None
        self._thread: Thread | None = None

    def write(self, chunk: Chunk) -> None:
        """Begins to write a chunk, once `wait` has seen the end of the one before."""
        if len(chunk.rows) < CHUNK or transaction.get_connection().in_atomic_block:
            self._save(chunk)
            self._note(chunk.rows)
            return
        if self._thread is None:
            # No thread to wait for when the process ends: what is not committed by then is sent again.
            self._thread = Thread(target=copy_context().run, args=(self._run,), name="bulk", daemon=True)
            self._thread.start()
        self._under_way = chunk
        self._given.put(chunk)

    def wait(self) -> None:
        """Waits until the chunk that was given is written; raises why it is not."""
        if self._under_way is None:
            return
        chunk, failure = self._under_way, self._ended.get()
        self._under_way = None
        if failure is not None:
            raise failure
        self._note(chunk.rows)

    def supervised(self, rows: Iterator[BulkItem]) -> Iterator[BulkItem]:
        """These rows; between them it is seen whether the chunk that was given has ended, for who sends slowly."""
        for row in rows:
            if not self._ended.empty():
                self.wait()
            yield row

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *raised: object) -> None:
        """However reading ended, what was begun is ended, and counts."""
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
                except BaseException as exc:  # Whoever waits for it gets it.
                    failure = exc
                give_back()
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
        raise invalid("x-bulk-mode", "max_items", f"At most {MAX_ATOMIC} items can be written all or none.")
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
    return IdempotencyKeyReused("This idempotency key was used with another request; take a new key.")


def error_fields(index: int, problem: Problem) -> dict[str, Any]:
    """What the messages of item errors have in common: `index`, `code` and `field_violations`."""
    violations = [
        common_pb2.FieldError(field=violation.field, message=violation.message, rule=violation.code)
        for violation in problem.violations
    ]
    return {"index": index, "code": problem.kind.grpc_code, "field_violations": violations}
