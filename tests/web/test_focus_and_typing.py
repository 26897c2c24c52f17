"""The web app in Chromium: the focus stays where the user put it, and what was typed is kept."""

import json
from collections.abc import Iterator

import pytest

from meetings.models import Segment
from tasks.models import Status, Task
from tests.support.factories import ProjectFactory, SegmentFactory, TaskFactory, TranscribedMeetingFactory
from tests.support.raw_http import Connection
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from tests.support.web_app import App, web_app

pytestmark = [pytest.mark.real_server, pytest.mark.tools("chromium")]

FOCUSED = "document.activeElement"


@pytest.fixture
def app(servers: Servers) -> Iterator[App]:
    with web_app(servers.http_url) as app:
        yield app


def test_keys_and_focus_belong_to_the_user(servers: Servers, app: App) -> None:
    project = ProjectFactory()
    task = TaskFactory(title="Paint", project=project, status=Status.TODO)
    app.enter_openly(f"/projects/{project.pk}?view=list")
    app.until_shown("Paint")
    # J moves the real focus, Enter opens the link, and the focus is then on the new page.
    app.page.press_text("j")
    app.page.until(f"{FOCUSED}.matches('a.title')")
    app.page.press("Enter", 13)
    app.page.until(f"location.pathname === '/tasks/{task.pk}' && {FOCUSED}.id === 'main'")
    # Enter on another link opens that one, although a task was chosen.
    app.open(f"/projects/{project.pk}")
    app.until_card("Paint", "To do")
    until(
        lambda: [app.page.press_text("j"), app.page.value(f"{FOCUSED}.matches('.card')")][1], "the card has the focus"
    )
    # A board that is drawn again leaves the focus where the user has put it.
    app.page.value("document.querySelector('.toggle').focus()")
    TaskFactory(title="Mow", project=project, status=Status.TODO)
    app.until_card("Mow", "To do")
    assert app.page.value(f"{FOCUSED}.matches('.toggle')")
    app.page.value("document.querySelector('nav.places a[href=\"/projects\"]').focus()")
    app.page.press("Enter", 13)
    app.page.until(f"location.pathname === '/projects' && {FOCUSED}.id === 'main'")
    # Enter before the answer picks no user, and a click beside the dialog does not drop what was typed.
    app.page.press_text("c")
    app.fill("Title", "Weed")
    app.page.value("document.querySelector('dialog [role=combobox]').focus()")
    app.page.until("document.querySelectorAll('dialog [role=option]').length > 2")
    app.page.send("Network.setBlockedURLs", urls=["*/users/search*"])
    app.fill("Assignee", "Jane")
    app.page.press("Enter", 13)
    app.page.value("document.querySelector('dialog').dispatchEvent(new MouseEvent('mousedown', {bubbles: true}))")
    assert app.page.value("document.querySelector('dialog [role=combobox]').value") == "Jane"
    app.page.send("Network.setBlockedURLs", urls=[])
    app.fill("Assignee", "Jane S")
    app.press("Jane Smith", "dialog")
    app.press("Create", "dialog")
    app.until_shown("“Weed” is created.")
    assert Task.objects.get(title="Weed").assigned_to.email == "jane@example.com"


def test_correction_of_another_user_is_shown_before_it_is_replaced(servers: Servers, app: App) -> None:
    meeting = TranscribedMeetingFactory()
    lines = [SegmentFactory(meeting=meeting, start_ms=number * 2000) for number in range(120)]
    app.enter_openly(f"/meetings/{meeting.pk}")
    app.page.until("!!document.querySelector('.line-of')")
    app.press("Correct the text of 0:48")
    app.page.until(f"{FOCUSED}.ariaLabel === 'Text'")
    app.fill("Text", "mine")
    # A line before it is divided.
    correct(servers, lines[0], {"split_at_ms": 1000})
    app.page.value("dispatchEvent(new Event('focus'))")
    app.page.until("!!document.querySelector('[aria-label=\"Play from 0:01\"]')")
    assert app.page.value(f"{FOCUSED}.value") == "mine"
    # The editor is kept out of view.
    app.page.value("document.querySelector('.block:last-of-type').scrollIntoView()")
    app.page.until("document.querySelectorAll('.block:last-of-type .line-of').length > 0")
    app.page.send("Network.setBlockedURLs", urls=["*/stream*"])
    correct(servers, lines[24], {"text": "theirs"})
    # A failure on the way changes nothing.
    app.page.send("Network.setBlockedURLs", urls=["*/stream*", "*/segments/*"])
    app.press("Save", ".line-editor")
    app.until_shown("The server cannot be reached.")
    app.page.send("Network.setBlockedURLs", urls=["*/stream*"])
    app.press("Save", ".line-editor")
    app.until_shown("“theirs”. Save again")
    assert Segment.objects.get(pk=lines[24].pk).text == "theirs"
    app.press("Save", ".line-editor")
    app.page.until("!document.querySelector('.line-editor')")
    assert Segment.objects.get(pk=lines[24].pk).text == "mine"


def correct(servers: Servers, line: Segment, change: dict[str, object]) -> None:
    """Correct a line as another user does."""
    with Connection(servers.http_url) as connection:
        target = f"/api/v1/meetings/{line.meeting_id}/segments/{line.pk}"
        answer = connection.request("PATCH", target, json.dumps(change).encode(), Content_Type="application/json")
        assert answer.status == 200, answer.body
