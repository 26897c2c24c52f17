"""Pages of tasks, read directly: their tokens, sizes, orders and counts."""

import datetime
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from core.db import pagination
from core.db.pagination import ListQuery, Order, Page, PageRequest, fitting, page, page_size
from core.errors import problem_of
from tandem.task.v1.task_pb2 import CreateTaskRequest
from tasks.models import Task
from tests.support.factories import TaskFactory

pytestmark = pytest.mark.django_db

NOON = datetime.datetime(2027, 1, 1, 12, tzinfo=datetime.UTC)
OLDEST_FIRST = Order("created_at")
REQUEST = PageRequest(2, "", False, {"caller": "ann"})


def every() -> QuerySet[Task]:
    return Task.objects.all()


def in_two_parts() -> tuple[QuerySet[Task], ...]:
    """Return the tasks as two querysets; tasks with priority 2 are in both."""
    return Task.objects.filter(priority__lte=2), Task.objects.filter(priority__gte=2)


EVERY = ListQuery(Task, every)


def read(query: ListQuery[Task] = EVERY, order: Order = OLDEST_FIRST, **fields: Any) -> list[list[str]]:
    """Return the titles on each page, from the first to the last."""
    request, pages = replace(REQUEST, **fields), []
    while True:
        found = page(query, request, order)
        pages.append([task.title for task in found.rows])
        if not found.next_token:
            return pages
        request = replace(request, token=found.next_token)


@pytest.fixture
def tasks() -> list[Task]:
    """Return five tasks, oldest first: e and d are due, d before e; the others have no due date."""
    due = {"d": NOON, "e": NOON + datetime.timedelta(1)}
    return [
        TaskFactory(title=title, created_at=NOON + datetime.timedelta(minutes=number), due_date=due.get(title),
                    priority=number % 3 + 1)
        for number, title in enumerate("abcde")
    ]  # fmt: skip


def rejected(call: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(ValidationError) as caught:
        call()
    (violation,) = problem_of(caught.value).violations
    return violation.field, violation.code, violation.message


def test_a_size_has_a_default_and_a_limit() -> None:
    assert [page_size(requested, 20) for requested in (0, 1, 100, 101)] == [20, 1, 100, 100]
    assert page_size(150, 20, limit=120) == 120
    assert rejected(lambda: page_size(-1, 20)) == ("page_size", "range", "page_size may not be negative.")


def test_pages_hold_twenty_rows_unless_the_list_has_another_default() -> None:
    TaskFactory.create_batch(21)
    assert [len(titles) for titles in read(size=0)] == [20, 1]
    assert len(page(EVERY, replace(REQUEST, size=0), OLDEST_FIRST, default_size=7).rows) == 7


@pytest.mark.parametrize(
    ("order", "pages"),
    [
        (OLDEST_FIRST, [["a", "b"], ["c", "d"], ["e"]]),
        (Order("created_at", descending=True), [["e", "d"], ["c", "b"], ["a"]]),
        # Rows without a value come last, in the order of their ids.
        (Order("due_date"), [["d", "e"], ["a", "b"], ["c"]]),
        (Order("due_date", descending=True), [["e", "d"], ["c", "b"], ["a"]]),
    ],
)
@pytest.mark.parametrize("query", [EVERY, replace(EVERY, scattered=True), ListQuery(Task, in_two_parts)])
def test_pages_follow_the_order_without_gaps(
    tasks: list[Task], query: ListQuery[Task], order: Order, pages: list[list[str]]
) -> None:
    assert read(query, order) == pages
    # A page that ends where the rows without a value begin.
    assert read(query, order, size=3) == [pages[0] + pages[1][:1], pages[1][1:] + pages[2]]
    assert read(query, order, size=5) == [[title for titles in pages for title in titles]]


def test_rows_with_the_same_value_follow_their_ids() -> None:
    same = [TaskFactory(title=title, created_at=NOON) for title in "abcde"]
    titles = [task.title for task in sorted(same, key=lambda task: task.pk)]
    assert read() == [titles[:2], titles[2:4], titles[4:]]
    assert read(order=Order("created_at", descending=True)) == [titles[:2:-1], titles[2:0:-1], titles[:1]]


def test_rows_are_counted_up_to_the_limit(tasks: list[Task], monkeypatch: pytest.MonkeyPatch) -> None:
    def count(query: ListQuery[Task], *, exact: bool = False) -> int:
        return page(query, replace(REQUEST, exact_count=exact), OLDEST_FIRST).total_count

    parts = ListQuery(Task, in_two_parts)
    assert (count(EVERY), count(parts)) == (5, 5)
    monkeypatch.setattr(pagination, "COUNT_LIMIT", 5)
    assert (count(EVERY), count(parts)) == (5, 5)
    monkeypatch.setattr(pagination, "COUNT_LIMIT", 4)
    assert (count(EVERY), count(parts)) == (-1, -1)
    assert (count(EVERY, exact=True), count(parts, exact=True)) == (5, 5)
    assert count(replace(parts, count=every)) == -1


def test_a_list_may_count_by_another_query(tasks: list[Task]) -> None:
    def none() -> QuerySet[Task]:
        return Task.objects.filter(title="")

    # What is counted as empty is not read.
    assert page(replace(EVERY, count=none), REQUEST, OLDEST_FIRST) == Page([], "", 0, [])


def test_an_empty_list_costs_one_query() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert page(EVERY, REQUEST, OLDEST_FIRST) == Page([], "", 0, [])
    assert len(queries) == 1


def test_few_scattered_rows_are_fetched_before_they_are_sorted(tasks: list[Task]) -> None:
    def limits(query: ListQuery[Task], order: Order = OLDEST_FIRST, first: Task | None = None) -> list[int]:
        """Return the limits in the last statement for the rows, the inner one first."""
        with CaptureQueriesContext(connection) as queries:
            page(query, REQUEST, order, first=first)
        return [int(part.split()[0].rstrip(")")) for part in queries[-1]["sql"].split("LIMIT ")[1:]]

    # One row more than the page holds shows that there is a next page.
    assert limits(EVERY) == [3]
    assert limits(EVERY, first=tasks[0]) == [2]
    assert limits(replace(EVERY, scattered=True)) == [2_000, 3]
    assert limits(replace(EVERY, scattered=True, few=5)) == [10, 3]
    assert limits(replace(EVERY, scattered=True, few=4)) == [3]
    assert limits(ListQuery(Task, in_two_parts, scattered=True, few=5)) == [10, 10, 3]
    # The second statement reads rows without a due date, after two that have one.
    assert limits(EVERY, Order("due_date")) == [1]
    assert limits(replace(EVERY, scattered=True, few=5), Order("due_date")) == [10, 1]


def test_scattered_rows_beyond_the_count_are_sorted_by_the_database(
    tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "COUNT_LIMIT", 2)
    with CaptureQueriesContext(connection) as queries:
        page(replace(EVERY, scattered=True), REQUEST, OLDEST_FIRST)
    assert queries[-1]["sql"].count("LIMIT") == 1


def test_the_given_first_row_is_before_all_others_and_not_repeated(tasks: list[Task]) -> None:
    third, order = tasks[2], Order("created_at", descending=True)
    first = page(EVERY, REQUEST, order, first=third)
    assert ([task.title for task in first.rows], first.total_count) == (["c", "e"], 5)
    second = page(EVERY, replace(REQUEST, token=first.next_token), order, first=third)
    assert [task.title for task in second.rows] == ["d", "b"]
    last = page(EVERY, replace(REQUEST, token=second.next_token), order, first=third)
    assert ([task.title for task in last.rows], last.next_token) == (["a"], "")


def test_a_page_of_only_the_first_row_leads_to_the_start_of_the_list(tasks: list[Task]) -> None:
    request = replace(REQUEST, size=1)
    first = page(EVERY, request, OLDEST_FIRST, first=tasks[2])
    assert [task.title for task in first.rows] == ["c"]
    second = page(EVERY, replace(request, token=first.next_token), OLDEST_FIRST, first=tasks[2])
    assert [task.title for task in second.rows] == ["a"]


def test_if_the_first_row_is_the_only_one_the_list_is_not_read() -> None:
    only = TaskFactory()
    with CaptureQueriesContext(connection) as queries:
        found = page(EVERY, replace(REQUEST, message=as_message), OLDEST_FIRST, first=only)
    assert found == Page([only], "", 1, [as_message(only)])
    assert len(queries) == 1


def test_the_first_row_is_left_out_also_where_rows_have_no_value(tasks: list[Task]) -> None:
    found = page(EVERY, replace(REQUEST, size=5), Order("due_date"), first=tasks[1])
    assert [task.title for task in found.rows] == ["b", "d", "e", "a", "c"]


def as_message(task: Task) -> CreateTaskRequest:
    """Return a message of which a page holds two."""
    return CreateTaskRequest(title=task.title, description="x" * 1_700_000)


def test_a_page_holds_as_many_rows_as_fit_in_its_answer(tasks: list[Task]) -> None:
    assert read(size=4, message=as_message) == [["a", "b"], ["c", "d"], ["e"]]
    found = page(EVERY, replace(REQUEST, message=as_message), OLDEST_FIRST)
    assert [message.title for message in found.messages] == ["a", "b"]
    assert page(EVERY, REQUEST, OLDEST_FIRST).messages == []


def test_messages_fit_up_to_the_last_byte() -> None:
    messages = [CreateTaskRequest(title="x" * 8)] * 3
    assert messages[0].ByteSize() == 10
    # Each takes its own bytes and five more.
    assert [len(fitting(messages, limit)) for limit in (45, 44, 30, 29, 1)] == [3, 2, 2, 1, 1]
    assert fitting([]) == []
    assert len(fitting([CreateTaskRequest(title="x" * 3_499_991)] * 2)) == 1


def test_deferred_fields_are_not_fetched(tasks: list[Task]) -> None:
    (row, _) = page(replace(EVERY, deferred=("description",)), REQUEST, OLDEST_FIRST).rows
    assert row.get_deferred_fields() == {"description"}
    (row,) = page(replace(EVERY, deferred=("description",)), replace(REQUEST, size=1), Order("due_date")).rows
    assert row.get_deferred_fields() == {"description"}


def test_a_token_belongs_to_its_request_and_order(tasks: list[Task]) -> None:
    token = page(EVERY, REQUEST, OLDEST_FIRST).next_token
    for request, order in (
        (replace(REQUEST, bound_to={"caller": "bob"}), OLDEST_FIRST),
        (replace(REQUEST, bound_to={"caller": "ann", "query": "x"}), OLDEST_FIRST),
        (REQUEST, Order("created_at", descending=True)),
        (REQUEST, Order("updated_at")),
    ):
        assert rejected(lambda request=request, order=order: page(EVERY, replace(request, token=token), order)) == (
            "page_token", "invalid", "Invalid page token",
        )  # fmt: skip
    # The order of the names and the size of the page do not matter.
    bound_to = {"b": NOON, "a": None}
    token = page(EVERY, replace(REQUEST, bound_to=bound_to), OLDEST_FIRST).next_token
    request = PageRequest(5, token, True, dict(reversed(bound_to.items())))
    assert [task.title for task in page(EVERY, request, OLDEST_FIRST).rows] == ["c", "d", "e"]


def test_a_token_is_valid_for_a_day(tasks: list[Task], monkeypatch: pytest.MonkeyPatch) -> None:
    request = replace(REQUEST, token=page(EVERY, REQUEST, OLDEST_FIRST).next_token)
    made, day = time.time(), 24 * 3600
    monkeypatch.setattr(signing.time, "time", lambda: made + day - 2)
    assert len(page(EVERY, request, OLDEST_FIRST).rows) == 2
    monkeypatch.setattr(signing.time, "time", lambda: made + day + 2)
    assert rejected(lambda: page(EVERY, request, OLDEST_FIRST))[0] == "page_token"


@pytest.mark.parametrize("token", ["x", "a:b:c", "🚲"])
def test_what_is_no_token_is_rejected(token: str) -> None:
    assert rejected(lambda: page(EVERY, replace(REQUEST, token=token), OLDEST_FIRST)) == (
        "page_token", "invalid", "Invalid page token",
    )  # fmt: skip
