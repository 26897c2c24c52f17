from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from changes.models import Change
from projects.models import Project, ProjectMember, Role, Status
from projects.services import STEP
from tandem.project.v1.project_pb2 import CreateProjectRequest, DeleteProjectRequest
from tandem.task.v1.task_pb2 import CreateTaskRequest
from tasks.models import Task
from tests.support.factories import MeetingFactory, ProjectFactory, ProjectMemberFactory, TaskFactory
from tests.support.transports import Failed, Transport
from users.models import User

DELETE = "ProjectService/DeleteProject"


def test_an_empty_project_goes_with_its_members(api: Transport, ann: User, bob: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project
    ProjectMemberFactory(project=project, user=bob)
    kept = ProjectMemberFactory(user=bob)
    api(DELETE, DeleteProjectRequest(project_id=str(project.pk)), actor=ann)
    assert list(Project.objects.all()) == [kept.project]
    assert list(ProjectMember.objects.all()) == [kept]


def test_what_lies_in_it_stays_without_it(api: Transport, ann: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project
    task, meeting = TaskFactory(project=project, created_by=ann), MeetingFactory(project=project)
    request = DeleteProjectRequest(project_id=str(project.pk))
    failed = api.failure(DELETE, request, actor=ann)
    assert (failed.reason, "holds tasks" in failed.message) == ("CONFLICT", True)
    request.force = True
    api(DELETE, request, actor=ann)
    for row in (task, meeting):
        row.refresh_from_db()
        assert (row.project_id, row.version) == (None, 2)
    deleted = Change.objects.filter(subject_type__in=["task", "meeting", "project"]).order_by("-id")
    assert deleted[0].subject_type == "project"


def test_a_large_project_releases_its_tasks_in_several_transactions(committing_api: Transport, ann: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project
    Task.objects.bulk_create(Task(title="T", project=project, created_by=ann) for _ in range(STEP + 1))
    request = DeleteProjectRequest(project_id=str(project.pk), force=True)
    committing_api(DELETE, request, actor=ann, if_match='"1"')
    assert not Project.objects.exists()
    assert Task.objects.filter(project=None, version=2).count() == STEP + 1
    released = Change.objects.filter(subject_type="task", operation="updated")
    assert Counter(released.values_list("xid", flat=True)).most_common()[0][1] == STEP
    last = Change.objects.get(subject_type="project", operation="deleted")
    assert released.filter(xid=last.xid).count() == 1


def test_a_task_is_put_into_a_project_that_is_being_deleted(committing_api: Transport, ann: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project

    def call(operation: str, request: Any) -> str:
        try:
            committing_api(operation, request, actor=ann)
            return "OK"
        except Failed as failed:
            return failed.reason
        finally:
            connection.close()

    put = CreateTaskRequest(title="T", project_id=str(project.pk))
    delete = DeleteProjectRequest(project_id=str(project.pk))
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(call, ["TaskService/CreateTask", DELETE], [put, delete]))
    assert outcomes in (["OK", "CONFLICT"], ["INVALID", "OK"])
    assert Task.objects.count() == Project.objects.count()


def test_only_managers_and_administrators_may(api: Transport, ann: User, bob: User, administrator: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.EDITOR).project
    request = DeleteProjectRequest(project_id=str(project.pk), force=True)
    assert api.failure(DELETE, request, actor=bob).reason == "NOT_FOUND"
    assert api.failure(DELETE, request, actor=ann).reason == "FORBIDDEN"
    api(DELETE, request, actor=administrator)
    assert not Project.objects.exists()


@pytest.mark.parametrize("force", [False, True])
def test_an_archived_project_stays(api: Transport, ann: User, force: bool) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.MANAGER, project__status=Status.ARCHIVED).project
    request = DeleteProjectRequest(project_id=str(project.pk), force=force)
    assert api.failure(DELETE, request, actor=ann).reason == "CONFLICT"


def test_another_version_stays(api: Transport, ann: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project
    request = DeleteProjectRequest(project_id=str(project.pk))
    assert api.failure(DELETE, request, actor=ann, if_match='"2"').reason == "STALE"
    api(DELETE, request, actor=ann, if_match='"1"')
    assert api.failure(DELETE, request, actor=ann).reason == "NOT_FOUND"


def test_kept_answers_go_with_it(api: Transport, ann: User) -> None:
    request = CreateProjectRequest(name="T")
    made = api("ProjectService/CreateProject", request, actor=ann, idempotency_key="k").project
    api(DELETE, DeleteProjectRequest(project_id=made.id), actor=ann)
    assert api.failure("ProjectService/CreateProject", request, actor=ann, idempotency_key="k").reason == "NOT_FOUND"


def test_its_name_is_free_again(api: Transport, ann: User) -> None:
    project = ProjectMemberFactory(
        user=ann, role=Role.MANAGER, project=ProjectFactory(name="T", created_by=ann)
    ).project
    api(DELETE, DeleteProjectRequest(project_id=str(project.pk)), actor=ann)
    made = api("ProjectService/CreateProject", CreateProjectRequest(name="T"), actor=ann).project
    assert (made.name, made.id != str(project.pk)) == ("T", True)
