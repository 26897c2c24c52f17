"""The items of a bulk write, written in chunks, and the outcome of each."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from core import idempotency
from core.errors import Failure, IdempotencyKeyReused, Problem, Violation, problem_of
from core.field_paths import shown_path
from core.hmac_digests import hmac_digests
from tandem.common.v1 import common_pb2

MAX_ERRORS = 1_000
#: Together with the rest of the answer, less than the 4 MB that gRPC clients accept.
MAX_ERROR_BYTES = 500_000
#: How many failed items with a key are kept until the end of a stream, for the items that repeat them.
MAX_REMEMBERED_FAILURES = 10_000
#: The errors of a single item; any other error fails the whole stream.
ITEM_ERRORS = (ValidationError, Failure, PermissionDenied, ObjectDoesNotExist)


class BulkItem:
    """One item on its way into the database.

    Attributes:
        index: its place in the stream, from 0.
        values: the result of `read` for the message.
        instance: the result of `build` for the values: what is to be written, or the error for which it is not.
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
        """Settle the rows that are not to be written, so that `pending` holds only the others.

        These are rows that were written before, that repeat others, whose key was used for another request, or for
        which `build` returned an error.
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
        except (IntegrityError, *ITEM_ERRORS):  # The latter of a single row.
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


def _reused() -> IdempotencyKeyReused:
    return IdempotencyKeyReused("This idempotency key was used with another request; use a new key.")


def error_fields(index: int, problem: Problem) -> dict[str, Any]:
    """Return the fields that all messages of item errors have: `index`, `code` and `field_violations`."""
    violations = [
        common_pb2.FieldError(field=violation.field, message=violation.message, rule=violation.code)
        for violation in problem.violations
    ]
    return {"index": index, "code": problem.spec.grpc_code, "field_violations": violations}
