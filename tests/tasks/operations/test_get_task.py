import pytest

from tandem.task.v1.task_pb2 import GetTaskRequest
from tests.support.factories import AdministratorFactory, TaskFactory
from tests.support.transports import Failed, Transport
from users.models import User

GET = "TaskService/GetTask"


def test_creator_and_assignee_see_the_whole_task(api: Transport, ann: User, bob: User) -> None:
    task = TaskFactory(created_by=ann, assigned_to=bob, source="meetings/1", labels=["a"], metadata={"k": "v"})
    for actor in (ann, bob, AdministratorFactory()):
        answer = api.answer(GET, GetTaskRequest(id=str(task.pk)), actor=actor)
        found = answer.message
        assert found.id == str(task.pk)
        assert found.title == task.title
        assert found.source == "meetings/1"
        assert (found.created_by, found.assigned_to) == (str(ann.pk), str(bob.pk))
        assert (list(found.labels), dict(found.metadata)) == (["a"], {"k": "v"})
        assert found.created_at.ToMicroseconds() == round(task.created_at.timestamp() * 1e6)
        assert (found.version, answer.version) == (1, 1)


def test_task_without_users_has_empty_ids(api: Transport, administrator: User) -> None:
    found = api(GET, GetTaskRequest(id=str(TaskFactory().pk)), actor=administrator)
    assert (found.created_by, found.assigned_to) == ("", "")


def test_tasks_of_others_are_not_found(api: Transport, ann: User, bob: User, support: User) -> None:
    task = TaskFactory(created_by=bob, assigned_to=bob)
    for actor in (ann, support):
        with pytest.raises(Failed) as failed:
            api(GET, GetTaskRequest(id=str(task.pk)), actor=actor)
        assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"Task with ID '{task.pk}' not found")


@pytest.mark.parametrize("task_id", ["0198a3c0-0000-7000-8000-00000000000a", "nonsense", "me"])
def test_an_unknown_id(api: Transport, administrator: User, task_id: str) -> None:
    with pytest.raises(Failed) as failed:
        api(GET, GetTaskRequest(id=task_id), actor=administrator)
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"Task with ID '{task_id}' not found")
