"""Every page of the web app in Chromium: readable for all, no wider than its screen, without IDs between its texts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from drawings.models import Component, Document, Status
from projects.models import Project
from tasks.models import Task
from tests.support.axe import SCRIPT, faults
from tests.support.garden import a_garden_shop, a_reviewed_meeting
from tests.support.pictures import picture
from tests.support.raw_http import Connection
from tests.support.servers import ROOT, Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from tests.support.web_app import App, web_app
from tests.support.worker_process import workers

pytestmark = [pytest.mark.real_server, pytest.mark.tools("chromium", str(SCRIPT))]

APP = (ROOT / "web" / "src" / "app.tsx").read_text()
OPEN = ("/sign-in", "/sign-up", "/forgot-password", "/reset-password?token=none", "/verify-email?token=none")


@pytest.fixture
def app(servers: Servers) -> Iterator[App]:
    with web_app(servers.http_url) as app:
        yield app


def test_pages_without_a_session(app: App) -> None:
    wrong = {}
    for path in OPEN:
        app.open(path)
        app.page.until("!!document.querySelector('h1')")
        wrong[path] = faults(app)
    assert wrong == {path: [] for path in OPEN}
    assert not unvisited(OPEN, "OPEN")


def test_pages_of_a_session(servers: Servers, app: App) -> None:
    project = a_garden_shop()
    meeting = a_reviewed_meeting(project)
    drawing = a_read_drawing(servers, project)
    task = Task.objects.get(project=project, title="Order the seeds for spring")
    in_project = f"/projects/{project.pk}"
    # An address, what is pressed there, and what is then shown.
    pages = [
        ("/", "", "Meetings to review"), ("/tasks", "", "Rent a van"), ("/tasks?view=list", "", "Rent a van"),
        ("/tasks?group=assignee", "", "Unassigned"), (f"/tasks/{task.pk}", "Details", "Delete the task"),
        ("/projects", "", project.name), (in_project, "", "Rent a van"),
        (f"{in_project}?tab=meetings", "", meeting.title), (f"{in_project}?tab=drawings", "", "cabinet"),
        (f"{in_project}?tab=members", "", "Add a member"), ("/meetings", "", meeting.title),
        (f"/meetings/{meeting.pk}", "Details", "order the seeds"), (f"/meetings/{meeting.pk}", "Correct", "Save"),
        (f"/documents/{drawing.pk}", "", "to decide"), ("/me", "", "Preferences"), ("/nowhere", "", "Not found"),
        ("/", "Keys", "Keys"), ("/tasks", "Search", "Search"), (in_project, "New task", "Priority"),
    ]  # fmt: skip
    app.enter_openly()
    wrong = {}
    for path, pressed, shown in pages:
        app.open(path if path != "/nowhere" else f"/tasks/{meeting.pk}")
        app.page.until("!!document.querySelector('h1')")
        if pressed:
            app.press(pressed)
        app.until_shown(shown)
        wrong[path, pressed] = faults(app)
    assert wrong == {(path, pressed): [] for path, pressed, _ in pages}
    assert not unvisited([path for path, _, _ in pages], "OF_SESSION")
    # A word on a drawing leads to its sheet.
    app.open("/tasks")
    app.press("Search")
    app.fill("Search everything", "motor")
    app.page.until("[...document.querySelectorAll('#hits li')].some(e => e.textContent.startsWith('Drawing'))")
    app.page.value("[...document.querySelectorAll('#hits li')].find(e => e.textContent.startsWith('Drawing')).click()")
    app.page.until(f"location.pathname === '/documents/{drawing.pk}' && location.search.startsWith('?sheet=')")
    app.until_shown("to decide")
    for name, path, shown in (
        ("today", "/", "Order the seeds"),
        ("board", in_project, "Rent a van"),
        ("task", f"/tasks/{task.pk}", "History"),
        ("drawing", f"/documents/{drawing.pk}", "to decide"),
    ):
        app.open(path)
        app.until_shown(shown)
        picture(app, name)


def unvisited(paths: tuple[str, ...] | list[str], screens: str) -> set[str]:
    """Return the patterns of these screens of the app that none of the paths has."""
    table = APP.split(f"const {screens}:", 1)[1].split("];", 1)[0]
    patterns = set(re.findall(r'^  \["(/[^"]*)", "', table, re.MULTILINE))
    assert len(patterns) >= 5
    return {
        pattern
        for pattern in patterns
        if not any(re.fullmatch(pattern.replace(":id", "[^/?]+"), path.partition("?")[0]) for path in paths)
    }


def a_read_drawing(servers: Servers, project: Project) -> Document:
    """Upload the sample, and wait until its components are found."""
    sample = Path(ROOT, "samples", "cabinet.pdf").read_bytes()
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="cabinet.pdf"\r\n' \
        b"Content-Type: application/pdf\r\n\r\n" + sample + b"\r\n--b--\r\n"  # fmt: skip
    with workers() as start_worker:
        start_worker(DEBUG="true")
        with Connection(servers.http_url) as connection:
            target = f"/api/v1/projects/{project.pk}/documents"
            assert (
                connection.request("POST", target, form, Content_Type="multipart/form-data; boundary=b").status == 202
            )
        until(lambda: Document.objects.filter(status=Status.READY).exists(), "the drawing is read")
        document: Document = Document.objects.get()
        until(lambda: Component.objects.filter(document=document).count() > 3, "components are found")
    return document
