"""Tasks in the admin site: through the same services, with the same rules."""

from csv import DictReader
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from changes.models import Change
from tasks.models import Priority, Status, Task
from tests.support.factories import ProjectFactory, TaskFactory, UserFactory
from users.models import Status as UserStatus
from users.models import User

LIST = reverse("admin:tasks_task_changelist")
ADD = reverse("admin:tasks_task_add")


def form(**fields: Any) -> dict[str, Any]:
    return {
        "title": "Title", "description": "", "status": Status.TODO, "priority": Priority.MEDIUM, "labels": "",
        "assigned_to": "", "due_date_0": "", "due_date_1": "", "metadata": "{}",
    } | fields  # fmt: skip


def page_of(task: Task, name: str = "change") -> str:
    return reverse(f"admin:tasks_task_{name}", args=[task.pk])


def test_the_list_searches_filters_and_orders(site: Client, ann: User) -> None:
    now = timezone.now()
    TaskFactory(title="Alpha", created_by=ann, assigned_to=ann, due_date=now - timedelta(1), priority=Priority.LOW)
    beta = TaskFactory(title="Beta", status=Status.DONE, due_date=datetime(2020, 1, 2, 23, tzinfo=UTC),
                       labels=["garden"], description="of alphabets", project=ProjectFactory())  # fmt: skip

    def shown(**query: Any) -> list[str]:
        return [task.title for task in site.get(LIST, query).context["cl"].result_list]

    assert shown() == ["Beta", "Alpha"]
    assert shown(q="alph") == ["Beta", "Alpha"]
    assert shown(q="alphab") == ["Beta"]
    assert shown(status__exact=Status.DONE) == ["Beta"]
    assert shown(priority__exact=Priority.LOW) == ["Alpha"]
    assert shown(overdue="yes") == ["Alpha"]
    assert shown(label="garden ") == ["Beta"]
    assert shown(label="a\x01b") == []
    assert shown(assigned_to__id__exact=str(ann.pk)) == ["Alpha"]
    assert shown(project__id__exact=str(beta.project_id)) == ["Beta"]
    assert shown(due_date_from="2020-01-01", due_date_to="2020-01-02") == ["Beta"]  # Both days are whole.
    assert shown(due_date_to="2020-01-01") == []
    assert shown(due_date_to="no day") == ["Beta", "Alpha"]
    assert shown(o="-3") == ["Beta", "Alpha"]  # By priority, downwards.


def test_a_new_task_goes_through_the_service(site: Client, administrator: User, ann: User) -> None:
    fields = form(
        title=" New ", labels="b\r\na, and c", due_date_0="2027-01-31", due_date_1="09:30:00", metadata='{"k": "v"}'
    )
    assert site.get(ADD).status_code == 200
    assert site.post(ADD, fields).status_code == 302
    task = Task.objects.get()
    assert (task.title, task.labels, task.metadata) == ("New", ["b", "a, and c"], {"k": "v"})
    assert (task.created_by, task.assigned_to) == (administrator, administrator)
    assert task.due_date == datetime(2027, 1, 31, 9, 30, tzinfo=UTC)
    assert Change.objects.get(subject_id=task.pk).actor == str(administrator.pk)


def test_a_change_goes_through_the_service(site: Client, administrator: User, ann: User) -> None:
    task = TaskFactory(title="Title", labels=["a"], assigned_to=administrator)
    response = site.post(page_of(task), form(status=Status.DONE, assigned_to=str(ann.pk), labels="a"))
    assert response.status_code == 302
    task.refresh_from_db()
    assert task.status == Status.DONE
    assert task.assigned_to == ann
    assert task.labels == ["a"]
    assert task.version == 2
    change = Change.objects.filter(subject_id=task.pk).latest("id")
    assert change.actor == str(administrator.pk)
    assert change.changed_fields == ["assigned_to_id", "completed_at", "status"]
    site.post(page_of(task), form(status=Status.DONE, labels="a"))
    task.refresh_from_db()
    assert task.assigned_to is None


def test_actions_on_the_selected_tasks(site: Client, ann: User) -> None:
    one, other = TaskFactory(title="=1+1", labels=["a", "b"]), TaskFactory()
    chosen = {"_selected_action": [str(one.pk), str(other.pk)], "index": "0"}

    def act(action: str, **fields: Any) -> Any:
        return site.post(LIST, {**chosen, "action": action} | fields)

    assert 'name="assigned_to"' in act("assign").content.decode()  # A page asks for the user,
    assert act("assign", asked="1", assigned_to="unknown").status_code == 302  # rejects an unknown user,
    assert not Task.objects.filter(assigned_to=ann).exists()
    assert act("assign", asked="1", assigned_to=str(ann.pk)).status_code == 302
    assert act("set_status", asked="1", status=Status.DONE).status_code == 302
    for task in (one, other):
        task.refresh_from_db()
        assert (task.assigned_to, task.status, task.version) == (ann, Status.DONE, 3)
    file = act("export_csv")
    assert file["Content-Type"].startswith("text/csv")
    rows = {row["id"]: row for row in DictReader(file.content.decode().splitlines())}
    assert rows[str(one.pk)]["title"] == "'=1+1"  # No formula for a spreadsheet.
    assert (rows[str(one.pk)]["labels"], rows[str(one.pk)]["status"]) == ("a, b", "Done")
    assert rows[str(other.pk)]["assigned_to"] == str(ann)


def test_bad_input_is_shown_at_its_field(site: Client) -> None:
    task, closed = TaskFactory(), UserFactory(status=UserStatus.BANNED)
    response = site.post(page_of(task), form(title=" ", labels="a\r\na", metadata="[1]", assigned_to=str(closed.pk)))
    assert set(response.context["adminform"].form.errors) == {"title", "labels", "metadata", "assigned_to"}
    task.refresh_from_db()
    assert task.version == 1


def test_closed_account_keeps_its_tasks(site: Client) -> None:
    closed = UserFactory(status=UserStatus.BANNED)
    task = TaskFactory(assigned_to=closed)
    assert site.post(page_of(task), form(title="New", assigned_to=str(closed.pk))).status_code == 302
    task.refresh_from_db()
    assert (task.title, task.assigned_to) == ("New", closed)


def test_deleting_goes_through_the_service(site: Client, administrator: User) -> None:
    one, other = TaskFactory(), TaskFactory()
    assert site.post(page_of(one, "delete"), {"post": "yes"}).status_code == 302
    site.post(LIST, {"action": "delete_selected", "_selected_action": [str(other.pk)], "post": "yes"})
    assert not Task.objects.exists()
    deleted = Change.objects.filter(operation="deleted", subject_type="task")
    assert {change.actor for change in deleted} == {str(administrator.pk)}
    assert deleted.count() == 2


def test_the_history_comes_from_the_change_log(site: Client) -> None:
    task = TaskFactory(title="Old")
    site.post(page_of(task), form(title="New"))
    page = site.get(page_of(task, "history")).content.decode()
    assert "Old" in page
    assert "New" in page


def test_a_permission_of_the_site_is_no_permission_of_the_product(
    client: Client, administrator: User, support: User
) -> None:
    support.user_permissions.set(Permission.objects.filter(codename__endswith="_task"))
    User.objects.filter(pk=support.pk).update(is_staff=True)
    client.force_login(support)
    client.defaults["HTTP_HOST"] = "localhost"
    task = TaskFactory(created_by=administrator)
    assert client.post(page_of(task), form(title="New")).status_code == 302
    task.refresh_from_db()
    assert task.version == 1
