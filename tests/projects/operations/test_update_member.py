from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from projects.models import Project, ProjectMember, Role, Status
from tandem.project.v1.project_pb2 import UpdateMemberRequest
from tests.support.factories import ProjectMemberFactory
from tests.support.transports import Failed, Transport
from users.models import User

UPDATE = "ProjectService/UpdateMember"


@pytest.fixture
def project(ann: User) -> Project:
    return ProjectMemberFactory(user=ann, role=Role.MANAGER).project


def change(project: Project, user: object, role: int) -> UpdateMemberRequest:
    return UpdateMemberRequest(project_id=str(project.pk), user_id=str(user), role=role)  # type: ignore[arg-type]


def test_a_manager_gives_another_role(api: Transport, project: Project, ann: User, bob: User) -> None:
    ProjectMemberFactory(project=project, user=bob)
    answer = api.answer(UPDATE, change(project, bob.pk, Role.EDITOR), actor=ann)
    assert (answer.message.member.role, answer.version) == (Role.EDITOR, 2)
    assert api.failure(UPDATE, change(project, bob.pk, Role.VIEWER), actor=ann, if_match='"1"').reason == "STALE"


def test_an_unknown_role_is_refused(api: Transport, project: Project, ann: User) -> None:
    failed = api.failure(UPDATE, change(project, "me", 99), actor=ann)
    assert (failed.reason, failed.fields) == ("INVALID", {"role": "choice"})


def test_without_a_role_nothing_changes(api: Transport, project: Project, ann: User) -> None:
    member = api(UPDATE, change(project, "me", 0), actor=ann).member
    assert (member.role, member.version) == (Role.MANAGER, 1)


def test_who_may(api: Transport, project: Project, ann: User, bob: User) -> None:
    assert api.failure(UPDATE, change(project, "me", Role.MANAGER), actor=bob).reason == "NOT_FOUND"
    assert api.failure(UPDATE, change(project, bob.pk, Role.EDITOR), actor=ann).reason == "NOT_FOUND"
    ProjectMemberFactory(project=project, user=bob, role=Role.EDITOR)
    assert api.failure(UPDATE, change(project, "me", Role.MANAGER), actor=bob).reason == "FORBIDDEN"
    Project.objects.update(status=Status.ARCHIVED)
    assert api.failure(UPDATE, change(project, bob.pk, Role.VIEWER), actor=ann).reason == "CONFLICT"


def test_the_last_manager_stays_one(api: Transport, project: Project, ann: User, administrator: User) -> None:
    for actor in (ann, administrator):
        failed = api.failure(UPDATE, change(project, ann.pk, Role.EDITOR), actor=actor)
        assert (failed.reason, "last manager" in failed.message) == ("CONFLICT", True)
    assert api(UPDATE, change(project, "me", Role.MANAGER), actor=ann).member.version == 1
    ProjectMemberFactory(project=project, role=Role.MANAGER)
    assert api(UPDATE, change(project, "me", Role.EDITOR), actor=ann).member.role == Role.EDITOR


def test_managers_who_demote_each_other_at_once_leave_one(
    committing_api: Transport, project: Project, ann: User, bob: User
) -> None:
    ProjectMemberFactory(project=project, user=bob, role=Role.MANAGER)

    def demote(pair: tuple[User, User]) -> str:
        try:
            committing_api(UPDATE, change(project, pair[1].pk, Role.VIEWER), actor=pair[0])
            return "OK"
        except Failed as failed:
            return failed.reason
        finally:
            connection.close()

    for _ in range(5):
        ProjectMember.objects.update(role=Role.MANAGER)
        with ThreadPoolExecutor(2) as pool:
            outcomes = sorted(pool.map(demote, [(ann, bob), (bob, ann)]))
        assert outcomes == ["FORBIDDEN", "OK"]
        assert ProjectMember.objects.filter(role=Role.MANAGER).count() == 1
