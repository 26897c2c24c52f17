"""Outcomes of the items of a bulk write, and the errors that its answer lists."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from core import idempotency
from core.bulk import chunks
from core.bulk.chunks import BulkItem, Chunk, Failures, Outcome, error_fields
from core.errors import AlreadyExists, Problem, Violation, invalid
from tandem.common.v1 import common_pb2

CONFLICT = Problem("CONFLICT", "ä" * 5)
REUSED = "This idempotency key was used with another request; use a new key."


def item(index: int, problem: Problem | None = None, *, key: str = "", request: bytes = b"") -> BulkItem:
    row = BulkItem(index)
    row.problem, row.key, row.request = problem, key, request
    return row


def replayed(index: int) -> BulkItem:
    row = item(index)
    row.replayed = True
    return row


def chunk(*rows: BulkItem, **paths: str) -> Chunk:
    return Chunk(("ann", "Create"), rows, paths, lambda instance: b"", Failures(), lambda rows: None)


def test_a_new_item_has_no_outcome() -> None:
    row = BulkItem(7)
    assert {name: getattr(row, name) for name in BulkItem.__slots__} == {
        "index": 7, "key": "", "request": b"", "values": None, "instance": None, "problem": None, "answer": b"",
        "replayed": False, "repeats": None,
    }  # fmt: skip


def test_items_are_counted_by_their_outcomes() -> None:
    outcome = Outcome()
    outcome.add([item(0), replayed(1), item(2, CONFLICT)])
    outcome.add([item(3), item(4), replayed(5), replayed(6), item(7, CONFLICT)])
    assert (outcome.written, outcome.replayed, outcome.through) == (3, 3, 8)
    assert outcome.errors == [(2, CONFLICT), (7, CONFLICT)]


def test_as_many_errors_are_listed_as_the_limit_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MAX_ERRORS", 2)
    outcome = Outcome()
    outcome.add([item(number, CONFLICT) for number in range(3)])
    assert [index for index, _ in outcome.errors] == [0, 1]
    assert outcome.through == 3


def listed(*problems: Problem) -> list[int]:
    outcome = Outcome()
    outcome.add([item(index, problem) for index, problem in enumerate(problems)])
    return [index for index, _ in outcome.errors]


def test_errors_are_listed_up_to_a_number_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each takes the ten bytes of its message.
    for limit, indices in ((31, [0, 1, 2]), (30, [0, 1]), (21, [0, 1]), (20, [0]), (1, [0])):
        monkeypatch.setattr(chunks, "MAX_ERROR_BYTES", limit)
        assert listed(CONFLICT, CONFLICT, CONFLICT) == indices
    # After one that does not fit, no smaller one is listed.
    monkeypatch.setattr(chunks, "MAX_ERROR_BYTES", 15)
    assert listed(CONFLICT, CONFLICT, Problem("CONFLICT", "x")) == [0]
    # A violation takes its texts and 20 bytes more: here 1 + 2 + 4 + 8 + 20 for each of the two.
    invalid_item = Problem("INVALID", "x", (Violation("ab", "code", "messages"), Violation("cd", "code", "messages")))
    for limit, indices in ((139, [0, 1]), (138, [0])):
        monkeypatch.setattr(chunks, "MAX_ERROR_BYTES", limit)
        assert listed(invalid_item, invalid_item) == indices


def test_a_repeated_failure_has_the_problem_of_the_first() -> None:
    failures = Failures()
    failures.add(item(0, CONFLICT, key="k", request=b"a"))
    failures.add(item(1, Problem("STALE", "Later."), key="k", request=b"b"))
    failures.add(item(2, None, key="good", request=b"a"))
    failures.add(item(3, CONFLICT, request=b"a"))
    assert failures.of(item(4, key="k", request=b"a")) == CONFLICT
    assert failures.of(item(5, key="k", request=b"b")) == Problem("IDEMPOTENCY_KEY_REUSED", REUSED)
    assert failures.of(item(6, key="good", request=b"a")) is None
    assert failures.of(item(7, request=b"a")) is None


def test_the_oldest_failures_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MAX_REMEMBERED_FAILURES", 2)
    failures = Failures()
    for key in "abc":
        failures.add(item(0, CONFLICT, key=key))
    assert [failures.of(item(1, key=key)) for key in "abc"] == [None, CONFLICT, CONFLICT]


@pytest.mark.parametrize(
    ("raised", "field", "violations"),
    [
        (invalid("name", "blank", "Give it."), "", [Violation("user.name", "required", "Give it.", ("user", "name"))]),
        # An error that names a field keeps it.
        (invalid("name", "blank", "Give it."), "x", [Violation("user.name", "required", "Give it.", ("user", "name"))]),
        (invalid("x", "choice", "No."), "", [Violation("x", "choice", "No.", ("x",))]),
        (AlreadyExists("Taken."), "name", [Violation("user.name", "already_exists", "Taken.", ("user", "name"))]),
        (AlreadyExists("Taken."), "", []),
        (PermissionDenied("Not you."), "", []),
    ],
)  # fmt: skip
def test_a_rejected_item_names_the_field_of_the_message(
    raised: Exception, field: str, violations: list[Violation]
) -> None:
    row = item(0)
    chunk(row, name="user.name").reject(row, raised, field)
    assert row.problem is not None
    assert list(row.problem.violations) == violations
    assert row.problem.message == (raised.messages[0] if isinstance(raised, ValidationError) else str(raised))
    row = item(1)
    chunk(row).reject(row, AlreadyExists("Taken."))
    assert row.problem == Problem("ALREADY_EXISTS", "Taken.")


def test_items_with_an_outcome_are_not_pending() -> None:
    first = item(0)
    repeating: Any = item(1)
    repeating.repeats = first
    assert chunk(first, repeating, item(2, CONFLICT), replayed(3)).pending == [first]


@pytest.mark.django_db
def test_an_item_that_another_call_writes_at_the_same_time_is_replayed() -> None:
    first, second = item(0, key="k", request=b"a"), item(1)
    both, saved = chunk(first, second), list[list[int]]()
    both.skip_replayed()
    idempotency.keep("ann", "Create", [("k", b"a", b"theirs")])
    both.save(lambda rows: saved.append([row.index for row in rows]))
    assert saved == [[0, 1], [1]]
    assert (first.problem, first.replayed, first.answer) == (None, True, b"theirs")
    assert (second.problem, second.replayed) == (None, False)


def test_the_fields_of_an_item_error() -> None:
    problem = Problem(
        "INVALID", "Both.", (Violation("a", "required", "Give a."), Violation("b", "choice", "Choose b."))
    )
    assert error_fields(3, problem) == {
        "index": 3,
        "code": 3,
        "field_violations": [
            common_pb2.FieldError(field="a", message="Give a.", rule="required"),
            common_pb2.FieldError(field="b", message="Choose b.", rule="choice"),
        ],
    }
    assert error_fields(0, CONFLICT) == {"index": 0, "code": 9, "field_violations": []}
