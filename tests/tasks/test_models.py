"""Rules that the database enforces on tasks for writers that bypass the application."""

from django.db import connection

from changes.models import Change
from tasks.messages import task_from_image, task_message
from tasks.models import Priority, Status, Task
from tests.support.factories import TaskFactory
from users.models import User


def execute(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_completion_time_is_set_for_every_writer(db: None) -> None:
    task = TaskFactory()
    Task.objects.update(status=Status.DONE)
    task.refresh_from_db()
    done_at = task.completed_at
    assert done_at is not None
    assert done_at > task.created_at
    execute("UPDATE tasks_task SET title = 'Still done'")
    task.refresh_from_db()
    assert task.completed_at == done_at
    execute("UPDATE tasks_task SET status = %s", Status.TODO)
    task.refresh_from_db()
    assert task.completed_at is None
    TaskFactory(status=Status.DONE)
    assert Task.objects.get(status=Status.DONE).completed_at is not None


def test_deleted_user_is_removed_from_tasks_for_every_writer(ann: User, bob: User) -> None:
    one, other = TaskFactory(created_by=ann, assigned_to=bob), TaskFactory(created_by=bob, assigned_to=ann)
    ann.delete()
    execute("DELETE FROM users_user WHERE id = %s", bob.pk)
    for task in (one, other):
        task.refresh_from_db()
        assert (task.created_by_id, task.assigned_to_id, task.version) == (None, None, 3)
        changed = [change.changed_fields for change in Change.objects.filter(subject_id=task.pk).order_by("id")]
        assert sorted(changed[1:]) == [["assigned_to_id"], ["created_by_id"]]


def test_an_image_of_the_log_is_the_task(ann: User, bob: User) -> None:
    task = TaskFactory(
        created_by=ann, assigned_to=bob, labels=["a", 'b"'], metadata={"k": "v"}, priority=Priority.HIGH,
        status=Status.DONE, due_date="2027-01-31T10:30:00.000001+01:00", source="meetings/1", description="d\n",
    )  # fmt: skip
    bare = TaskFactory()
    for written in (task, bare):
        stored = Task.objects.get(pk=written.pk)
        image = Change.objects.get(subject_id=written.pk).new
        assert image is not None
        assert task_from_image(image) == task_message(stored)
    received = task_message(Task.objects.get(pk=task.pk))
    assert all(received.HasField(name) for name in ("due_date", "completed_at"))
    assert (received.due_date.seconds, received.due_date.nanos) == (1_801_387_800, 1_000)
