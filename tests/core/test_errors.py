"""The table of failures: the problem that each exception becomes."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, RequestDataTooBig, ValidationError
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError

from core import errors
from core.db.outages import is_database_away, is_statement_ended
from core.errors import (
    MAX_VIOLATIONS,
    MoreFaults,
    Problem,
    Violation,
    invalid,
    problem_of,
)
from core.field_paths import rename_fields, shown_path
from tasks.models import Task


class FromPostgres(Exception):
    """The driver's exception, with PostgreSQL's code."""

    def __init__(self, pgcode: str) -> None:
        self.pgcode = pgcode


def caused(exc: Exception, pgcode: str) -> Exception:
    """Return the exception as Django raises it for this code of PostgreSQL."""
    exc.__cause__ = FromPostgres(pgcode)
    return exc


@pytest.mark.parametrize(
    ("fail", "problem"),
    [
        (lambda: errors.Conflict("Not now."), Problem("CONFLICT", "Not now.")),
        (
            lambda: errors.Conflict("Not now.", state="open"),
            Problem("CONFLICT", "Not now.", metadata={"state": "open"}),
        ),
        (lambda: errors.RateLimited("Slowly.", 2.5), Problem("RATE_LIMITED", "Slowly.", retry_after_seconds=2.5)),
        (lambda: errors.Unavailable("Later."), Problem("UNAVAILABLE", "Later.", retry_after_seconds=1)),
        (lambda: errors.Stale(None, "Gone."), Problem("STALE", "Gone.")),
        (
            lambda: errors.Stale(7),
            Problem(
                "STALE",
                "It was modified concurrently and is now at version 7; read it again and repeat the change.",
                metadata={"current_version": "7"},
            ),
        ),
        (
            lambda: errors.CursorInvalid("Start over."),
            Problem("CURSOR_INVALID", "Start over.", (Violation("cursor", "invalid", "Start over."),)),
        ),
        (
            lambda: errors.request_too_large(8 * 1024**2),
            Problem("TOO_LARGE", "The request is larger than 8 MB, the maximum for this operation."),
        ),
        (
            lambda: errors.MethodNotAllowed(allowed=["GET"]),
            Problem("METHOD_NOT_ALLOWED", "This path does not support this method."),
        ),
        (lambda: errors.InsufficientScope("No scope.", "users:read"), Problem("FORBIDDEN", "No scope.")),
        (lambda: PermissionDenied(), Problem("FORBIDDEN", "You may not do this.")),
        (lambda: PermissionDenied("Only Ann."), Problem("FORBIDDEN", "Only Ann.")),
        (lambda: Task.DoesNotExist("No task."), Problem("NOT_FOUND", "No task.")),
        (lambda: RequestDataTooBig("internal"), Problem("TOO_LARGE", "The request is too large.")),
        (
            lambda: caused(OperationalError("internal"), "57014"),
            Problem("DEADLINE_EXCEEDED", "The database took too long for this call; request less, or try again."),
        ),
        (
            lambda: OperationalError("internal"),
            Problem("UNAVAILABLE", "The database is unavailable; try again.", retry_after_seconds=1),
        ),
    ],
)
def test_an_exception_becomes_its_problem(fail: Callable[[], Exception], problem: Problem) -> None:
    assert problem_of(fail()) == problem


def test_an_unknown_exception_shows_nothing_but_an_error_id() -> None:
    problem = problem_of(KeyError("secret"))
    error_id = problem.metadata["error_id"]
    assert len(error_id) == 32
    assert problem == Problem(
        "INTERNAL",
        f"Internal error. Include error ID {error_id} when reporting it.",
        metadata={"error_id": error_id},
    )
    assert problem.spec.http_status == 500


def test_failures_keep_what_transports_render() -> None:
    assert str(errors.Conflict("Not now.")) == "Not now."
    assert errors.InsufficientScope("No scope.", "users:read").scope == "users:read"
    unsupported = errors.UnsupportedMediaType("Send JSON.", accepted=["application/json"])
    assert (str(unsupported), unsupported.accepted, unsupported.patches) == ("Send JSON.", ("application/json",), False)
    assert errors.UnsupportedMediaType("Send a patch.", patches=True).patches
    not_allowed = errors.MethodNotAllowed("Not so.", allowed=["GET", "HEAD"])
    assert (str(not_allowed), not_allowed.allowed) == ("Not so.", ("GET", "HEAD"))


@pytest.mark.parametrize(
    ("raised", "ended", "away"),
    [
        (caused(OperationalError(), "57014"), True, False),
        (caused(OperationalError(), "55P03"), True, False),
        (caused(OperationalError(), "57P01"), False, True),
        (OperationalError(), False, True),
        (InterfaceError(), False, True),
        (DatabaseError(), False, True),
        (caused(DatabaseError(), "57014"), False, False),
        (IntegrityError(), False, False),
        (ValueError(), False, False),
    ],
)
def test_an_ended_statement_differs_from_an_unavailable_database(raised: Exception, ended: bool, away: bool) -> None:
    assert (is_statement_ended(raised), is_database_away(raised)) == (ended, away)


def test_an_error_names_its_field_code_and_message() -> None:
    assert problem_of(invalid("address.city", "required", "Give a city.")) == Problem(
        "INVALID", "Give a city.", (Violation("address.city", "required", "Give a city.", ("address", "city")),)
    )
    # The key of a map may hold dots.
    (violation,) = problem_of(invalid(("metadata", "a.b"), "max_length", "Too long.")).violations
    assert violation == Violation("metadata.a.b", "max_length", "Too long.", ("metadata", "a.b"))
    assert violation.path == ("metadata", "a.b")
    assert Violation("address.city", "required", "Give a city.").path == ("address", "city")
    assert Violation("", "invalid", "All wrong.").path == ()


@pytest.mark.parametrize(
    ("fail", "violation"),
    [
        (lambda: ValidationError("All wrong."), Violation("", "invalid", "All wrong.", ())),
        (lambda: ValidationError("All wrong.", code="null"), Violation("", "required", "All wrong.", ())),
        (
            lambda: ValidationError({NON_FIELD_ERRORS: ValidationError("Both.", code="conflict")}),
            Violation("", "conflict", "Both.", ()),
        ),
        (
            lambda: invalid("title", "blank", "Give a title."),
            Violation("title", "required", "Give a title.", ("title",)),
        ),
        (lambda: invalid("status", "invalid_choice", "Choose."), Violation("status", "choice", "Choose.", ("status",))),
        (
            lambda: ValidationError({"title": ValidationError("At most %(n)s.", code="max_length", params={"n": 3})}),
            Violation("title", "max_length", "At most 3.", ("title",)),
        ),
    ],
)
def test_django_errors_become_violations_with_the_codes_of_the_contract(
    fail: Callable[[], ValidationError], violation: Violation
) -> None:
    assert problem_of(fail()).violations == (violation,)


def test_a_message_is_too_large_as_a_whole() -> None:
    assert problem_of(errors.message_too_large(4 * 1024**2)).violations == (
        Violation("", "max_length", "The message is larger than 4 MB.", ()),
    )


def test_a_repeated_message_is_shown_once() -> None:
    problem = problem_of(ValidationError({"a": "Too long.", "b": "Too short.", "c": "Too long."}))
    assert problem.message == "Too long. Too short."
    assert [violation.field for violation in problem.violations] == ["a", "b", "c"]
    assert problem.metadata == {}


def faults(count: int) -> dict[str, Any]:
    return {f"field{number:03}": ValidationError("Wrong.", code="wrong") for number in range(count)}


@pytest.mark.parametrize(
    ("fail", "listed", "more"),
    [
        (lambda: ValidationError(faults(MAX_VIOLATIONS)), MAX_VIOLATIONS, 0),
        (lambda: ValidationError(faults(MAX_VIOLATIONS + 1)), MAX_VIOLATIONS, 1),
        (lambda: MoreFaults(faults(2), 3), 2, 3),
        (lambda: MoreFaults(faults(MAX_VIOLATIONS + 2), 3), MAX_VIOLATIONS, 5),
    ],
)
def test_the_first_errors_are_listed_and_the_others_counted(
    fail: Callable[[], ValidationError], listed: int, more: int
) -> None:
    problem = problem_of(fail())
    assert problem.reason == "INVALID"
    assert [violation.field for violation in problem.violations] == list(faults(listed))
    if more:
        assert problem.message == f"Wrong. Only the first {listed} of {listed + more} errors are listed."
        assert problem.metadata == {"more_violations": str(more)}
    else:
        assert (problem.message, problem.metadata) == ("Wrong.", {})


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("title", "title"),
        ("due_date", "task.due"),
        ("roles.0", "user.roles.0"),
        ("roles.0.name", "user.roles.0.name"),
        ("roles.1", "first_role"),
        ("other.0", "other.0"),
        (("due_date",), ("task", "due")),
        (("roles", "0"), ("user", "roles", "0")),
        (("roles", "1"), ("first_role",)),
        (("other", "a.b", "c"), ("other", "a.b", "c")),
        ("", ""),
        ((), ()),
    ],
)
def test_a_field_is_named_as_the_caller_knows_it(path: Any, shown: Any) -> None:
    assert shown_path(path, {"due_date": "task.due", "roles": "user.roles", "roles.1": "first_role"}) == shown


def test_errors_of_a_block_are_renamed_unless_they_name_no_field() -> None:
    with pytest.raises(ValidationError) as caught, rename_fields({"due_date": "task.due"}):
        raise ValidationError({"due_date": ["Too late."], "title": ["Too long."]})
    assert caught.value.message_dict == {"task.due": ["Too late."], "title": ["Too long."]}
    original = ValidationError("All wrong.")
    with pytest.raises(ValidationError) as caught, rename_fields({"due_date": "task.due"}):
        raise original
    assert caught.value is original
