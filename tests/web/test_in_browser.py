"""The web app in Chromium: two browsers, a restart of the server, and conflicts."""

from collections.abc import Iterator

import pytest
from django.db import connection

from projects.models import Project
from tasks.models import Status, Task
from tasks.services import update_task
from tests.support.factories import ProjectFactory, TaskFactory
from tests.support.raw_http import Connection
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from tests.support.web_app import SHIFT, App, web_app
from users.models import Role, User

pytestmark = [pytest.mark.real_server, pytest.mark.tools("chromium")]


@pytest.fixture
def app(servers: Servers) -> Iterator[App]:
    with web_app(servers.http_url) as app:
        yield app


def test_two_browsers_survive_a_restart(servers: Servers) -> None:
    project = ProjectFactory(name="Garden")
    for number in range(3):
        TaskFactory(title=f"Task {number}", project=project, status=Status.TODO)
    with web_app(servers.http_url) as one, web_app(servers.http_url) as other:
        for app in (one, other):
            app.enter_openly(f"/projects/{project.pk}")
            app.until_card("Task 2", "To do")
            # A reload would lose this.
            app.page.value("window.isFirst = true")
        one.drag_card("Task 1", "In progress")
        other.until_card("Task 1", "In progress")
        # By keyboard, in the other browser.
        other.page.value("[...document.querySelectorAll('.card')].find(e => e.innerText.includes('Task 0')).focus()")
        other.page.press("ArrowRight", 39, SHIFT)
        one.until_card("Task 0", "In progress")
        # Every server at once, and then the sessions of the database, as when PostgreSQL starts again.
        with servers.all_stopped():
            for app in (one, other):
                app.until_shown("No connection.")
            TaskFactory(title="Made while the servers were away", project=project, status=Status.TODO)
            Task.objects.get(title="Task 2").delete()
        for app in (one, other):
            app.until_card("Made while the servers were away", "To do")
            app.page.until("!document.body.innerText.includes('No connection.')")
        cut_sessions()
        TaskFactory(title="Made after the cut", project=project, status=Status.DONE)
        for app in (one, other):
            app.until_card("Made after the cut", "Done")
            shown = {status: sorted(app.cards(status)) for status in ("To do", "In progress", "Done")}
            assert shown == listed(servers, project)
            assert app.page.value("window.isFirst")


def cut_sessions() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def listed(servers: Servers, project: Project) -> dict[str, list[str]]:
    """Return the titles that ListTasks returns, by status."""
    with Connection(servers.http_url) as http:
        tasks = http.request("GET", f"/api/v1/tasks?page_size=100&project_id={project.pk}").document["tasks"]
    names = {"To do": "todo", "In progress": "in_progress", "Done": "done"}
    return {name: sorted(task["title"] for task in tasks if task["status"] == key) for name, key in names.items()}


def test_change_of_another_user_is_never_overwritten(app: App) -> None:
    jane = User.objects.get(email="jane@example.com")
    project = ProjectFactory(name="Conflicts")
    task = TaskFactory(title="Paint", description="white", project=project, status=Status.TODO)
    app.enter_openly(f"/tasks/{task.pk}")
    app.fill("Description", "green")
    acting_change(jane, task, description="blue")
    app.fill("Title", "Paint the fence")
    app.page.press("Enter", 13)
    # Both versions are shown, and the change of the other field is kept.
    app.until_shown("Jane Smith changed this while you typed.")
    until(lambda: Task.objects.filter(pk=task.pk, title="Paint the fence", description="blue").exists())
    app.press("Keep mine")
    app.page.until("!document.querySelector('.conflict')")
    task.refresh_from_db()
    assert task.description == "green"
    app.until_shown("blue → green")
    # A board that did not get the change: the card returns, and the other user is named.
    app.page.send("Network.setBlockedURLs", urls=["*/changes/stream*"])
    app.open(f"/projects/{project.pk}")
    app.until_card("Paint the fence", "To do")
    acting_change(jane, task, status=Status.CANCELLED)
    app.drag_card("Paint the fence", "Done")
    app.until_shown("Jane Smith moved “Paint the fence” to Cancelled before you did.")
    app.until_card("Paint the fence", "Cancelled")


def acting_change(actor: User, task: Task, **values: object) -> None:
    User.objects.filter(pk=actor.pk).update(roles=[Role.ADMIN])
    actor.refresh_from_db()
    update_task(actor, str(task.pk), values)
