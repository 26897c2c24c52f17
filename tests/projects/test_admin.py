"""Projects in the admin site: through the same services, with the same rules."""

from typing import Any

from django.test import Client
from django.urls import reverse

from changes.models import Change
from projects.models import Project, ProjectMember, Role, Status
from tests.support.factories import MeetingFactory, ProjectFactory, ProjectMemberFactory, TaskFactory
from users.models import User

LIST = reverse("admin:projects_project_changelist")
ADD = reverse("admin:projects_project_add")
ADD_MEMBER = reverse("admin:projects_projectmember_add")


def form(**fields: Any) -> dict[str, Any]:
    return {"number": "", "name": "Hall 3", "description": "", "client": "", "drawing_standard": 1} | fields


def page_of(project: Project, name: str = "change") -> str:
    return reverse(f"admin:projects_project_{name}", args=[project.pk])


def test_the_list_searches_and_filters(site: Client) -> None:
    ProjectFactory(name="Alpha", status=Status.ARCHIVED)
    ProjectFactory(name="Beta", client="Alphabet")

    def shown(**query: Any) -> list[str]:
        return [project.name for project in site.get(LIST, query).context["cl"].result_list]

    assert shown() == ["Beta", "Alpha"]
    assert shown(q="alphab") == ["Beta"]
    assert shown(status__exact=Status.ARCHIVED) == ["Alpha"]


def test_a_new_project_goes_through_the_service(site: Client, administrator: User) -> None:
    assert site.post(ADD, form(name=" New ")).status_code == 302
    project = Project.objects.get()
    assert (project.name, project.created_by) == ("New", administrator)
    assert ProjectMember.objects.get().role == Role.MANAGER
    assert Change.objects.get(subject_id=project.pk).actor == str(administrator.pk)


def test_an_empty_project_invites_to_fill_it(site: Client) -> None:
    page = site.get(page_of(ProjectFactory())).content.decode()
    assert "Nothing lies in this project yet" in page
    assert f"{reverse('admin:tasks_task_add')}?project=" in page


def test_its_page_shows_what_lies_in_it(site: Client) -> None:
    project = ProjectMemberFactory(user__display_name="Grace Hopper").project
    TaskFactory(project=project, title="Order the cable trays")
    TaskFactory(title="Of no project")
    MeetingFactory(project=project, title="Site inspection", duration_ms=5_400_000)
    page = site.get(page_of(project)).content.decode()
    for text in ("Grace Hopper", "Order the cable trays", "Site inspection", "1 todo", "1.5"):
        assert text in page
    assert "Of no project" not in page


def test_a_change_goes_through_the_service(site: Client) -> None:
    project = ProjectFactory(name="Hall 3")
    assert site.post(page_of(project), form(name="Hall 4", opened_version=1)).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.version) == ("Hall 4", 2)
    stale = site.post(page_of(project), form(name="Hall 5", opened_version=1), follow=True)
    assert "modified concurrently" in stale.content.decode()


def test_archived_and_back(site: Client) -> None:
    project = ProjectFactory()
    site.get(page_of(project, "archive"))
    assert not Project.objects.get().is_archived
    assert site.post(page_of(project, "archive")).status_code == 302
    assert Project.objects.get().is_archived
    assert "it can be read, but not changed" in site.get(page_of(project)).content.decode()
    refused = site.post(page_of(project), form(name="New"), follow=True)
    assert "unarchive it" in refused.content.decode()
    site.post(LIST, {"action": "unarchive", "_selected_action": str(project.pk)})
    assert not Project.objects.get().is_archived


def test_deletion_names_what_stays(site: Client) -> None:
    project = ProjectFactory()
    task = TaskFactory(project=project)
    assert "stay without a project" in site.get(page_of(project, "delete")).content.decode()
    assert site.post(page_of(project, "delete"), {"post": "yes"}).status_code == 302
    task.refresh_from_db()
    assert (task.project_id, Project.objects.count()) == (None, 0)


def test_members_go_through_the_service(site: Client, ann: User, bob: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project
    fields = {"project": str(project.pk), "user": str(bob.pk), "role": Role.EDITOR}
    assert site.post(ADD_MEMBER, fields).status_code == 302
    member = ProjectMember.objects.get(user=bob)
    change = reverse("admin:projects_projectmember_change", args=[member.pk])
    assert site.post(change, {"role": Role.VIEWER, "opened_version": 1}).status_code == 302
    member.refresh_from_db()
    assert (member.role, member.version) == (Role.VIEWER, 2)
    last = ProjectMember.objects.get(user=ann)
    delete = reverse("admin:projects_projectmember_delete", args=[last.pk])
    assert "last manager" in site.post(delete, {"post": "yes"}, follow=True).content.decode()
    assert ProjectMember.objects.count() == 2
