"""The first minutes of a new user, in Chromium: with a mouse, on a telephone, and by keyboard alone."""

from collections.abc import Iterator

import pytest

from tasks.models import Status, Task
from tests.support.axe import SCRIPT, faults
from tests.support.pictures import picture
from tests.support.servers import ROOT, Servers
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from tests.support.web_app import App, Keyboard, Telephone, web_app
from tests.support.worker_process import workers
from users.models import User

pytestmark = [pytest.mark.real_server, pytest.mark.tools("chromium", str(SCRIPT))]


@pytest.fixture(scope="module")
def worker(shared_servers: Servers) -> Iterator[None]:
    with workers() as start_worker:
        start_worker(DEBUG="true")
        yield


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("kind", [App, Telephone, Keyboard])
def test_first_minutes_of_a_user(servers: Servers, kind: type[App]) -> None:
    email = f"rosa-{kind.__name__.lower()}@example.com"
    with web_app(servers.http_url, kind) as app:
        sign_up(app, email)
        user = User.objects.get(email=email)
        assert not user.is_staff
        app.page.press_text("c") if kind is not Telephone else app.press("New task")
        app.fill("Title", "Order the seeds")
        app.press("Create", "dialog")
        app.press("Tasks", "nav.places")
        app.until_card("Order the seeds", "To do")
        app.drag_card("Order the seeds", "Done")
        app.until_card("Order the seeds", "Done")
        app.press("Meetings", "nav.places")
        app.choose_file("Choose a file", ROOT / "samples" / "planning.ogg")
        app.press("Upload", "dialog")
        # The page reports progress and fills by itself.
        app.page.until("!!document.querySelector('.line-of')", seconds=240)
        app.page.until("document.querySelectorAll('.item .decision').length >= 2", seconds=240)
        hear_and_accept(app)
        assert app.overflow() == 0
        task = Task.objects.get(created_by=user, source__startswith="meetings/")
        assert task.assigned_to.email == "jane@example.com"
        assert Task.objects.get(created_by=user, title="Order the seeds").status == Status.DONE
        if kind is App:
            picture(app, "meeting")
            assert faults(app) == []
            # After a reload, by the cookie of the session.
            app.page.send("Page.reload")
        app.press("Open the task", ".item")
        app.until_shown("from 0:")


def sign_up(app: App, email: str) -> None:
    app.open("/sign-up")
    app.fill("Name", "Rosa Lund")
    app.fill("E-mail", email)
    app.fill("Password", "short")
    app.press("Sign up")
    app.until_shown("It must contain at least 10 characters.")
    app.fill("Password", "correct horse battery")
    app.press("Sign up")
    app.until_shown("Nothing is assigned to you.")


def hear_and_accept(app: App) -> None:
    """Play the sentence of the first action item, and accept it for Jane."""
    app.press_matching(".item.proposed .evidence")
    app.page.until("!!document.querySelector('.line-of.current .spoken')")
    app.pick(".item.proposed [role=combobox]", "Jane Smith")
    app.press("Accept", ".item.proposed")
    app.page.until("!!document.querySelector('.item.accepted')")
