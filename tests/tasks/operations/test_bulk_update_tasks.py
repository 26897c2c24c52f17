from datetime import UTC, datetime
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc import code_pb2

from changes.models import Change
from projects.models import Role
from projects.models import Status as ProjectStatus
from tandem.task.v1 import task_pb2
from tandem.task.v1.task_pb2 import UpdateTaskRequest
from tasks.messages import task_message
from tasks.models import Status, Task
from tests.support.factories import ProjectFactory, ProjectMemberFactory, TaskFactory, UserFactory
from tests.support.transports import Transport
from users.models import Status as UserStatus
from users.models import User

BULK = "TaskService/BulkUpdateTasks"
DONE = task_pb2.TASK_STATUS_DONE


def change(task: Any, mask: list[str] | None = None, **fields: Any) -> UpdateTaskRequest:
    request = UpdateTaskRequest(id=str(getattr(task, "pk", task)), **fields)
    if mask is not None:
        request.update_mask.CopyFrom(FieldMask(paths=mask))
    return request


def test_each_task_gets_its_own_change(
    api: Transport, ann: User, bob: User, django_assert_max_num_queries: Any
) -> None:
    tasks = TaskFactory.create_batch(
        30, created_by=ann, assigned_to=ann, labels=["a"], metadata={"k": "v"}, description="Stays"
    )
    items = [change(task, title=f"Title {number}", status=DONE) for number, task in enumerate(tasks[:27])]
    items += [
        change(tasks[27], ["labels", "metadata", "assigned_to", "due_date"]),
        change(tasks[28], metadata={"l": "w"}, labels=["b", "c"], assigned_to=str(bob.pk)),
        change(tasks[29], title=tasks[29].title),
    ]
    with django_assert_max_num_queries(25):
        answer = api(BULK, items, actor=ann)
    assert (answer.success_count, answer.committed_through, list(answer.errors)) == (30, 30, [])
    stored = {task.pk: task for task in Task.objects.all()}
    for number, task in enumerate(tasks):
        found = stored[task.pk]
        assert answer.tasks[number] == task_message(found)
        assert (found.description, found.version) == ("Stays", 2 if number < 29 else 1)
        if number < 27:
            assert (found.title, found.status) == (f"Title {number}", Status.DONE)
            assert found.completed_at is not None and found.labels == ["a"]
    emptied, added = stored[tasks[27].pk], stored[tasks[28].pk]
    assert (emptied.labels, emptied.metadata, emptied.assigned_to_id, emptied.due_date) == ([], {}, None, None)
    assert (added.labels, added.metadata, added.assigned_to_id) == (["b", "c"], {"k": "v", "l": "w"}, bob.pk)
    last = Change.objects.filter(subject_id=tasks[0].pk).latest("id")
    assert (last.actor, last.subject_version) == (str(ann.pk), 2)
    assert last.changed_fields == ["completed_at", "status", "title"]


def test_changes_that_fail_are_reported_and_the_others_made(api: Transport, ann: User, bob: User) -> None:
    project = ProjectFactory()
    ProjectMemberFactory(project=project, user=ann, role=Role.VIEWER)
    archived = ProjectFactory(status=ProjectStatus.ARCHIVED)
    ProjectMemberFactory(project=archived, user=ann, role=Role.EDITOR)
    mine, stale = TaskFactory(created_by=ann), TaskFactory(created_by=ann)
    of_others, seen = TaskFactory(created_by=bob), TaskFactory(project=project)
    kept = TaskFactory(created_by=ann, project=archived)
    closed = UserFactory(status=UserStatus.DEACTIVATED)
    items = [
        change(of_others, title="No"),
        change("none", title="No"),
        change(seen, title="No"),
        change(kept, title="No"),
        change(stale, title="No", version=7),
        change(mine, title="x" * 201, rank="a0", assigned_to=str(closed.pk)),
        change(mine, ["title"], title=""),
        change(mine, ["nonsense"]),
        change(mine, status=99),
        change(mine, version=-1),
        change(mine, project_id=str(project.pk)),
        change(mine, title="Yes", version=1),
    ]
    answer = api(BULK, items, actor=ann)
    assert (answer.success_count, answer.committed_through) == (1, 12)
    assert [task.title for task in answer.tasks] == ["Yes"]
    codes = [
        code_pb2.NOT_FOUND, code_pb2.NOT_FOUND, code_pb2.PERMISSION_DENIED, code_pb2.FAILED_PRECONDITION,
        code_pb2.ABORTED, *[code_pb2.INVALID_ARGUMENT] * 5, code_pb2.PERMISSION_DENIED,
    ]  # fmt: skip
    assert [(error.index, error.code) for error in answer.errors] == list(enumerate(codes))
    assert answer.errors[0].error_message == f"Task with ID '{of_others.pk}' not found"
    archived_message = "The project is archived; unarchive it to change it or what is in it."
    assert answer.errors[3].error_message == archived_message
    assert {v.field for v in answer.errors[5].field_violations} == {"title", "rank", "assigned_to"}
    fields = [[violation.field for violation in error.field_violations] for error in answer.errors]
    assert fields[6:10] == [["title"], ["nonsense"], ["status"], ["version"]]
    assert set(Task.objects.exclude(pk=mine.pk).values_list("version", flat=True)) == {1}


def test_a_change_builds_on_those_before_it(api: Transport, ann: User) -> None:
    task, other = TaskFactory(created_by=ann), TaskFactory(created_by=ann)
    items = [
        change(task, title="One", version=1),
        change(other, title="Other"),
        change(task, description="Two", version=2),
        change(task, title="Stale", version=1),
        change(task, labels=["three"]),
    ]
    answer = api(BULK, items, actor=ann)
    assert (answer.success_count, [error.index for error in answer.errors]) == (4, [3])
    task.refresh_from_db()
    assert (task.title, task.description, task.labels, task.version) == ("One", "Two", ["three"], 4)
    versions = Change.objects.filter(subject_id=task.pk).order_by("id").values_list("subject_version", flat=True)
    assert list(versions) == [1, 2, 3, 4]


def test_editors_change_and_move_the_tasks_of_their_project(api: Transport, ann: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.EDITOR).project
    inside, moved = TaskFactory.create_batch(2, project=project)
    answer = api(BULK, [change(inside, title="New"), change(moved, ["project_id"])], actor=ann)
    assert (answer.success_count, list(answer.errors)) == (2, [])
    assert [(task.title, task.project_id) for task in answer.tasks] == [("New", str(project.pk)), (moved.title, "")]


def test_a_completed_task_keeps_its_time(api: Transport, ann: User) -> None:
    done = TaskFactory(created_by=ann, status=Status.DONE, completed_at=datetime(2027, 1, 1, tzinfo=UTC))
    open_again = TaskFactory(created_by=ann, status=Status.DONE, completed_at=datetime(2027, 1, 1, tzinfo=UTC))
    items = [change(done, title="New"), change(open_again, status=task_pb2.TASK_STATUS_TODO)]
    assert api(BULK, items, actor=ann).success_count == 2
    done.refresh_from_db()
    open_again.refresh_from_db()
    assert (done.completed_at, open_again.completed_at) == (datetime(2027, 1, 1, tzinfo=UTC), None)


def test_atomic_makes_all_changes_or_none(api: Transport, ann: User) -> None:
    tasks = TaskFactory.create_batch(3, created_by=ann)
    items = [change(task, title="New") for task in tasks]
    failed = api(BULK, [*items, change(tasks[0], title="Late", version=1)], actor=ann, bulk_mode="atomic")
    assert (failed.success_count, [error.index for error in failed.errors], len(failed.tasks)) == (0, [3], 0)
    assert not Task.objects.filter(title="New").exists()
    assert api(BULK, items, actor=ann, bulk_mode="atomic").success_count == 3
    assert Task.objects.filter(title="New", version=2).count() == 3


def test_a_key_is_used_once(api: Transport, ann: User) -> None:
    task = TaskFactory(created_by=ann)
    once = change(task, title="Once", request_id="row-1")
    assert api(BULK, [once], actor=ann).tasks[0].version == 2
    Task.objects.filter(pk=task.pk).update(title="Later")
    again = api(BULK, [once], actor=ann)
    assert (again.success_count, again.tasks[0].version) == (1, 2)
    task.refresh_from_db()
    assert (task.title, task.version) == ("Later", 3)


def test_without_the_fast_path_it_writes_the_same(api: Transport, ann: User, settings: Any) -> None:
    settings.JSON_BULK_INSERTS = False
    task, other = TaskFactory(created_by=ann, assigned_to=ann), TaskFactory(created_by=ann)
    answer = api(BULK, [change(task, title="New", assigned_to=""), change(other, status=DONE)], actor=ann)
    assert answer.success_count == 2
    assert list(answer.tasks) == [task_message(Task.objects.get(pk=one.pk)) for one in (task, other)]
