from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from google.protobuf.field_mask_pb2 import FieldMask

from projects.models import Project, Role, Status
from tandem.project.v1 import project_pb2
from tandem.project.v1.project_pb2 import UpdateProjectRequest
from tests.support.factories import ProjectFactory, ProjectMemberFactory
from tests.support.transports import Failed, Transport
from users.models import User

UPDATE = "ProjectService/UpdateProject"


@pytest.fixture
def project(ann: User) -> Project:
    project = ProjectFactory(name="Hall 3", number="7", client="Works", drawing_standard=2, created_by=ann)
    return ProjectMemberFactory(project=project, user=ann, role=Role.MANAGER).project


def update(project: Project, *paths: str, **fields: object) -> UpdateProjectRequest:
    mask = FieldMask(paths=paths or fields)
    return UpdateProjectRequest(
        project_id=str(project.pk),
        project=project_pb2.Project(**fields),  # type: ignore[arg-type]
        update_mask=mask,
    )


def test_named_fields_are_changed(api: Transport, project: Project, ann: User) -> None:
    answer = api.answer(UPDATE, update(project, name=" Hall 4 ", client="Mill"), actor=ann)
    changed = answer.message.project
    assert (changed.name, changed.client, changed.number, changed.version) == ("Hall 4", "Mill", "7", 2)
    assert (answer.version, changed.my_role) == (2, project_pb2.PROJECT_ROLE_MANAGER)


def test_named_fields_that_are_unset_are_cleared(api: Transport, project: Project, ann: User) -> None:
    cleared = api(UPDATE, update(project, "number", "client", "drawing_standard"), actor=ann).project
    assert (cleared.name, cleared.number, cleared.client) == ("Hall 3", "", "")
    assert cleared.drawing_standard == project_pb2.DRAWING_STANDARD_AUTO


def test_nothing_new_writes_nothing(api: Transport, project: Project, ann: User) -> None:
    assert api(UPDATE, update(project, name="Hall 3"), actor=ann).project.version == 1


@pytest.mark.parametrize(
    ("paths", "fields"),
    [
        (["name"], {"name": "required"}),
        (["status"], {"status": "read_only"}),
        (["my_role", "created_by"], {"my_role": "read_only", "created_by": "read_only"}),
        (["members"], {"members": "unknown"}),
    ],
)
def test_bad_paths(api: Transport, project: Project, ann: User, paths: list[str], fields: dict[str, str]) -> None:
    failed = api.failure(UPDATE, update(project, *paths), actor=ann)
    assert (failed.reason, failed.fields) == ("INVALID", fields)
    project.refresh_from_db()
    assert project.version == 1


def test_names_and_numbers_stay_unique(api: Transport, project: Project, ann: User) -> None:
    ProjectFactory(name="Gallery", number="8", created_by=ann)
    for taken in ({"name": "GALLERY"}, {"number": "8"}):
        assert api.failure(UPDATE, update(project, **taken), actor=ann).reason == "ALREADY_EXISTS"
    assert api(UPDATE, update(project, name="HALL 3"), actor=ann).project.name == "HALL 3"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_other_members_may_not(api: Transport, project: Project, bob: User, role: Role) -> None:
    assert api.failure(UPDATE, update(project, name="Mine"), actor=bob).reason == "NOT_FOUND"
    ProjectMemberFactory(project=project, user=bob, role=role)
    assert api.failure(UPDATE, update(project, name="Mine"), actor=bob).reason == "FORBIDDEN"


def test_administrators_may(api: Transport, project: Project, administrator: User) -> None:
    assert api(UPDATE, update(project, name="Theirs"), actor=administrator).project.name == "Theirs"


def test_an_archived_project_is_not_changed(api: Transport, project: Project, ann: User, administrator: User) -> None:
    Project.objects.filter(pk=project.pk).update(status=Status.ARCHIVED)
    for actor in (ann, administrator):
        failed = api.failure(UPDATE, update(project, name="New"), actor=actor)
        assert (failed.reason, "unarchive" in failed.message) == ("CONFLICT", True)


def test_one_of_many_editors_of_a_version_wins(committing_api: Transport, project: Project, ann: User) -> None:
    def edit(number: int) -> bool:
        try:
            committing_api(UPDATE, update(project, name=f"Hall {number + 10}"), actor=ann, if_match='"1"')
            return True
        except Failed as failed:
            assert failed.reason == "STALE"
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(edit, range(8))) == 1
