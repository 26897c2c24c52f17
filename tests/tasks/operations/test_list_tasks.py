from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.db.pagination import COUNT_LIMIT
from tandem.common.v1.common_pb2 import TimeRange
from tandem.task.v1.task_pb2 import ListTasksRequest
from tasks.models import Priority, Status, Task
from tests.support.factories import TaskFactory
from tests.support.transports import Failed, Transport
from users.models import User

LIST = "TaskService/ListTasks"
NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)


def pages(api: Transport, actor: User, size: int, **fields: Any) -> list[list[str]]:
    """Return the titles of all pages."""
    found, token = [], ""
    while True:
        response = api(LIST, ListTasksRequest(page_size=size, page_token=token, **fields), actor=actor)
        found.append([task.title for task in response.tasks])
        token = response.next_page_token
        if not token:
            return found


def titles(api: Transport, actor: User, **fields: Any) -> list[str]:
    (found,) = pages(api, actor, 100, **fields)
    return found


@pytest.fixture
def some_tasks(ann: User, bob: User) -> None:
    """Tasks with creators and assignees, oldest first."""
    for title, fields in {
        "ann for ann": {"created_by": ann, "assigned_to": ann, "labels": ["red"], "priority": Priority.LOW},
        "ann for bob": {"created_by": ann, "assigned_to": bob, "labels": ["red", "blue"], "status": Status.DONE},
        "bob for ann": {"created_by": bob, "assigned_to": ann, "due_date": NOON, "priority": Priority.CRITICAL},
        "bob for bob": {"created_by": bob, "assigned_to": bob, "labels": ["blue"], "due_date": NOON + timedelta(1)},
        "for nobody": {"description": "To be done\nby midsummer", "status": Status.CANCELLED},
    }.items():
        TaskFactory(title=title, **fields)


def test_newest_first_to_the_last_page(api: Transport, ann: User) -> None:
    made = [TaskFactory(created_by=ann).title for _ in range(7)]
    expected = made[::-1]
    assert pages(api, ann, 3) == [expected[0:3], expected[3:6], expected[6:7]]
    assert pages(api, ann, 7) == [expected]


def test_a_page_holds_ten_and_at_most_a_hundred(api: Transport, ann: User) -> None:
    TaskFactory.create_batch(101, created_by=ann)
    for size, held in ((0, 10), (1000, 100)):
        assert len(api(LIST, ListTasksRequest(page_size=size), actor=ann).tasks) == held
    with pytest.raises(Failed) as failed:
        api(LIST, ListTasksRequest(page_size=-1), actor=ann)
    assert failed.value.fields == {"page_size": "range"}


def test_caller_sees_created_and_assigned_tasks(
    api: Transport, ann: User, bob: User, support: User, administrator: User, some_tasks: None
) -> None:
    assert titles(api, ann) == ["bob for ann", "ann for bob", "ann for ann"]
    assert titles(api, bob) == ["bob for bob", "bob for ann", "ann for bob"]
    assert titles(api, support) == []
    everything = ["for nobody", "bob for bob", "bob for ann", "ann for bob", "ann for ann"]
    assert titles(api, administrator) == everything
    # Page by page a task that is in both parts of the view comes once.
    assert pages(api, ann, 1) == [["bob for ann"], ["ann for bob"], ["ann for ann"]]


def test_filters_by_people(api: Transport, ann: User, bob: User, administrator: User, some_tasks: None) -> None:
    ann_id, bob_id = str(ann.pk), str(bob.pk)
    for actor, fields, expected in (
        (ann, {"assigned_to": "me"}, ["bob for ann", "ann for ann"]),
        (ann, {"created_by": "me"}, ["ann for bob", "ann for ann"]),
        (ann, {"created_by": ann_id, "assigned_to": "me"}, ["ann for ann"]),
        (ann, {"assigned_to": bob_id}, ["ann for bob"]),
        (ann, {"created_by": bob_id}, ["bob for ann"]),
        (ann, {"created_by": bob_id, "assigned_to": bob_id}, []),
        (administrator, {"assigned_to": bob_id}, ["bob for bob", "ann for bob"]),
        (administrator, {"created_by": bob_id, "assigned_to": bob_id}, ["bob for bob"]),
        (administrator, {"created_by": "me"}, []),
        (administrator, {"assigned_to": "nonsense"}, []),
    ):
        assert titles(api, actor, **fields) == expected, fields


def test_filters_by_what_it_is(api: Transport, ann: User, administrator: User, some_tasks: None) -> None:
    for fields, expected in (
        ({"statuses": [Status.DONE, Status.CANCELLED]}, ["for nobody", "ann for bob"]),
        ({"priorities": [Priority.LOW, Priority.CRITICAL]}, ["bob for ann", "ann for ann"]),
        ({"labels": ["red"]}, ["ann for bob", "ann for ann"]),
        ({"labels": ["blue", "green", "red"]}, ["bob for bob", "ann for bob", "ann for ann"]),
        ({"labels": ["re"]}, []),
        ({"query": "bob"}, ["bob for bob", "bob for ann", "ann for bob"]),
        ({"query": "DONE mids"}, ["for nobody"]),
        ({"query": "!"}, []),
        ({"query": " "}, ["for nobody", "bob for bob", "bob for ann", "ann for bob", "ann for ann"]),
        ({"labels": ["red"], "statuses": [Status.TODO]}, ["ann for ann"]),
    ):
        assert titles(api, administrator, **fields) == expected, fields
    assert titles(api, ann, query="bob", labels=["blue"]) == ["ann for bob"]


def test_filters_by_when_it_is_due(api: Transport, ann: User, administrator: User, some_tasks: None) -> None:
    first, second, third = NOON, NOON + timedelta(1), NOON + timedelta(2)
    for start, end, expected in (
        (first, second, ["bob for ann"]),
        (first, third, ["bob for bob", "bob for ann"]),
        (second, None, ["bob for bob"]),
        (None, first, []),
    ):
        due = TimeRange(start_time=start, end_time=end)
        assert titles(api, administrator, due=due) == expected
    assert titles(api, ann, due=TimeRange(start_time=first)) == ["bob for ann"]
    with pytest.raises(Failed) as failed:
        api(LIST, ListTasksRequest(due=TimeRange(start_time=second, end_time=first)), actor=ann)
    assert failed.value.fields == {"due_to": "range"}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("administers", [False, True])
@pytest.mark.parametrize("field", ["created_at", "updated_at", "due_date", "priority"])
def test_sort_order_spans_all_pages(
    api: Transport, ann: User, administrator: User, field: str, descending: bool, administers: bool
) -> None:
    values = {
        "created_at": [NOON, NOON - timedelta(3), NOON, NOON - timedelta(1), NOON],
        "updated_at": [NOON, NOON, NOON - timedelta(1), NOON + timedelta(1), NOON],
        "due_date": [None, NOON, None, NOON - timedelta(1), NOON],
        "priority": [4, 1, 1, 3, 1],
    }[field]
    tasks = [TaskFactory(**{"created_by": ann, field: value}) for value in values]
    valued = [task for task in tasks if getattr(task, field) is not None]
    valueless = [task for task in tasks if getattr(task, field) is None]
    expected = sorted(valued, key=lambda task: (getattr(task, field), task.pk), reverse=descending)
    expected += sorted(valueless, key=lambda task: task.pk, reverse=descending)
    found = pages(api, administrator if administers else ann, 2, order_by=field, descending=descending)
    assert [title for page in found for title in page] == [task.title for task in expected]
    assert [len(page) for page in found] == [2, 2, 1]


def test_default_order_is_newest_first_in_either_direction(api: Transport, ann: User) -> None:
    made = [TaskFactory(created_by=ann).title for _ in range(2)]
    assert titles(api, ann, descending=True) == titles(api, ann, descending=False) == made[::-1]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"order_by": "title"}, {"order_by": "choice"}),
        ({"order_by": "search_words"}, {"order_by": "choice"}),
        ({"statuses": [1, 9]}, {"statuses.1": "choice"}),
        ({"priorities": [9]}, {"priorities.0": "choice"}),
        ({"labels": [str(number) for number in range(51)]}, {"labels": "max_items"}),
        ({"query": "x" * 201}, {"query": "max_length"}),
        ({"query": "a\0"}, {"query": "control_characters"}),
        ({"page_token": "nonsense"}, {"page_token": "invalid"}),
    ],
)
def test_invalid_parameters_are_named(api: Transport, ann: User, fields: dict[str, Any], wrong: dict[str, str]) -> None:
    with pytest.raises(Failed) as failed:
        api(LIST, ListTasksRequest(**fields), actor=ann)
    assert failed.value.fields == wrong


def test_a_token_is_good_for_one_list_of_one_caller(api: Transport, ann: User, bob: User, administrator: User) -> None:
    TaskFactory.create_batch(3, created_by=ann, assigned_to=bob)
    first = ListTasksRequest(page_size=1, statuses=[Status.TODO, Status.DONE])
    token = api(LIST, first, actor=ann).next_page_token
    again = ListTasksRequest(page_size=2, page_token=token, statuses=[Status.DONE, Status.TODO])
    assert len(api(LIST, again, actor=ann).tasks) == 2
    for actor, fields in (
        (bob, {"statuses": [Status.TODO, Status.DONE]}),
        (ann, {"statuses": [Status.TODO]}),
        (ann, {"statuses": [Status.TODO, Status.DONE], "labels": ["a"]}),
        (ann, {"statuses": [Status.TODO, Status.DONE], "order_by": "due_date"}),
    ):
        with pytest.raises(Failed) as failed:
            api(LIST, ListTasksRequest(page_token=token, **fields), actor=actor)
        assert failed.value.messages == {"page_token": "Invalid page token"}


def test_matching_tasks_are_counted(api: Transport, ann: User, bob: User, administrator: User) -> None:
    TaskFactory.create_batch(3, created_by=ann, assigned_to=bob)
    TaskFactory.create_batch(2, created_by=bob, assigned_to=ann)
    TaskFactory(created_by=None, assigned_to=ann)
    TaskFactory(created_by=ann, assigned_to=ann)
    for actor, fields, total in ((ann, {}, 7), (ann, {"assigned_to": "me"}, 4), (administrator, {}, 7)):
        assert api(LIST, ListTasksRequest(page_size=1, **fields), actor=actor).total_count == total


def test_beyond_ten_thousand_it_counts_only_when_asked(api: Transport, ann: User, administrator: User) -> None:
    now = timezone.now()
    Task.objects.bulk_create(
        Task(title="T", created_by=ann, assigned_to=ann, created_at=now) for _ in range(COUNT_LIMIT + 1)
    )
    for actor in (ann, administrator):
        assert api(LIST, ListTasksRequest(page_size=1), actor=actor).total_count == -1
        exact = api(LIST, ListTasksRequest(page_size=1), actor=actor, exact_count=True)
        assert exact.total_count == COUNT_LIMIT + 1


@pytest.mark.parametrize("fields", [{}, {"order_by": "updated_at"}, {"query": "task", "labels": ["a"]}])
def test_list_takes_as_many_queries_for_any_number_of_rows(
    api: Transport, ann: User, administrator: User, django_assert_num_queries: Any, fields: dict[str, Any]
) -> None:
    TaskFactory.create_batch(30, created_by=ann, assigned_to=administrator, labels=["a"])
    request = ListTasksRequest(page_size=25, **fields)
    # A member's words and labels are found by one index or another, depending on how many tasks there are to see.
    for actor, queries in ((ann, 3 if "query" in fields else 2), (administrator, 2)):
        api(LIST, request, actor=actor)
        with django_assert_num_queries(queries):
            assert len(api(LIST, request, actor=actor).tasks) == 25
