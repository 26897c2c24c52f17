"""The viewer of drawings in Chromium: by mouse and keyboard, on a small screen too."""

import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from reportlab.pdfgen.canvas import Canvas

from drawings.models import Component, Document, State, Symbol
from drawings.services import delete_document
from tests.jobs import due, run_jobs
from tests.support.chromium import Page, chromium
from tests.support.drawings import a_document, processed
from tests.support.factories import ProjectFactory
from tests.support.servers import ROOT, Servers, until
from users.models import User

pytestmark = [pytest.mark.real_server, pytest.mark.tools("chromium")]

CURRENT = "document.querySelector('.viewer-list [aria-current=true]')?.firstChild.textContent"
REPORT = "document.querySelector('[data-part=report]').textContent"
SHAPES = "[...document.querySelectorAll('#viewer rect')].map(e => e.getAttribute('class'))"
TEXT_COLOUR = """() => {
    const drawn = document.createElement('canvas').getContext('2d');
    drawn.fillStyle = getComputedStyle(document.querySelector('#viewer h2')).color;
    drawn.fillRect(0, 0, 1, 1);
    return [...drawn.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""


def a_drawing() -> bytes:
    """Return a sheet with three relays, and five lamps without names; a second sheet with one relay."""
    file = io.BytesIO()
    canvas = Canvas(file, (842, 595), invariant=1)
    for relays in (3, 1):
        for number in range(relays):
            canvas.rect(100 + 150 * number, 400, 20, 30)
            canvas.drawString(125 + 150 * number, 410, f"-K{number + 1}")
        for number in range(5):
            canvas.circle(100 + 120 * number, 200, 10)
            canvas.line(93 + 120 * number, 193, 107 + 120 * number, 207)
            canvas.line(93 + 120 * number, 207, 107 + 120 * number, 193)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@pytest.fixture(autouse=True)
def folder(settings: Any) -> Path:
    """The data folder of the servers, which start with the product's own settings."""
    settings.DATA_DIR = ROOT / "var"
    kept = settings.STORAGES["documents"]
    location = {"OPTIONS": {**kept["OPTIONS"], "location": settings.DATA_DIR / "media" / "documents"}}
    settings.STORAGES = {**settings.STORAGES, "documents": {**kept, **location}}
    return ROOT / "var"


@pytest.fixture
def administrator(servers: Servers) -> User:
    found = User.objects.get(email="admin@example.com")
    User.objects.filter(pk=found.pk).update(is_superuser=True, is_staff=True)
    found.refresh_from_db()
    return found


@pytest.fixture
def document(administrator: User) -> Iterator[Document]:
    document = processed(a_document(ProjectFactory(), administrator, content=a_drawing()))
    yield document
    with suppress(Document.DoesNotExist):
        delete_document(administrator, str(document.pk))


@pytest.fixture
def page(servers: Servers, administrator: User, document: Document, client: Client) -> Iterator[Page]:
    """A browser at the page of the document."""
    client.force_login(administrator)
    with chromium() as page:
        (cookie,) = client.cookies.values()
        page.send("Network.setCookie", url=servers.http_url, name=cookie.key, value=cookie.value)
        page.send("Emulation.setDeviceMetricsOverride", width=1400, height=900, deviceScaleFactor=1, mobile=False)
        page.open(servers.http_url + reverse("admin:drawings_document_change", args=[document.pk]))
        page.until("document.querySelectorAll('.viewer-list button').length > 0")
        yield page


def test_components_are_decided_by_mouse_and_keyboard(page: Page, document: Document) -> None:
    page.until("document.querySelector('.viewer-sheet > img').naturalWidth > 500")
    assert page.value(f"{SHAPES}.length") == 3
    # By mouse: a place on the sheet, then one click.
    page.value("document.querySelectorAll('#viewer rect')[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    first = page.value(CURRENT)
    assert first.startswith("-K1")
    page.value("document.querySelector('[data-part=confirm]').click()")
    page.until(f"{CURRENT}?.startsWith('-K2')")
    # By keyboard: reject, confirm, and so to the next sheet.
    page.press_text("x")
    page.until(f"{CURRENT}?.startsWith('-K3')")
    page.press_text("c")
    page.until("document.querySelector('[data-part=pages]').value === '1'")
    page.until(f"{CURRENT}?.startsWith('-K1')")
    states = dict(Component.objects.filter(document=document, page_number=0).values_list("designator", "state"))
    assert states == {"-K1": State.CONFIRMED, "-K2": State.REJECTED, "-K3": State.CONFIRMED}
    page.press_text("c")
    page.until(f"{REPORT} === 'All components are decided.'")
    page.press_text("u")
    page.until(f"{REPORT} === 'The last decision is undone.'")
    assert Component.objects.get(document=document, page_number=1).state == State.PROPOSED
    assert not page.errors, page.errors


def test_decision_on_an_old_version_is_refused(page: Page, document: Document, administrator: User) -> None:
    component = Component.objects.filter(document=document, page_number=0).order_by("pk").first()
    assert component
    Component.objects.filter(pk=component.pk).update(state=State.REJECTED)
    page.press_text("n")
    page.press_text("c")
    page.until(f"{REPORT}.length > 0 && !{REPORT}.includes('confirmed')")
    component.refresh_from_db()
    assert component.state == State.REJECTED


def test_symbol_is_picked_by_dragging_and_counted(page: Page, document: Document) -> None:
    page.value("document.querySelector('[data-part=pick]').click()")
    frame = page.value("Object.values(document.querySelector('#viewer svg').getBoundingClientRect().toJSON())")
    scale = frame[2] / 842

    def mouse(kind: str, x: float, y: float) -> None:
        place = {"x": frame[0] + scale * x, "y": frame[1] + scale * y}
        page.send("Input.dispatchMouseEvent", type=kind, button="left", buttons=1, clickCount=1, **place)

    mouse("mousePressed", 88, 383)
    mouse("mouseMoved", 100, 395)
    mouse("mouseReleased", 112, 407)
    page.until("document.activeElement.name === 'name'")
    page.send("Input.insertText", text="Lamp")
    page.press("Enter", 13)
    until(lambda: due("drawings.count"), "the count is queued")
    assert Symbol.objects.get(document=document).name == "Lamp"
    run_jobs()
    page.until(f"{REPORT}.startsWith('Lamp: ') && {REPORT}.includes('found')")
    assert page.value("document.querySelectorAll('.viewer-list button').length") == 5
    assert not page.errors, page.errors


def test_large_sheet_is_sharp_where_it_is_looked_at(page: Page) -> None:
    assert page.value("document.querySelectorAll('[data-tiles] img').length") == 0
    page.value("document.querySelector('.viewer-stage').focus()")
    for _ in range(5):
        page.press_text("+")
    page.until("document.querySelectorAll('[data-tiles] img').length >= 2")
    assert page.value("[...document.querySelectorAll('[data-tiles] img')].every(e => e.naturalWidth > 0)")
    page.press_text("0")
    page.until("document.querySelector('[data-tiles]').hidden")


def test_viewer_fits_a_telephone_and_both_themes(page: Page) -> None:
    page.send("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True)
    outside = "[...document.querySelectorAll('#viewer *')].filter(e => !e.closest('.viewer-stage'))"
    overflowing = f"{outside}.filter(e => e.getBoundingClientRect().right > 391)"
    assert page.value(f"{overflowing}.map(e => e.outerHTML.slice(0, 80))") == []
    page.value("document.documentElement.classList.add('dark')")
    assert min(page.value(f"({TEXT_COLOUR})()")) > 120, "the text of the dark theme is light"
    unnamed = "[...document.querySelectorAll('#viewer :is(button, input, select)')].filter(e => e.type !== 'hidden')"
    unnamed += ".filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length))"
    assert page.value(f"{unnamed}.map(e => e.outerHTML)") == []


def test_address_names_the_sheet_and_the_component(page: Page, document: Document, servers: Servers) -> None:
    component = Component.objects.get(document=document, page_number=1)
    viewer = reverse("admin:drawings_document_change", args=[document.pk])
    page.open("about:blank")
    page.open(f"{servers.http_url}{viewer}#page=1&component={component.pk}")
    page.until(f"{CURRENT}?.startsWith('-K1')")
    assert page.value("document.querySelector('[data-part=pages]').value") == "1"
    assert page.value("document.activeElement.dataset.id") == str(component.pk)
    assert not page.errors, page.errors
