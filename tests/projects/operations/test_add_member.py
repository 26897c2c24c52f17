from uuid import uuid4

import pytest

from projects.models import Project, ProjectMember, Role, Status
from tandem.project.v1 import project_pb2
from tandem.project.v1.project_pb2 import AddMemberRequest
from tests.support.factories import ProjectMemberFactory, UserFactory
from tests.support.transports import Transport
from users.models import Status as UserStatus
from users.models import User

ADD = "ProjectService/AddMember"
EDITOR = project_pb2.PROJECT_ROLE_EDITOR


@pytest.fixture
def project(ann: User) -> Project:
    return ProjectMemberFactory(user=ann, role=Role.MANAGER).project


def add(project: Project, user_id: object, role: int = EDITOR) -> AddMemberRequest:
    return AddMemberRequest(project_id=str(project.pk), user_id=str(user_id), role=role)  # type: ignore[arg-type]


def test_a_manager_adds_a_user(api: Transport, project: Project, ann: User, bob: User) -> None:
    answer = api.answer(ADD, add(project, bob.pk), actor=ann)
    member = answer.message.member
    assert (member.project_id, member.user_id, member.role) == (str(project.pk), str(bob.pk), EDITOR)
    assert (member.added_by, member.version, answer.version) == (str(ann.pk), 1, 1)
    assert ProjectMember.objects.get(user=bob).role == project_pb2.PROJECT_ROLE_EDITOR
    assert api.failure(ADD, add(project, bob.pk), actor=ann).reason == "ALREADY_EXISTS"
    project.refresh_from_db()
    assert project.version == 1


def test_an_administrator_adds_themself(api: Transport, project: Project, administrator: User) -> None:
    assert api(ADD, add(project, "me"), actor=administrator).member.user_id == str(administrator.pk)


@pytest.mark.parametrize(
    ("user_id", "role", "fields"),
    [
        ("", 0, {"user_id": "required", "role": "required"}),
        ("x", EDITOR, {"user_id": "unknown"}),
        ("bob", 99, {"role": "choice"}),
        ("unknown", EDITOR, {"user_id": "unknown"}),
        ("closed", EDITOR, {"user_id": "unknown"}),
    ],
)
def test_bad_members(
    api: Transport, project: Project, ann: User, bob: User, user_id: str, role: int, fields: dict[str, str]
) -> None:
    closed = UserFactory(status=UserStatus.BANNED)
    named = {"bob": bob.pk, "unknown": uuid4(), "closed": closed.pk}.get(user_id, user_id)
    failed = api.failure(ADD, add(project, named, role), actor=ann)
    assert (failed.reason, failed.fields) == ("INVALID", fields)
    assert ProjectMember.objects.count() == 1


def test_who_may(api: Transport, project: Project, ann: User, bob: User) -> None:
    assert api.failure(ADD, add(project, "me"), actor=bob).reason == "NOT_FOUND"
    ProjectMemberFactory(project=project, user=bob, role=Role.EDITOR)
    assert api.failure(ADD, add(project, UserFactory().pk), actor=bob).reason == "FORBIDDEN"
    Project.objects.update(status=Status.ARCHIVED)
    assert api.failure(ADD, add(project, UserFactory().pk), actor=ann).reason == "CONFLICT"


def test_a_repeated_key_adds_once(api: Transport, project: Project, ann: User, bob: User) -> None:
    first = api(ADD, add(project, bob.pk), actor=ann, idempotency_key="k")
    assert api(ADD, add(project, bob.pk), actor=ann, idempotency_key="k") == first
