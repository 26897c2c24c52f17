"""The web app in Chromium without its server for a while: recordings, the session, and the end of it."""

from collections.abc import Iterator

import pytest

from access.models import Session
from meetings.models import Upload
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from tests.support.web_app import App, web_app

pytestmark = [pytest.mark.real_server, pytest.mark.tools("chromium")]
FIRST, SECOND = "correct horse battery", "violin under a bridge"


@pytest.fixture
def app(servers: Servers) -> Iterator[App]:
    with web_app(servers.http_url) as app:
        yield app


def test_recording_survives_a_restart_of_the_server(servers: Servers, app: App) -> None:
    app.enter_openly("/meetings")
    app.press("Record")
    until(lambda: Upload.objects.filter(seq__gte=4).exists(), "parts are stored")
    with servers.web_stopped():
        app.until_shown("What you say is kept")
        until(lambda: failed_tries(app) >= 2, "the page tries again after a try that failed")
        before = Upload.objects.get().seq
    until(lambda: Upload.objects.get().seq > before + 12, "the parts that were kept are stored")
    app.press("Stop")
    app.page.until("!document.querySelector('.recording-bar')")
    upload = Upload.objects.get()
    assert upload.ended_at
    assert not app.page.value("document.querySelector('.toast.problem')?.textContent ?? ''")


def failed_tries(app: App) -> int:
    # Errors come with the answer to any command.
    app.page.value("0")
    return sum("stream-tickets" in error for error in app.page.errors)


def test_session_survives_and_ends(app: App) -> None:
    app.open("/sign-up")
    for label, text in (("Name", "Rosa Lund"), ("E-mail", "rosa@example.com"), ("Password", FIRST)):
        app.fill(label, text)
    app.press("Sign up")
    app.until_shown("Nothing is assigned to you.")
    # A new password ends the session, and begins another one.
    app.open("/me")
    app.fill("Current password", FIRST)
    app.fill("New password", SECOND)
    app.press("Change")
    app.until_shown("The password is changed. Your other sessions have ended.")
    app.page.until("document.querySelectorAll('[aria-label=Sessions] li').length === 1")
    # A start without the server waits for it.
    app.page.send("Network.setBlockedURLs", urls=["*/api/*"])
    app.open("/me")
    app.until_shown("The server cannot be reached. This page opens when it answers.")
    app.page.send("Network.setBlockedURLs", urls=[])
    app.page.until("!!document.querySelector('nav.places')")
    # A sign-out without the server ends the session at the next start.
    app.page.send("Network.setBlockedURLs", urls=["*/auth/logout"])
    app.press("Sign out")
    app.until_shown("You are signed out of this browser.")
    session = Session.objects.latest("created_at")
    assert session.is_open
    app.page.send("Network.setBlockedURLs", urls=[])
    app.open("/")
    app.until_shown("Sign in to Tandem")
    until(lambda: not Session.objects.get(pk=session.pk).is_open, "the session has ended")
