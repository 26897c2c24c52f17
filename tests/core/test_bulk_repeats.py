"""Items of one bulk write that share a key: each gets the outcome of the first."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection, connections

from core import bulk
from tandem.task.v1.task_pb2 import CreateTaskRequest
from tandem.user.v1.user_pb2 import BulkImportUsersRequest
from tandem.user.v1.user_pb2 import User as UserMessage
from tasks.models import Task
from tests.support.transports import Transport
from users.models import User

TASKS, USERS = "TaskService/BulkCreateTasks", "UserService/BulkImportUsers"
CHUNK_SIZE = 3
NEXT_IN_LINE, NEXT_CHUNK = 0, CHUNK_SIZE
REUSED = "This idempotency key was used with another request; use a new key."


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk.stream, "CHUNK_SIZE", CHUNK_SIZE)


def task(title: str, key: str = "", **more: Any) -> CreateTaskRequest:
    return CreateTaskRequest(title=title, request_id=key, **more)


def user(email: str, key: str = "", **more: Any) -> BulkImportUsersRequest:
    return BulkImportUsersRequest(user=UserMessage(email=email), request_id=key, **more)


def apart(first: Any, second: Any, between: int, filler: Any) -> list[Any]:
    """Return the two with this many others between them."""
    return [first, *(filler(number) for number in range(between)), second]


def filler_task(number: int) -> CreateTaskRequest:
    return task(f"Between {number}")


def filler_user(number: int) -> BulkImportUsersRequest:
    return user(f"between-{number}@example.com")


def errors_of(answer: Any) -> list[tuple[int, list[tuple[str, str, str]]]]:
    return [(error.index, [(v.field, v.rule, v.message) for v in error.field_violations]) for error in answer.errors]


@pytest.mark.parametrize("between", [NEXT_IN_LINE, NEXT_CHUNK])
@pytest.mark.parametrize("mode", [None, "atomic"])
def test_a_repeated_task_is_answered_with_the_first(api: Transport, ann: User, between: int, mode: str | None) -> None:
    items = apart(task("One", "k"), task("One", "k"), between, filler_task)
    answer = api(TASKS, items, actor=ann, bulk_mode=mode)
    assert (answer.success_count, list(answer.errors), answer.committed_through) == (len(items), [], len(items))
    assert [made.title for made in answer.tasks] == [item.title for item in items]
    assert answer.tasks[-1] == answer.tasks[0]
    assert answer.tasks[0].id
    assert answer.tasks[0].version == 1
    assert Task.objects.count() == len(items) - 1
    # And so in a later call.
    again = api(TASKS, items[-1:], actor=ann)
    assert (again.success_count, list(again.tasks)) == (1, [answer.tasks[0]])
    assert Task.objects.count() == len(items) - 1


def test_the_order_of_a_map_makes_no_other_item(api: Transport, ann: User) -> None:
    names = [f"name {number}" for number in range(20)]
    items = [task("One", "k", metadata=dict.fromkeys(order, "")) for order in (names, names[::-1])]
    answer = api(TASKS, items, actor=ann)
    assert (answer.success_count, list(answer.errors)) == (2, [])
    assert Task.objects.count() == 1


@pytest.mark.parametrize("between", [NEXT_IN_LINE, NEXT_CHUNK])
@pytest.mark.parametrize("mode", [None, "atomic"])
def test_a_repeated_bad_task_has_the_error_of_the_first(
    api: Transport, ann: User, between: int, mode: str | None
) -> None:
    items = apart(task("", "k"), task("", "k"), between, filler_task)
    answer = api(TASKS, items, actor=ann, bulk_mode=mode)
    written = between if mode is None else 0
    assert (answer.success_count, len(answer.tasks), answer.committed_through) == (written, written, len(items))
    expected = [("title", "required", "Title is required")]
    assert errors_of(answer) == [(0, expected), (len(items) - 1, expected)]
    assert Task.objects.count() == written
    # An error is not kept: the key may be used for what is right.
    assert api(TASKS, [task("Right", "k")], actor=ann).success_count == 1


@pytest.mark.parametrize("between", [NEXT_IN_LINE, NEXT_CHUNK])
@pytest.mark.parametrize("first", ["", "One", "x" * 201])
@pytest.mark.parametrize("second", ["", "Two"])
def test_a_key_that_comes_with_other_content_is_refused(
    api: Transport, ann: User, between: int, first: str, second: str
) -> None:
    items = apart(task(first, "k"), task(second, "k", description="other"), between, filler_task)
    answer = api(TASKS, items, actor=ann)
    assert [(e.index, e.error_message) for e in answer.errors if e.index] == [(len(items) - 1, REUSED)]
    assert answer.success_count == len(answer.tasks) == Task.objects.count() == between + (first == "One")
    assert not Task.objects.filter(title="Two").exists()


def test_a_key_of_an_earlier_call_belongs_to_what_was_written_with_it(api: Transport, ann: User) -> None:
    made = api(TASKS, [task("One", "k")], actor=ann).tasks[0]
    answer = api(TASKS, [task("Two", "k"), task("One", "k"), task("", "k"), task("One", "k")], actor=ann)
    assert [(e.index, e.error_message) for e in answer.errors] == [(0, REUSED), (2, REUSED)]
    assert (answer.success_count, list(answer.tasks)) == (2, [made, made])
    assert Task.objects.count() == 1


@pytest.mark.parametrize("between", [NEXT_IN_LINE, NEXT_CHUNK])
def test_a_task_that_fails_only_on_writing_fails_again(api: Transport, ann: User, between: int) -> None:
    taken = api("TaskService/CreateTask", task("There"), actor=ann)
    items = apart(task("One", "k", id=taken.id), task("One", "k", id=taken.id), between, filler_task)
    answer = api(TASKS, items, actor=ann)
    message = f"Task with ID '{taken.id}' already exists"
    assert [(e.index, e.error_message) for e in answer.errors] == [(0, message), (len(items) - 1, message)]
    assert answer.success_count == len(answer.tasks) == between


def test_an_invalid_key_is_an_error_of_its_item(api: Transport, ann: User) -> None:
    answer = api(TASKS, [task("One", "two words"), task("Two")], actor=ann)
    assert errors_of(answer) == [
        (0, [("request_id", "invalid", "An idempotency key has 1 to 255 printable ASCII characters.")])
    ]
    assert Task.objects.get().title == "Two"


@pytest.mark.parametrize("between", [NEXT_IN_LINE, NEXT_CHUNK])
def test_repeated_users_count_as_the_first(api: Transport, administrator: User, between: int) -> None:
    items = apart(user("a@example.com", "k"), user("a@example.com", "k"), between, filler_user)
    answer = api(USERS, items, actor=administrator)
    assert (answer.imported, answer.skipped, list(answer.errors)) == (between + 1, 1, [])
    assert answer.committed_through == len(items)
    bad = apart(user("none", "b"), user("none", "b"), between, lambda number: user(f"more-{number}@example.com"))
    answer = api(USERS, bad, actor=administrator)
    assert (answer.imported, answer.skipped, answer.committed_through) == (between, 0, len(bad))
    expected = [("user.email", "email", "Enter an e-mail address.")]
    assert errors_of(answer) == [(0, expected), (len(bad) - 1, expected)]
    taken = apart(user("A@example.com", "c"), user("A@example.com", "c"), 0, filler_user)
    answer = api(USERS, taken, actor=administrator)
    assert [index for index, _ in errors_of(answer)] == [0, 1]
    assert (answer.imported, answer.skipped) == (0, 0)


def test_many_repeats_of_many_keys_have_their_places(api: Transport, ann: User) -> None:
    titles = ["A", "", "B", "A", "", "B", "B", "", "A", "C"]
    answer = api(TASKS, [task(title, title or "none") for title in titles], actor=ann)
    assert [made.title for made in answer.tasks] == [title for title in titles if title]
    assert [e.index for e in answer.errors] == [index for index, title in enumerate(titles) if not title]
    assert answer.success_count == len(answer.tasks) == 7
    assert len({made.id for made in answer.tasks}) == Task.objects.count() == 3


def test_id_taken_by_another_transaction_fails_with_its_repeats(committing_api: Transport, administrator: User) -> None:
    """The address is free when the chunk is looked at, and taken when it is written."""
    written, over = threading.Event(), threading.Event()

    def take() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            User(email="a@example.com", display_name="Ann").save(force_insert=True)
            written.set()
            over.wait(20)
            cursor.execute("COMMIT")
        connections.close_all()

    def commit_once_waited_for() -> None:
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        with connection.cursor() as cursor:
            for _ in range(2_000):
                cursor.execute(waiting)
                if cursor.fetchone():
                    break
                cursor.execute("SELECT pg_sleep(0.01)")
        over.set()
        connections.close_all()

    threads: Sequence[threading.Thread] = [threading.Thread(target=f) for f in (take, commit_once_waited_for)]
    threads[0].start()
    assert written.wait(20)
    threads[1].start()
    items = [user("a@example.com", "k"), user("b@example.com", "b"), user("a@example.com", "k")]
    answer = committing_api(USERS, items, actor=administrator)
    for thread in threads:
        thread.join()
    assert (answer.imported, answer.skipped) == (1, 0)
    expected = [("user.email", "already_exists", "User with email a@example.com already exists")]
    assert errors_of(answer) == [(0, expected), (2, expected)]
    assert set(User.objects.exclude(pk=administrator.pk).values_list("email", flat=True)) == {
        "a@example.com", "b@example.com",
    }  # fmt: skip
