"""The admin site in Chromium: on a desk and a telephone, in the dark, by keyboard, and to axe."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.jobs import enqueue
from core.models import Job
from tests.support.chromium import Page, chromium
from tests.support.factories import TaskFactory
from tests.support.servers import ROOT, Servers
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from users.models import User

pytestmark = [pytest.mark.real_server, pytest.mark.tools("chromium")]

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
#: What axe finds in the markup of django-unfold and Django: rule → the part of the selector, and the reason.
OF_UNFOLD = {
    "aria-input-field-name": ("select2", "Select2, which Django ships for pickers, names its box by its value"),
    "color-contrast": ("text-link", "unfold's colour of links on its dark background"),
}


@pytest.fixture
def page(servers: Servers, client: Client) -> Iterator[Page]:
    administrator = User.objects.get(email="admin@example.com")
    User.objects.filter(pk=administrator.pk).update(is_superuser=True, is_staff=True)
    client.force_login(administrator)
    with chromium() as page:
        (cookie,) = client.cookies.values()
        page.send("Network.setCookie", url=servers.http_url, name=cookie.key, value=cookie.value)
        yield page


def serious(page: Page) -> list[tuple[str, str]]:
    """Return rule and element of what axe finds serious, without what is unfold's own."""
    page.value(AXE.read_text() + ";0")
    page.value("window.found = null; axe.run(document, {resultTypes: ['violations']}).then(r => window.found = r), 0")
    page.until("!!window.found")
    found: list[Any] = page.value(
        "window.found.violations.filter(v => ['serious', 'critical'].includes(v.impact))"
        ".flatMap(v => v.nodes.map(n => [v.id, n.target.join(' ')]))"
    )
    return [(rule, target) for rule, target in found if OF_UNFOLD.get(rule, ("\0", ""))[0] not in target]


def test_pages_on_a_desk_and_on_a_telephone_in_the_dark(servers: Servers, page: Page) -> None:
    task = TaskFactory(title="Order the seeds")
    pages = {
        reverse("admin:index"): "document.querySelectorAll('#home [data-panel]').length >= 7",
        reverse("admin:tasks_task_changelist"): "document.body?.innerText.includes('Order the seeds')",
        reverse("admin:tasks_task_change", args=[task.pk]): "!!document.querySelector('#id_title')",
    }
    for width, height, scheme in ((1280, 800, "light"), (390, 844, "dark")):
        page.size(width, height)
        page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        for address, shown in pages.items():
            page.open(servers.http_url + address)
            page.until(shown)
            assert page.value("document.querySelectorAll('main').length") == 1
            assert page.value("document.documentElement.scrollWidth") <= width
            is_dark = page.value("document.documentElement.classList.contains('dark')")
            assert is_dark == (scheme == "dark")
            assert serious(page) == [], (address, width)
    assert not page.errors, page.errors


def test_keyboard_refresh_and_retry(servers: Servers, page: Page) -> None:
    page.size(1280, 800)
    page.open(servers.http_url + reverse("admin:index"))
    # The first stop of the Tab key skips the navigation.
    page.press("Tab", 9)
    assert page.value("document.activeElement.textContent") == "Skip to the content"
    page.press("Enter", 13)
    page.value("document.activeElement.click()")
    assert page.value("location.hash") == "#content"
    # A job that fails shows without a reload, and is queued again by its button.
    page.value("window.sameDocument = true")
    job = enqueue("tests.fail", why="hopeless")
    Job.objects.filter(pk=job.pk).update(failed=True, ended_at=timezone.now(), last_error="Mail server is away")
    page.until("document.body?.innerText.includes('Mail server is away')")
    assert page.value("window.sameDocument")
    page.value("document.querySelector('#home button[name=job]').click()")
    page.until("document.body?.innerText.includes('The job is queued again.')")
    job.refresh_from_db()
    assert not job.failed
    # Ctrl+K opens the palette, which finds rows by their names.
    TaskFactory(title="Order the seeds")
    page.value("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'k', ctrlKey: true, bubbles: true}))")
    page.until("document.activeElement.id === 'search-input-command'")
    page.send("Input.insertText", text="seed")
    page.press("Shift", 16)  # The palette listens for the release of a key.
    page.until("document.querySelector('#command-results')?.innerText.includes('Order the seeds')")
