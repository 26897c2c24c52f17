from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from changes.models import Change
from tandem.task.v1 import task_pb2
from tandem.task.v1.task_pb2 import CreateTaskRequest, DeleteTaskRequest
from tasks.models import Task
from tests.support.factories import TaskFactory, UserFactory
from tests.support.transports import Failed, Transport
from users.models import Status, User

CREATE = "TaskService/CreateTask"
AN_ID = "0198a3c0-0000-7000-8000-00000000000a"


def create_failure(api: Transport, actor: User, request: CreateTaskRequest) -> Failed:
    failed = api.failure(CREATE, request, actor=actor)
    assert failed.reason == "INVALID"
    assert not Task.objects.exists()
    return failed


def test_a_title_is_enough(api: Transport, ann: User) -> None:
    answer = api.answer(CREATE, CreateTaskRequest(title="  Buy milk "), actor=ann)
    task = answer.message
    assert task.title == "Buy milk"
    assert task.description == ""
    assert list(task.labels) == []
    assert dict(task.metadata) == {}
    assert (task.status, task.priority) == (task_pb2.TASK_STATUS_TODO, task_pb2.PRIORITY_MEDIUM)
    assert task.created_by == str(ann.pk)
    assert task.assigned_to == str(ann.pk)
    assert task.source == ""
    assert not task.HasField("due_date")
    assert not task.HasField("completed_at")
    assert task.created_at.ToMicroseconds() <= task.updated_at.ToMicroseconds()
    assert (task.version, answer.version) == (1, 1)
    stored = Task.objects.get()
    assert str(stored.pk) == task.id
    assert stored.pk.version == 7
    assert stored.created_by == ann


def test_every_field_can_be_set(api: Transport, ann: User, bob: User) -> None:
    due = datetime(2027, 1, 31, 9, 30, 0, 123456, tzinfo=UTC)
    request = CreateTaskRequest(
        title="Ship it", description="First line.\n\tSecond line.", priority=task_pb2.PRIORITY_CRITICAL,
        labels=["b", " a "], assigned_to=str(bob.pk), due_date=due, metadata={"ticket": "T-1", "note": "a\nb"},
    )  # fmt: skip
    task = api(CREATE, request, actor=ann)
    assert (task.description, task.priority) == (request.description, task_pb2.PRIORITY_CRITICAL)
    assert (list(task.labels), dict(task.metadata)) == (["b", "a"], {"ticket": "T-1", "note": "a\nb"})
    assert (task.created_by, task.assigned_to) == (str(ann.pk), str(bob.pk))
    assert task.due_date.ToDatetime(UTC) == due


def test_me_is_the_caller(api: Transport, ann: User) -> None:
    assert api(CREATE, CreateTaskRequest(title="Mine", assigned_to="me"), actor=ann).assigned_to == str(ann.pk)


@pytest.mark.parametrize("title", ["", "   "])
def test_without_a_title(api: Transport, ann: User, title: str) -> None:
    failed = create_failure(api, ann, CreateTaskRequest(title=title))
    assert failed.message == "Title is required"
    assert failed.fields == {"title": "required"}


def test_every_invalid_field_is_named(api: Transport, ann: User) -> None:
    request = CreateTaskRequest(
        title="x" * 201, description="y" * 10_001, labels=["a", "b", "a "], metadata={"k": "v" * 8_192},
        assigned_to="nobody", id="nonsense",
    )  # fmt: skip
    assert create_failure(api, ann, request).fields == {
        "title": "max_length",
        "description": "max_length",
        "labels": "duplicate",
        "metadata": "max_length",
        "assigned_to": "unknown",
        "id": "uuid",
    }


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"title": "a\0b"}, {"title": "control_characters"}),
        ({"title": "a\nb"}, {"title": "control_characters"}),
        ({"description": "a\0b"}, {"description": "control_characters"}),
        ({"labels": ["a\0"]}, {"labels": "control_characters"}),
        ({"labels": ["x" * 51]}, {"labels": "max_length"}),
        ({"labels": ["a", " "]}, {"labels": "max_length"}),
        ({"labels": [str(number) for number in range(51)]}, {"labels": "max_items"}),
        ({"metadata": {"k": "a\0"}}, {"metadata": "control_characters"}),
        ({"metadata": {"a\nb": "v"}}, {"metadata": "control_characters"}),
        ({"metadata": {" ": "v"}}, {"metadata": "required"}),
        ({"metadata": {str(number): "v" for number in range(51)}}, {"metadata": "max_items"}),
    ],
)
def test_limits(api: Transport, ann: User, fields: dict[str, Any], wrong: dict[str, str]) -> None:
    assert create_failure(api, ann, CreateTaskRequest(**{"title": "T", **fields})).fields == wrong


def test_largest_values_are_accepted(api: Transport, ann: User) -> None:
    request = CreateTaskRequest(
        title="x" * 200,
        description="y" * 10_000,
        labels=[f"{number}".ljust(50, "l") for number in range(50)],
        metadata={f"{number:02}": "v" for number in range(49)} | {"rest": "v" * (8_192 - 49 * 3 - 4)},
    )
    task = api(CREATE, request, actor=ann)
    assert task.title == request.title
    assert task.description == request.description
    assert task.labels == request.labels
    assert task.metadata == request.metadata


def test_a_priority_that_does_not_exist(api: Transport, ann: User) -> None:
    failed = create_failure(api, ann, CreateTaskRequest(title="T", priority=9))
    assert failed.fields == {"priority": "choice"}


def test_only_active_users_can_be_assigned(api: Transport, ann: User) -> None:
    pending = UserFactory(status=Status.PENDING_VERIFICATION)
    assert api(CREATE, CreateTaskRequest(title="T", assigned_to=str(pending.pk)), actor=ann).assigned_to == str(
        pending.pk
    )
    Task.objects.all().delete()
    for assignee in (str(UserFactory(status=Status.BANNED).pk), AN_ID):
        failed = create_failure(api, ann, CreateTaskRequest(title="T", assigned_to=assignee))
        assert failed.messages == {"assigned_to": "There is no such user, or the account is closed."}


def test_a_client_may_choose_the_id_once(api: Transport, ann: User, bob: User) -> None:
    request = CreateTaskRequest(title="T", id=AN_ID)
    assert api(CREATE, request, actor=ann).id == AN_ID
    for actor in (ann, bob):
        with pytest.raises(Failed) as failed:
            api(CREATE, request, actor=actor)
        assert failed.value.reason == "ALREADY_EXISTS"
        assert failed.value.message == f"Task with ID '{AN_ID}' already exists"
    assert Task.objects.count() == 1


def test_the_same_key_makes_one_task(api: Transport, ann: User) -> None:
    request = CreateTaskRequest(title="T")
    first = api.answer(CREATE, request, actor=ann, idempotency_key="k")
    second = api.answer(CREATE, request, actor=ann, idempotency_key="k")
    assert second.message == first.message
    assert not first.replayed
    assert second.replayed
    with pytest.raises(Failed, match="IDEMPOTENCY_KEY_REUSED"):
        api(CREATE, CreateTaskRequest(title="Another"), actor=ann, idempotency_key="k")
    assert Task.objects.count() == 1


def test_the_request_id_is_an_idempotency_key(api: Transport, ann: User) -> None:
    request = CreateTaskRequest(title="T", request_id="k")
    first, second = (api.answer(CREATE, request, actor=ann) for _ in range(2))
    assert (second.message, second.replayed) == (first.message, True)


def test_creation_is_logged_with_its_caller_and_counted(api: Transport, ann: User) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("tandem_tasks_created_total") or 0

    before = counted()
    task = api(CREATE, CreateTaskRequest(title="T", description="d"), actor=ann)
    change = Change.objects.get(subject_type="task")
    assert str(change.subject_id) == task.id
    assert change.operation == "created"
    assert change.actor == str(ann.pk)
    assert change.new is not None
    assert "search_words" not in change.new
    with pytest.raises(Failed):
        api(CREATE, CreateTaskRequest(), actor=ann)
    assert counted() == before + 1


def test_words_of_any_length_are_kept(api: Transport, ann: User) -> None:
    api(CREATE, CreateTaskRequest(title="T", description="w" * 4_000 + " end"), actor=ann)
    assert Task.objects.get().search_words == f"'end' 't' '{'w' * 100}'"


def test_a_new_task_takes_few_statements(api: Transport, ann: User, django_assert_num_queries: Any) -> None:
    TaskFactory()
    api(CREATE, CreateTaskRequest(title="T"), actor=ann)
    # The insert and the actor; in the transaction of the test, also a savepoint and the previous actor.
    with django_assert_num_queries(5):
        api(CREATE, CreateTaskRequest(title="T"), actor=ann)


def test_reused_id_continues_the_versions(api: Transport, ann: User) -> None:
    chosen = "0198a3c0-0000-7000-8000-00000000abcd"
    first = api("TaskService/CreateTask", CreateTaskRequest(title="First", id=chosen), actor=ann)
    api("TaskService/DeleteTask", DeleteTaskRequest(id=chosen), actor=ann)
    again = api("TaskService/CreateTask", CreateTaskRequest(title="Second", id=chosen), actor=ann)
    # The deletion was version 2: who follows the feed applies what is newer.
    assert (first.version, again.version) == (1, 3)
