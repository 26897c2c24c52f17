"""Rules of projects and members that hold for every writer, and the checks for what lies in projects."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction

from changes.models import Change, Operation
from core.db.saving import save_clean
from core.errors import AlreadyExists, Conflict
from projects.models import Project, ProjectMember, Role, Status
from projects.queries import get_project, project_ids, role_of
from projects.services import project_for, projects_for, require_not_archived
from tests.support.factories import AdministratorFactory, ProjectFactory, ProjectMemberFactory
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(ann: User) -> Project:
    return ProjectFactory(name="Hall 3", created_by=ann)


@pytest.mark.parametrize("name", ["Hall 3", "hall 3", "HALL 3"])
def test_a_creator_has_one_open_project_of_a_name(project: Project, ann: User, bob: User, name: str) -> None:
    with pytest.raises(AlreadyExists, match="Project with this name already exists"), transaction.atomic():
        save_clean(Project(created_by=ann), name=name)
    save_clean(Project(created_by=bob), name=name)
    Project.objects.filter(pk=project.pk).update(status=Status.ARCHIVED)
    save_clean(Project(created_by=ann), name=name)


def test_case_is_that_of_all_letters(ann: User) -> None:
    ProjectFactory(name="ÄRGERNIS", created_by=ann)
    with pytest.raises(IntegrityError):
        ProjectFactory(name="ärgernis", created_by=ann)


def test_a_number_is_that_of_one_project(ann: User, bob: User) -> None:
    ProjectFactory.create_batch(2, number="", created_by=ann)
    ProjectFactory(number="2026-7", created_by=ann, status=Status.ARCHIVED)
    with pytest.raises(AlreadyExists, match="Project with number '2026-7' already exists"):
        save_clean(Project(created_by=bob), name="Another", number="2026-7")


def test_a_membership_goes_with_its_user(project: Project, ann: User, bob: User) -> None:
    ProjectMemberFactory(project=project, user=bob, added_by=ann)
    ProjectMemberFactory(project=project, user=ann)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM users_user WHERE id = %s", [ann.pk])
    member = ProjectMember.objects.get()
    assert (member.user_id, member.added_by_id, member.version) == (bob.pk, None, 2)
    project.refresh_from_db(fields=["created_by_id"])
    assert project.created_by_id is None


def test_members_leave_a_deleted_project_after_its_deletion(project: Project) -> None:
    members = ProjectMemberFactory.create_batch(3, project=project)
    other = ProjectMemberFactory()
    Project.objects.filter(pk=project.pk).delete()
    deletions = Change.objects.filter(operation=Operation.DELETED).order_by("id")
    types = list(deletions.values_list("subject_type", flat=True))
    assert types == ["project", *["project.member"] * len(members)]
    assert list(ProjectMember.objects.all()) == [other]


def test_who_sees_a_project(project: Project, ann: User, bob: User) -> None:
    ProjectMemberFactory(project=project, user=bob, role=Role.EDITOR)
    hidden = ProjectFactory()
    administrator = AdministratorFactory()
    assert [set(Project.objects.visible_to(actor)) for actor in (ann, bob, administrator)] == [
        set(), {project}, {project, hidden},
    ]  # fmt: skip
    assert get_project(bob, str(project.pk)) == (project, Role.EDITOR)
    assert get_project(administrator, str(project.pk)) == (project, None)
    for actor, wanted in ((ann, project.pk), (bob, hidden.pk), (administrator, "no id")):
        with pytest.raises(Project.DoesNotExist):
            get_project(actor, str(wanted))
    assert [list(project_ids(bob, least)) for least in Role] == [[{"project_id": project.pk}]] * 2 + [[]]
    assert role_of(ann, project.pk) is None


def test_project_for_what_lies_in_it(project: Project, ann: User, bob: User) -> None:
    ProjectMemberFactory(project=project, user=bob, role=Role.VIEWER)
    assert project_for(bob, str(project.pk), Role.VIEWER) == project
    assert project_for(AdministratorFactory(), str(project.pk), Role.MANAGER) == project
    with pytest.raises(PermissionDenied, match="role editor"):
        project_for(bob, str(project.pk))
    for actor, wanted in ((ann, str(project.pk)), (bob, "no id"), (bob, "")):
        with pytest.raises(ValidationError) as caught:
            project_for(actor, wanted, field="metadata.project_id")
        assert caught.value.message_dict == {"metadata.project_id": ["There is no such project."]}
    Project.objects.filter(pk=project.pk).update(status=Status.ARCHIVED)
    with pytest.raises(Conflict, match="archived"):
        project_for(bob, str(project.pk), Role.VIEWER)
    with pytest.raises(Conflict, match="archived"):
        require_not_archived(project.pk)
    require_not_archived(None)


def test_many_projects_cost_three_statements(project: Project, bob: User, django_assert_num_queries: object) -> None:
    members = ProjectMemberFactory.create_batch(5, user=bob, role=Role.EDITOR)
    wanted = [str(member.project_id) for member in members]
    with django_assert_num_queries(3):  # type: ignore[operator]
        found = projects_for(bob, [*wanted, str(project.pk)])
    assert [found[text] for text in wanted] == [member.project for member in members]
    assert isinstance(found[str(project.pk)], ValidationError)


def test_user_in_a_project_twice(project: Project, ann: User) -> None:
    ProjectMemberFactory(project=project, user=ann)
    with pytest.raises(AlreadyExists, match="member of the project already"):
        save_clean(ProjectMember(project=project, user=ann), role=Role.EDITOR)
