"""Several tasks of a list are changed at once, in Chromium."""

from collections.abc import Iterator

import pytest

from tasks.models import Status, Task
from tasks.services import update_task
from tests.support.axe import SCRIPT, faults
from tests.support.factories import ProjectFactory, TaskFactory
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from tests.support.web_app import CTRL, SHIFT, App, web_app
from users.models import User

pytestmark = [pytest.mark.real_server, pytest.mark.tools("chromium", str(SCRIPT))]


@pytest.fixture
def app(servers: Servers) -> Iterator[App]:
    with web_app(servers.http_url) as app:
        yield app


def test_tasks_are_changed_together(app: App) -> None:
    project = ProjectFactory()
    for number in range(5):
        labels = ["old"] if number < 3 else ["old", "new"]
        TaskFactory(title=f"Task {number}", project=project, labels=labels, status=Status.TODO, rank=f"{number}V")
    app.enter_openly(f"/projects/{project.pk}?view=list")
    app.until_shown("Task 4")
    # By keyboard: X selects, Shift and the arrow select the next one too.
    until(
        lambda: app.page.press_text("j") or app.page.value("document.activeElement !== document.body"), "keys are read"
    )
    app.page.until("document.activeElement.textContent === 'Task 0'")
    app.page.press_text("x")
    app.until_shown("1 selected")
    app.page.press("ArrowDown", 40, SHIFT)
    app.until_shown("2 selected")
    app.choose("Status of the selected tasks", "Done")
    app.until_shown("2 changed.")
    assert statuses() == [Status.DONE, Status.DONE, Status.TODO, Status.TODO, Status.TODO]
    app.page.press("Escape", 27)
    app.page.until("!document.querySelector('.bulk')")
    # By their boxes, up to all of them.
    app.page.value("document.querySelector('[aria-label=\"Select Task 4\"]').click()")
    app.until_shown("1 selected")
    app.page.press("a", 65, CTRL)
    app.until_shown("5 selected")
    app.pick(".bulk [role=combobox]", "Jane Smith")
    app.until_shown("5 changed.")
    assert {task.assigned_to.email for task in Task.objects.filter(project=project)} == {"jane@example.com"}
    app.fill("Label for the selected tasks", "new")
    app.page.press("Enter", 13)
    # Two of them have it already.
    app.until_shown("3 changed.")
    app.choose("Label to remove", "old")
    app.until_shown("5 changed.")
    assert all(task.labels == ["new"] for task in Task.objects.filter(project=project))
    app.choose("Label to remove", "new")
    until(lambda: not Task.objects.filter(project=project, labels__len__gt=0).exists(), "no task has a label")
    assert faults(app) == []
    # A change of another user that did not arrive yet is not overwritten, and its row reports it.
    app.page.send("Network.setBlockedURLs", urls=["*/changes/stream*"])
    app.open(f"/projects/{project.pk}?view=list")
    app.until_shown("Task 4")
    update_task(
        User.objects.get(email="admin@example.com"), str(Task.objects.get(title="Task 3").pk), {"title": "Tusk 3"}
    )
    app.page.press("a", 65, CTRL)
    app.choose("Status of the selected tasks", "Cancelled")
    app.until_shown("4 changed, 1 not.")
    row = "[...document.querySelectorAll('.task-row')].find(e => e.textContent.includes('Task 3'))"
    assert "Another user changed it first." in app.page.value(f"{row}.innerText")
    assert statuses().count(Status.CANCELLED) == 4


def statuses() -> list[int]:
    return list(Task.objects.filter(title__regex="^T[au]sk .$").order_by("rank").values_list("status", flat=True))
