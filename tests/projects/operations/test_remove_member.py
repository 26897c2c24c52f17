from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from projects.models import Project, ProjectMember, Role, Status
from tandem.project.v1.project_pb2 import GetProjectRequest, RemoveMemberRequest
from tests.support.factories import ProjectMemberFactory
from tests.support.transports import Failed, Transport
from users.models import User

REMOVE = "ProjectService/RemoveMember"


@pytest.fixture
def project(ann: User) -> Project:
    return ProjectMemberFactory(user=ann, role=Role.MANAGER).project


def remove(project: Project, user: object) -> RemoveMemberRequest:
    return RemoveMemberRequest(project_id=str(project.pk), user_id=str(user))


def test_a_removed_member_sees_nothing(api: Transport, project: Project, ann: User, bob: User) -> None:
    ProjectMemberFactory(project=project, user=bob, role=Role.EDITOR)
    api(REMOVE, remove(project, bob.pk), actor=ann)
    request = GetProjectRequest(project_id=str(project.pk))
    assert api.failure("ProjectService/GetProject", request, actor=bob).reason == "NOT_FOUND"
    assert api.failure(REMOVE, remove(project, bob.pk), actor=ann).reason == "NOT_FOUND"


def test_each_member_may_leave(api: Transport, project: Project, bob: User) -> None:
    for named in ("me", str(bob.pk)):
        ProjectMemberFactory(project=project, user=bob)
        api(REMOVE, remove(project, named), actor=bob)
    assert ProjectMember.objects.count() == 1


def test_who_may(api: Transport, project: Project, ann: User, bob: User) -> None:
    assert api.failure(REMOVE, remove(project, ann.pk), actor=bob).reason == "NOT_FOUND"
    assert api.failure(REMOVE, remove(project, "x"), actor=ann).reason == "NOT_FOUND"
    ProjectMemberFactory(project=project, user=bob, role=Role.EDITOR)
    assert api.failure(REMOVE, remove(project, ann.pk), actor=bob).reason == "FORBIDDEN"
    assert api.failure(REMOVE, remove(project, bob.pk), actor=ann, if_match='"2"').reason == "STALE"
    Project.objects.update(status=Status.ARCHIVED)
    for actor in (ann, bob):
        assert api.failure(REMOVE, remove(project, bob.pk), actor=actor).reason == "CONFLICT"
    assert ProjectMember.objects.count() == 2


def test_the_last_manager_stays(api: Transport, project: Project, ann: User, administrator: User) -> None:
    ProjectMemberFactory(project=project, role=Role.EDITOR)
    for actor in (ann, administrator):
        assert api.failure(REMOVE, remove(project, ann.pk), actor=actor).reason == "CONFLICT"


def test_managers_who_leave_at_once_leave_one(
    committing_api: Transport, project: Project, ann: User, bob: User
) -> None:
    def leave(user: User) -> str:
        try:
            committing_api(REMOVE, remove(project, "me"), actor=user)
            return "OK"
        except Failed as failed:
            return failed.reason
        finally:
            connection.close()

    for _ in range(5):
        for user in (ann, bob):
            ProjectMember.objects.get_or_create(project=project, user=user, defaults={"role": Role.MANAGER})
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(leave, [ann, bob])) == ["CONFLICT", "OK"]
        assert ProjectMember.objects.count() == 1
