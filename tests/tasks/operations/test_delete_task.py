import pytest

from changes.models import Change
from tandem.task.v1.task_pb2 import DeleteTaskRequest, GetTaskRequest
from tasks.models import Task
from tests.support.factories import TaskFactory
from tests.support.transports import Failed, Transport
from users.models import User

DELETE = "TaskService/DeleteTask"


def test_deleted_task_is_kept_in_the_log(api: Transport, ann: User) -> None:
    task = TaskFactory(created_by=ann, title="Old")
    api(DELETE, DeleteTaskRequest(id=str(task.pk)), actor=ann)
    assert not Task.objects.exists()
    change = Change.objects.filter(subject_id=task.pk).latest("id")
    assert (change.operation, change.actor) == ("deleted", str(ann.pk))
    assert change.old is not None
    assert change.old["title"] == "Old"
    for rpc, request in ((DELETE, DeleteTaskRequest), ("TaskService/GetTask", GetTaskRequest)):
        with pytest.raises(Failed) as failed:
            api(rpc, request(id=str(task.pk)), actor=ann)
        assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"Task with ID '{task.pk}' not found")


def test_deletion_that_is_repeated_with_its_key_succeeds(api: Transport, ann: User) -> None:
    """The answer to the first request may be lost, as when the server is killed."""
    request = DeleteTaskRequest(id=str(TaskFactory(created_by=ann).pk))
    first, second = (api.answer(DELETE, request, actor=ann, idempotency_key="k") for _ in range(2))
    assert [first.replayed, second.replayed] == [False, True]
    with pytest.raises(Failed, match="NOT_FOUND"):
        api(DELETE, request, actor=ann, idempotency_key="another")


def test_administrators_delete_any(api: Transport, ann: User, administrator: User) -> None:
    api(DELETE, DeleteTaskRequest(id=str(TaskFactory(created_by=ann).pk)), actor=administrator)
    assert not Task.objects.exists()


def test_the_assignee_may_not(api: Transport, ann: User, bob: User) -> None:
    task = TaskFactory(created_by=ann, assigned_to=bob)
    with pytest.raises(Failed) as failed:
        api(DELETE, DeleteTaskRequest(id=str(task.pk)), actor=bob, if_match="9")
    assert failed.value.reason == "FORBIDDEN"
    assert "Only the creator of a task" in failed.value.message
    assert Task.objects.exists()


def test_tasks_of_others_are_not_found(api: Transport, ann: User, bob: User) -> None:
    task = TaskFactory(created_by=ann)
    for task_id in (str(task.pk), "nonsense"):
        with pytest.raises(Failed, match="NOT_FOUND"):
            api(DELETE, DeleteTaskRequest(id=task_id), actor=bob)
    assert Task.objects.exists()


def test_a_stale_version_deletes_nothing(api: Transport, ann: User) -> None:
    task = TaskFactory(created_by=ann)
    Task.objects.update(title="Newer")
    with pytest.raises(Failed) as failed:
        api(DELETE, DeleteTaskRequest(id=str(task.pk)), actor=ann, if_match='"1"')
    assert (failed.value.reason, failed.value.metadata) == ("STALE", {"current_version": "2"})
    api(DELETE, DeleteTaskRequest(id=str(task.pk)), actor=ann, if_match='"2"')
    assert not Task.objects.exists()


def test_the_version_may_stand_in_the_message(api: Transport, ann: User) -> None:
    task = TaskFactory(created_by=ann)
    with pytest.raises(Failed, match="STALE"):
        api(DELETE, DeleteTaskRequest(id=str(task.pk), version=7), actor=ann)
    api(DELETE, DeleteTaskRequest(id=str(task.pk), version=1), actor=ann)
    assert not Task.objects.exists()
