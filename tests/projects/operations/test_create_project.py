import pytest

from changes.models import Change
from projects.models import Project, ProjectMember, Role
from tandem.project.v1 import project_pb2
from tandem.project.v1.project_pb2 import CreateProjectRequest, GetProjectRequest
from tests.support.factories import ProjectFactory
from tests.support.transports import Failed, Transport
from users.models import User

CREATE = "ProjectService/CreateProject"


def create_failure(api: Transport, actor: User, request: CreateProjectRequest) -> Failed:
    before = Project.objects.count()
    failed = api.failure(CREATE, request, actor=actor)
    assert (Project.objects.count(), ProjectMember.objects.count()) == (before, 0)
    return failed


def test_a_name_is_enough(api: Transport, ann: User) -> None:
    answer = api.answer(CREATE, CreateProjectRequest(name=" Hall 3 "), actor=ann)
    project = answer.message.project
    assert (project.name, project.number, project.description, project.client) == ("Hall 3", "", "", "")
    assert project.status == project_pb2.PROJECT_STATUS_ACTIVE
    assert project.drawing_standard == project_pb2.DRAWING_STANDARD_AUTO
    assert (project.version, answer.version) == (1, 1)
    stored = Project.objects.get()
    assert str(stored.pk) == project.id
    assert stored.pk.version == 7
    assert stored.created_by == ann
    assert project.created_by == str(ann.pk)


def test_its_creator_is_its_manager(api: Transport, ann: User) -> None:
    project = api(CREATE, CreateProjectRequest(name="Hall 3"), actor=ann).project
    assert project.my_role == project_pb2.PROJECT_ROLE_MANAGER
    member = ProjectMember.objects.get()
    assert (str(member.project_id), member.user, member.role, member.added_by) == (project.id, ann, Role.MANAGER, ann)
    logged = Change.objects.filter(actor=str(ann.pk)).order_by("id").values_list("subject_type", flat=True)
    assert list(logged) == ["project.member", "project"]


def test_every_field_can_be_set(api: Transport, ann: User) -> None:
    request = CreateProjectRequest(
        number=" 2030-17 ", name="Café", description="Two floors.\nGallery.", client="Example Works",
        drawing_standard=project_pb2.DRAWING_STANDARD_IEEE_315,
    )  # fmt: skip
    made = api(CREATE, request, actor=ann).project
    assert (made.number, made.name, made.client) == ("2030-17", "Café", "Example Works")
    assert made.description == "Two floors.\nGallery."
    assert made.drawing_standard == project_pb2.DRAWING_STANDARD_IEEE_315
    assert api("ProjectService/GetProject", GetProjectRequest(project_id=made.id), actor=ann).project == made


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (CreateProjectRequest(), {"name": "required"}),
        (CreateProjectRequest(name=" \u200b "), {"name": "required"}),
        (CreateProjectRequest(name="x" * 201, number="9" * 51), {"name": "max_length", "number": "max_length"}),
        (CreateProjectRequest(name="a\nb", client="a\0b"),
         {"name": "control_characters", "client": "control_characters"}),
        (CreateProjectRequest(name="T", description="x" * 1001, client="y" * 201),
         {"description": "max_length", "client": "max_length"}),
        (CreateProjectRequest(name="T", drawing_standard=99), {"drawing_standard": "choice"}),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_every_invalid_field_is_named(
    api: Transport, ann: User, request_: CreateProjectRequest, fields: dict[str, str]
) -> None:
    failed = create_failure(api, ann, request_)
    assert (failed.reason, failed.fields) == ("INVALID", fields)


def test_a_name_is_taken_regardless_of_case(api: Transport, ann: User) -> None:
    ProjectFactory(name="Hall 3", created_by=ann)
    failed = create_failure(api, ann, CreateProjectRequest(name="HALL 3"))
    assert (failed.reason, failed.message) == ("ALREADY_EXISTS", "Project with this name already exists")


def test_a_number_is_taken_by_anyone(api: Transport, ann: User, bob: User) -> None:
    ProjectFactory(number="2030-17", created_by=bob)
    failed = create_failure(api, ann, CreateProjectRequest(name="Mine", number="2030-17"))
    assert (failed.reason, failed.message) == ("ALREADY_EXISTS", "Project with number '2030-17' already exists")


def test_a_repeated_key_makes_one_project(api: Transport, ann: User, bob: User) -> None:
    first = api.answer(CREATE, CreateProjectRequest(name="T"), actor=ann, idempotency_key="k")
    member = ProjectMember.objects.get()
    ProjectMember.objects.create(project=member.project, user=bob, role=Role.MANAGER)
    ProjectMember.objects.filter(pk=member.pk).update(role=Role.VIEWER)
    again = api.answer(CREATE, CreateProjectRequest(name="T"), actor=ann, idempotency_key="k").message.project
    assert (again.id, again.my_role) == (first.message.project.id, project_pb2.PROJECT_ROLE_VIEWER)
    ProjectMember.objects.filter(pk=member.pk).delete()
    failed = api.failure(CREATE, CreateProjectRequest(name="T"), actor=ann, idempotency_key="k")
    assert failed.reason == "NOT_FOUND"
    assert Project.objects.count() == 1
