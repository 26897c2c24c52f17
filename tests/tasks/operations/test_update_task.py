from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from google.protobuf.field_mask_pb2 import FieldMask

from changes.models import Change
from tandem.task.v1 import task_pb2
from tandem.task.v1.task_pb2 import CreateTaskRequest, UpdateTaskRequest
from tasks.models import Priority, Status, Task
from tests.support.factories import TaskFactory, UserFactory
from tests.support.grpc_transport import GrpcTransport
from tests.support.transports import Failed, Transport
from users.models import Status as UserStatus
from users.models import User

UPDATE = "TaskService/UpdateTask"
DUE = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture
def task(ann: User) -> Task:
    return TaskFactory(
        created_by=ann, assigned_to=ann, title="Old", description="Before", labels=["a", "b"],
        metadata={"k": "v", "l": "w"}, due_date=DUE,
    )  # fmt: skip


def update(task: Task, mask: list[str] | None = None, **fields: Any) -> UpdateTaskRequest:
    request = UpdateTaskRequest(id=str(task.pk), **fields)
    if mask is not None:
        request.update_mask.CopyFrom(FieldMask(paths=mask))
    return request


def test_without_a_mask_it_sets_what_is_set(api: Transport, ann: User, task: Task) -> None:
    request = update(task, title=" New ", labels=["c"], status=task_pb2.TASK_STATUS_IN_PROGRESS)
    answer = api.answer(UPDATE, request, actor=ann)
    found = answer.message
    assert found.title == "New"
    assert found.description == "Before"
    assert list(found.labels) == ["c"]
    assert (found.status, found.priority) == (task_pb2.TASK_STATUS_IN_PROGRESS, task_pb2.PRIORITY_MEDIUM)
    assert dict(found.metadata) == {"k": "v", "l": "w"}
    assert found.due_date.ToDatetime(UTC) == DUE
    assert (found.version, answer.version) == (2, 2)
    task.refresh_from_db()
    assert task.title == "New"
    assert task.labels == ["c"]
    assert task.version == 2


def test_without_a_mask_metadata_is_merged_and_labels_cannot_be_emptied(db: None, ann: User, task: Task) -> None:
    """Over HTTP there always is a mask: the keys of the body."""
    request = update(task, description="", metadata={"l": "x", "m": "y"})
    found = GrpcTransport()(UPDATE, request, actor=ann)
    assert dict(found.metadata) == {"k": "v", "l": "x", "m": "y"}
    assert (found.description, list(found.labels)) == ("", ["a", "b"])


def test_only_masked_fields_are_updated(api: Transport, ann: User, task: Task) -> None:
    request = update(task, ["title", "metadata"], title="New", description="After", metadata={"m": "y"})
    found = api(UPDATE, request, actor=ann)
    assert found.title == "New"
    assert found.description == "Before"
    assert dict(found.metadata) == {"m": "y"}


def test_a_named_field_that_is_unset_is_emptied(api: Transport, ann: User, task: Task) -> None:
    request = update(task, ["description", "labels", "metadata", "due_date", "assigned_to"])
    found = api(UPDATE, request, actor=ann)
    assert found.description == ""
    assert list(found.labels) == []
    assert dict(found.metadata) == {}
    assert found.assigned_to == ""
    assert not found.HasField("due_date")


@pytest.mark.parametrize("path", ["title", "status", "priority"])
def test_required_fields_cannot_be_cleared(api: Transport, ann: User, task: Task, path: str) -> None:
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(task, [path]), actor=ann)
    assert failed.value.fields == {path: "required"}


def test_a_mask_of_everything_replaces_everything(api: Transport, ann: User, task: Task) -> None:
    request = update(task, ["*"], title="New", status=Status.DONE, priority=Priority.LOW)
    found = api(UPDATE, request, actor=ann)
    assert found.title == "New"
    assert found.status == Status.DONE
    assert found.priority == Priority.LOW
    assert found.description == ""
    assert list(found.labels) == []
    assert dict(found.metadata) == {}
    assert found.assigned_to == ""
    assert not found.HasField("due_date")
    assert found.created_by == str(ann.pk)


@pytest.mark.parametrize("path", ["created_by", "created_at", "completed_at", "source", "nonsense", "metadata.k"])
def test_a_path_that_cannot_be_written_is_named(api: Transport, ann: User, task: Task, path: str) -> None:
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(task, [path, "title"], title="New"), actor=ann)
    assert failed.value.reason == "INVALID"
    assert list(failed.value.fields) == [path]
    task.refresh_from_db()
    assert task.title == "Old"


@pytest.mark.parametrize("path", ["id", "version", "request_id", "update_mask"])
def test_unknown_path_in_the_mask_is_rejected(api: Transport, ann: User, task: Task, path: str) -> None:
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(task, [path, "title"], title="New"), actor=ann)
    assert list(failed.value.fields) == [path]


def test_every_invalid_field_is_named(api: Transport, ann: User, task: Task) -> None:
    request = update(task, title="x" * 201, labels=["a", "a"], assigned_to="nobody", metadata={" ": "v"})
    with pytest.raises(Failed) as failed:
        api(UPDATE, request, actor=ann)
    assert failed.value.fields == {
        "title": "max_length",
        "labels": "duplicate",
        "assigned_to": "unknown",
        "metadata": "required",
    }
    task.refresh_from_db()
    assert task.version == 1


def test_choices_that_do_not_exist(api: Transport, ann: User, task: Task) -> None:
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(task, status=9, priority=9), actor=ann)
    assert failed.value.fields == {"status": "choice", "priority": "choice"}


def test_done_has_its_moment(api: Transport, ann: User, task: Task) -> None:
    before = timezone.now() - timedelta(milliseconds=1)
    done = api(UPDATE, update(task, status=Status.DONE), actor=ann)
    assert before <= done.completed_at.ToDatetime(UTC) <= timezone.now()
    retitled = api(UPDATE, update(task, title="Done"), actor=ann)
    assert retitled.completed_at == done.completed_at
    assert not api(UPDATE, update(task, status=Status.TODO), actor=ann).HasField("completed_at")
    task.refresh_from_db()
    assert (task.completed_at, task.version) == (None, 4)


def test_task_can_be_reassigned(api: Transport, ann: User, bob: User, task: Task) -> None:
    assert api(UPDATE, update(task, assigned_to=str(bob.pk)), actor=ann).assigned_to == str(bob.pk)
    # The assignee may change the task, and reassign it.
    assert api(UPDATE, update(task, assigned_to="me", title="Mine"), actor=bob).assigned_to == str(bob.pk)
    assert api(UPDATE, update(task, assigned_to=str(ann.pk)), actor=bob).assigned_to == str(ann.pk)
    with pytest.raises(Failed, match="NOT_FOUND"):
        api(UPDATE, update(task, title="Still mine"), actor=bob)


def test_closed_account_keeps_its_task_but_gets_no_new_one(api: Transport, ann: User, task: Task) -> None:
    closed = UserFactory(status=UserStatus.DEACTIVATED)
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(task, assigned_to=str(closed.pk)), actor=ann)
    assert failed.value.fields == {"assigned_to": "unknown"}
    Task.objects.update(assigned_to=closed)
    found = api(UPDATE, update(task, assigned_to=str(closed.pk), title="New"), actor=ann)
    assert (found.title, found.assigned_to) == ("New", str(closed.pk))


def test_others_do_not_find_it(api: Transport, bob: User, support: User, task: Task) -> None:
    for actor in (bob, support):
        with pytest.raises(Failed) as failed:
            api(UPDATE, update(task, title="New"), actor=actor)
        assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"Task with ID '{task.pk}' not found")


def test_administrators_change_any(api: Transport, administrator: User, task: Task) -> None:
    assert api(UPDATE, update(task, title="New"), actor=administrator).title == "New"
    change = Change.objects.filter(subject_id=task.pk).latest("id")
    assert (change.actor, change.changed_fields) == (str(administrator.pk), ["title"])


def test_a_malformed_id_is_not_found(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api(UPDATE, UpdateTaskRequest(id="nonsense", title="x"), actor=ann)
    assert failed.value.message == "Task with ID 'nonsense' not found"


def test_a_stale_version_changes_nothing(api: Transport, ann: User, task: Task) -> None:
    api(UPDATE, update(task, title="New"), actor=ann, if_match='"1"')
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(task, title="Newer"), actor=ann, if_match="1")
    assert (failed.value.reason, failed.value.metadata) == ("STALE", {"current_version": "2"})
    task.refresh_from_db()
    assert task.title == "New"


def test_the_version_may_stand_in_the_message(api: Transport, ann: User, task: Task) -> None:
    assert api(UPDATE, update(task, title="New", version=1), actor=ann).version == 2
    with pytest.raises(Failed, match="STALE"):
        api(UPDATE, update(task, title="Newer", version=1), actor=ann)
    assert api(UPDATE, update(task, title="Newer", version=0), actor=ann).version == 3


def test_two_versions_that_differ_are_refused(db: None, ann: User, task: Task) -> None:
    """HTTP has one place for it."""
    with pytest.raises(Failed) as failed:
        GrpcTransport()(UPDATE, update(task, title="New", version=1), actor=ann, if_match="2")
    assert (failed.value.reason, list(failed.value.fields)) == ("INVALID", ["version"])


def test_unchanged_values_write_nothing(api: Transport, ann: User, task: Task) -> None:
    before = Change.objects.count()
    request = update(task, title=" Old ", labels=["a", "b "], assigned_to=str(ann.pk))
    assert api(UPDATE, request, actor=ann).version == 1
    assert Change.objects.count() == before


def test_fifty_editors_of_one_task(committing_api: Transport, ann: User) -> None:
    made = committing_api("TaskService/CreateTask", CreateTaskRequest(title="T"), actor=ann)

    def edit(number: int) -> bool:
        try:
            committing_api(UPDATE, UpdateTaskRequest(id=made.id, title=f"T {number}"), actor=ann, if_match="1")
            return True
        except Failed as failed:
            assert failed.reason == "STALE"
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(edit, range(50))) == 1
    assert Task.objects.get().version == 2
