"""The user's own sessions and keys, and a file that is dropped, in Chromium."""

import json

import pytest

from meetings.models import Meeting
from tests.support.raw_http import Connection
from tests.support.recordings import a_recording
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from tests.support.web_app import App, web_app

pytestmark = [pytest.mark.real_server, pytest.mark.tools("chromium")]
EMAIL, PASSWORD = "rosa@example.com", "correct horse battery"


def test_sessions_keys_and_a_dropped_file(servers: Servers) -> None:
    with web_app(servers.http_url) as app, Connection(servers.http_url) as http:
        app.open("/sign-up")
        for label, text in (("Name", "Rosa Lund"), ("E-mail", EMAIL), ("Password", PASSWORD)):
            app.fill(label, text)
        app.press("Sign up")
        app.until_shown("Nothing is assigned to you.")
        # A key works with the scopes that were chosen, until it is revoked.
        app.open("/me")
        app.press("New key")
        assert sections(app, "API keys") == []
        app.page.value("document.querySelector('input[name=\"tasks:read\"]').click()")
        app.page.value("document.querySelector('[aria-label=\"API keys\"] input[name=name]').focus()")
        app.page.send("Input.insertText", text="Nightly")
        app.press("Create the key")
        app.page.until("!!document.querySelector('[aria-label=\"API keys\"] code')")
        key = app.page.value("document.querySelector('[aria-label=\"API keys\"] code').textContent")
        assert http.request("GET", "/api/v1/tasks", Authorization=f"Bearer {key}").status == 200
        assert http.request("GET", "/api/v1/meetings", Authorization=f"Bearer {key}").status == 403
        assert sections(app, "API keys") == ["Nightly tasks:read"]
        app.press("Revoke")
        until(lambda: sections(app, "API keys") == [], "the key is gone")
        assert http.request("GET", "/api/v1/tasks", Authorization=f"Bearer {key}").status == 401
        # Another session is shown, and can be ended.
        body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
        other = http.request("POST", "/api/v1/auth/login", body, Content_Type="application/json").document
        app.open("/me")
        until(lambda: len(sections(app, "Sessions")) == 2, "both sessions are shown")
        app.press("End", "[aria-label=Sessions]")
        until(lambda: len(sections(app, "Sessions")) == 1, "one is left")
        renewal = json.dumps({"refresh_token": other["refresh_token"]}).encode()
        assert http.request("POST", "/api/v1/auth/refresh", renewal, Content_Type="application/json").status == 401
        # A recording that is dropped on the page.
        app.open("/meetings")
        app.page.until("!!document.querySelector('.drop-zone')")
        drop(app, ".drop-zone", "talk.wav", a_recording())
        app.until_shown("talk.wav")
        app.fill("Title", "Dropped")
        app.press("Upload", "dialog")
        until(lambda: Meeting.objects.filter(title="Dropped").exists(), "it is uploaded")


def sections(app: App, name: str) -> list[str]:
    """Return the lines of a section of the page."""
    found = f"[...document.querySelectorAll('[aria-label={json.dumps(name)}] .people li .grow')]"
    lines: list[str] = app.page.value(f"{found}.map(e => e.textContent.trim())")
    return lines


def drop(app: App, selector: str, name: str, content: bytes) -> None:
    file = f"new File([Uint8Array.from({list(content)})], {json.dumps(name)})"
    app.page.value(f"window.data = new DataTransfer(); data.items.add({file}); 0")
    event = "new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true})"
    app.page.value(
        f"for (const kind of ['dragover', 'drop']) document.querySelector('{selector}').dispatchEvent({event})"
    )
