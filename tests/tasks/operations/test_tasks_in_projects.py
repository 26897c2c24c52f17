"""Tasks of a project: the roles that see, create, change, move and delete them."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from core.db.ids import uuid7
from projects.models import Project, Role, Status
from tandem.task.v1.task_pb2 import (
    BulkCreateResponse,
    CreateTaskRequest,
    DeleteTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    UpdateTaskRequest,
)
from tasks.models import Task
from tests.support.factories import (
    AdministratorFactory,
    ProjectFactory,
    ProjectMemberFactory,
    TaskFactory,
)
from tests.support.transports import Failed, Transport
from users.models import User

CREATE, GET, UPDATE, DELETE = (f"TaskService/{rpc}Task" for rpc in ("Create", "Get", "Update", "Delete"))
ROLES = {"viewer": Role.VIEWER, "editor": Role.EDITOR, "manager": Role.MANAGER}


@pytest.fixture
def project(db: None) -> Project:
    return ProjectFactory()


@pytest.fixture
def people(project: Project) -> dict[str, User]:
    """A member of each role, a user who is not a member, and an administrator."""
    members = {name: ProjectMemberFactory(project=project, role=role).user for name, role in ROLES.items()}
    # A manager of another project is a stranger in this one.
    stranger = ProjectMemberFactory(role=Role.MANAGER).user
    return {**members, "stranger": stranger, "administrator": AdministratorFactory()}


def reason_of(call: Any, *args: Any, **kwargs: Any) -> str:
    """Return the reason why a call fails; OK = it does not."""
    try:
        call(*args, **kwargs)
    except Failed as failed:
        return failed.reason
    return "OK"


def archive(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(status=Status.ARCHIVED)


@pytest.mark.parametrize(
    ("rpc", "expected"),
    [
        (GET, {"viewer": "OK", "editor": "OK", "manager": "OK", "stranger": "NOT_FOUND", "administrator": "OK"}),
        (UPDATE, {"viewer": "FORBIDDEN", "editor": "OK", "manager": "OK", "stranger": "NOT_FOUND",
                  "administrator": "OK"}),
        (DELETE, {"viewer": "FORBIDDEN", "editor": "FORBIDDEN", "manager": "OK", "stranger": "NOT_FOUND",
                  "administrator": "OK"}),
    ],
    ids=["get", "update", "delete"],
)  # fmt: skip
def test_what_the_role_allows(
    api: Transport, project: Project, people: dict[str, User], rpc: str, expected: dict[str, str]
) -> None:
    requests = {GET: GetTaskRequest, UPDATE: UpdateTaskRequest, DELETE: DeleteTaskRequest}
    found = {}
    for who, actor in people.items():
        task = TaskFactory(project=project)
        changes = {"title": "Changed"} if rpc == UPDATE else {}
        found[who] = reason_of(api, rpc, requests[rpc](id=str(task.pk), **changes), actor=actor)
        changed = not Task.objects.filter(pk=task.pk, title=task.title).exists()
        assert changed == (found[who] == "OK" and rpc != GET)
    assert found == expected


def test_a_task_is_put_into_a_project_by_its_editors(api: Transport, project: Project, people: dict[str, User]) -> None:
    found = {}
    for who, actor in people.items():
        request = CreateTaskRequest(title=who, project_id=str(project.pk))
        found[who] = reason_of(api, CREATE, request, actor=actor)
        assert Task.objects.filter(title=who, project=project).exists() == (found[who] == "OK")
    assert found == {
        "viewer": "FORBIDDEN", "editor": "OK", "manager": "OK", "stranger": "INVALID", "administrator": "OK",
    }  # fmt: skip


def test_a_project_is_part_of_the_task(api: Transport, project: Project, people: dict[str, User], ann: User) -> None:
    # An assignee need not be a member.
    request = CreateTaskRequest(title="Draw", project_id=str(project.pk), assigned_to=str(ann.pk))
    task = api(CREATE, request, actor=people["editor"])
    assert task.project_id == str(project.pk)
    for actor in (people["viewer"], ann):
        assert api(GET, GetTaskRequest(id=task.id), actor=actor).project_id == str(project.pk)
    assert api(CREATE, CreateTaskRequest(title="Mine"), actor=ann).project_id == ""


@pytest.mark.parametrize("project_id", ["", "nonsense", "019a2b3c-0000-7000-8000-000000000000", "\u00e9" * 300, "me"])
def test_an_unknown_project(api: Transport, ann: User, project_id: str) -> None:
    task = TaskFactory(created_by=ann)
    if not project_id:
        project_id = str(ProjectFactory().pk)
    for rpc, request in (
        (CREATE, CreateTaskRequest(title="", project_id=project_id)),
        (UPDATE, UpdateTaskRequest(id=str(task.pk), title=" ", project_id=project_id)),
    ):
        with pytest.raises(Failed) as failed:
            api(rpc, request, actor=ann)
        assert failed.value.messages == {
            "project_id": "There is no such project.",
            "title": "Title is required",
        }
    assert Task.objects.get().project_id is None


def test_members_of_a_role_lose_it(api: Transport, project: Project, ann: User) -> None:
    membership = ProjectMemberFactory(project=project, user=ann, role=Role.EDITOR)
    task = TaskFactory(project=project)
    api(UPDATE, UpdateTaskRequest(id=str(task.pk), title="By an editor"), actor=ann)
    membership.delete()
    for rpc, request in (
        (GET, GetTaskRequest(id=str(task.pk))),
        (UPDATE, UpdateTaskRequest(id=str(task.pk), title="x")),
    ):
        assert reason_of(api, rpc, request, actor=ann) == "NOT_FOUND"
    # Creator and assignee need no membership.
    own = TaskFactory(project=project, created_by=ann)
    assert reason_of(api, UPDATE, UpdateTaskRequest(id=str(own.pk), title="By its creator"), actor=ann) == "OK"


def test_an_archived_project_is_only_read(api: Transport, project: Project, people: dict[str, User], ann: User) -> None:
    task = TaskFactory(project=project, created_by=ann)
    outside = TaskFactory(created_by=ann)
    ProjectMemberFactory(project=project, user=ann, role=Role.EDITOR)
    archive(project)
    for actor in (ann, people["manager"], people["administrator"]):
        assert api(GET, GetTaskRequest(id=str(task.pk)), actor=actor).title == task.title
        for rpc, request in (
            (CREATE, CreateTaskRequest(title="New", project_id=str(project.pk))),
            (UPDATE, UpdateTaskRequest(id=str(task.pk), title="Changed")),
            (UPDATE, UpdateTaskRequest(id=str(task.pk), project_id="")),
            (DELETE, DeleteTaskRequest(id=str(task.pk))),
        ):
            assert reason_of(api, rpc, request, actor=actor) == "CONFLICT"
    into = UpdateTaskRequest(id=str(outside.pk), project_id=str(project.pk))
    assert reason_of(api, UPDATE, into, actor=ann) == "CONFLICT"
    # The role is checked before the state of the project.
    request = UpdateTaskRequest(id=str(task.pk), title="Changed")
    assert reason_of(api, UPDATE, request, actor=people["viewer"]) == "FORBIDDEN"
    assert Task.objects.filter(title__in=("New", "Changed")).count() == 0


def test_tasks_are_moved(api: Transport, project: Project, people: dict[str, User], ann: User) -> None:
    other = ProjectFactory()
    ProjectMemberFactory(project=other, user=people["editor"], role=Role.EDITOR)
    ProjectMemberFactory(project=other, user=ann, role=Role.EDITOR)

    def moved(task: Task, to: str, actor: User) -> str:
        reason = reason_of(api, UPDATE, UpdateTaskRequest(id=str(task.pk), project_id=to), actor=actor)
        task.refresh_from_db(fields=["project"])
        assert (str(task.project_id or "") == to) == (reason == "OK")
        return reason

    # Editors of both projects, and the creator, who need not be a member of the old one.
    assert moved(TaskFactory(project=project), str(other.pk), people["editor"]) == "OK"
    assert moved(TaskFactory(project=project, created_by=ann), str(other.pk), ann) == "OK"
    assert moved(TaskFactory(project=project, created_by=ann), "", ann) == "OK"
    assert moved(TaskFactory(assigned_to=ann), str(other.pk), ann) == "OK"
    # The manager does not see the other project; the assignee may not take the task away from the team.
    assert moved(TaskFactory(project=project), str(other.pk), people["manager"]) == "INVALID"
    assert moved(TaskFactory(project=project, assigned_to=ann), "", ann) == "FORBIDDEN"
    assert moved(TaskFactory(project=project, assigned_to=ann), str(other.pk), ann) == "FORBIDDEN"
    # A viewer of the target puts nothing into it.
    ProjectMemberFactory(project=other, user=people["viewer"], role=Role.VIEWER)
    assert moved(TaskFactory(created_by=people["viewer"]), str(other.pk), people["viewer"]) == "FORBIDDEN"


def test_naming_the_present_project_is_no_move(api: Transport, project: Project, ann: User) -> None:
    task = TaskFactory(project=project, assigned_to=ann)
    request = UpdateTaskRequest(id=str(task.pk), title="Renamed", project_id=str(project.pk))
    answer = api(UPDATE, request, actor=ann)
    assert (answer.title, answer.project_id, answer.version) == ("Renamed", str(project.pk), 2)
    unchanged = UpdateTaskRequest(id=str(task.pk), project_id=str(project.pk))
    assert api(UPDATE, unchanged, actor=ann).version == 2
    assert api("TaskService/BulkUpdateTasks", [unchanged], actor=ann).tasks[0].version == 2


def test_a_mask_clears_the_project(api: Transport, project: Project, people: dict[str, User]) -> None:
    task = TaskFactory(project=project)
    request = UpdateTaskRequest(id=str(task.pk), update_mask=FieldMask(paths=["project_id"]))
    assert api(UPDATE, request, actor=people["administrator"]).project_id == ""
    assert Task.objects.get(pk=task.pk).project_id is None


def test_a_deleted_project_leaves_its_tasks(db: None, project: Project, ann: User) -> None:
    task = TaskFactory(project=project, created_by=ann)
    project.delete()
    task.refresh_from_db()
    assert (task.project_id, task.version) == (None, 2)


def test_each_item_of_a_bulk_has_its_project(api: Transport, project: Project, people: dict[str, User]) -> None:
    archived = ProjectFactory()
    ProjectMemberFactory(project=archived, user=people["editor"], role=Role.EDITOR)
    archive(archived)
    seen = ProjectMemberFactory(user=people["editor"], role=Role.VIEWER).project
    items = [
        CreateTaskRequest(title="In it", project_id=str(project.pk)),
        CreateTaskRequest(title="In none"),
        CreateTaskRequest(title="Unknown", project_id=str(uuid7())),
        CreateTaskRequest(title="Archived", project_id=str(archived.pk)),
        CreateTaskRequest(title="Only seen", project_id=str(seen.pk)),
    ]
    answer: BulkCreateResponse = api("TaskService/BulkCreateTasks", items, actor=people["editor"])
    assert [(task.title, task.project_id) for task in answer.tasks] == [("In it", str(project.pk)), ("In none", "")]
    # INVALID_ARGUMENT, FAILED_PRECONDITION, PERMISSION_DENIED.
    assert [(error.index, error.code) for error in answer.errors] == [(2, 3), (3, 9), (4, 7)]
    assert [violation.field for violation in answer.errors[0].field_violations] == ["project_id"]
    assert Task.objects.count() == 2


def test_a_kept_answer_is_not_shown_to_a_former_member(api: Transport, project: Project, ann: User) -> None:
    membership = ProjectMemberFactory(project=project, user=ann, role=Role.EDITOR)
    task = TaskFactory(project=project)
    request = UpdateTaskRequest(id=str(task.pk), title="Once")

    def send() -> Any:
        return api(UPDATE, request, actor=ann, idempotency_key="k")

    assert send().title == send().title == "Once"
    membership.delete()
    assert reason_of(send) == "NOT_FOUND"


def test_the_list_of_a_project(api: Transport, project: Project, people: dict[str, User], ann: User) -> None:
    inside = [TaskFactory(project=project) for _ in range(3)]
    own = TaskFactory(project=project, created_by=ann)
    TaskFactory(created_by=ann)
    TaskFactory(created_by=people["viewer"])

    def listed(actor: User, project_id: str) -> set[str]:
        answer = api("TaskService/ListTasks", ListTasksRequest(project_id=project_id), actor=actor)
        assert answer.total_count == len(answer.tasks)
        return {task.id for task in answer.tasks}

    every = {str(task.pk) for task in (*inside, own)}
    assert listed(people["viewer"], str(project.pk)) == listed(people["administrator"], str(project.pk)) == every
    # A non-member sees what is their own.
    assert listed(ann, str(project.pk)) == {str(own.pk)}
    assert listed(people["stranger"], str(project.pk)) == set()
    for unknown in ("nonsense", str(uuid7())):
        assert listed(people["administrator"], unknown) == set()
