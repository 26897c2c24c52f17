"""The meeting's page in Chromium: the player beside its transcript, by mouse and keyboard, on a small screen too."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from meetings.models import Meeting, Status, Waveform
from tests.support.chromium import Page, chromium
from tests.support.factories import MeetingFactory
from tests.support.meeting_rows import a_segment
from tests.support.raw_http import Connection
from tests.support.recordings import a_form, a_recording
from tests.support.servers import Servers, until
from users.models import User

pytestmark = [pytest.mark.real_server, pytest.mark.tools("chromium")]

CURRENT = "document.querySelector('#listening-lines li.current b + span').textContent.trim()"
#: Red, green and blue of the text of a line.
SHOWN_COLOUR = """() => {
    const drawn = document.createElement('canvas').getContext('2d');
    drawn.fillStyle = getComputedStyle(document.querySelector('#listening-lines span')).color;
    drawn.fillRect(0, 0, 1, 1);
    return [...drawn.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""
WAVEFORM = "document.getElementById('listening-waveform')"
MIDDLE_OF_WAVEFORM = f"{WAVEFORM}.getBoundingClientRect().x + {WAVEFORM}.clientWidth / 2"
DRAWN = f"[...{WAVEFORM}.getContext('2d').getImageData(0, 0, {WAVEFORM}.width, {WAVEFORM}.height).data]"
SECONDS = "document.getElementById('listening-audio').currentTime"


@pytest.fixture
def page(servers: Servers, client: Client) -> Iterator[Page]:
    """A browser that is signed in to the admin site."""
    administrator = User.objects.get(email="admin@example.com")
    User.objects.filter(pk=administrator.pk).update(is_superuser=True, is_staff=True)
    administrator.refresh_from_db()
    client.force_login(administrator)
    with chromium() as page:
        (cookie,) = client.cookies.values()
        page.send("Network.setCookie", url=servers.http_url, name=cookie.key, value=cookie.value)
        yield page


def test_lines_and_player_follow_each_other(servers: Servers, page: Page) -> None:
    with Connection(servers.http_url) as connection:
        body, headers = a_form(a_recording(seconds=40), "talk.wav")
        uploaded = connection.request("POST", "/api/v1/meetings/upload", body, Content_Type=headers["Content-Type"])
    meeting = Meeting.objects.get(pk=uploaded.document["id"])
    Meeting.objects.filter(pk=meeting.pk).update(status=Status.COMPLETED, transcript_version=1)
    Waveform.objects.create(meeting=meeting, recording_sha256=meeting.recording_sha256, peaks=bytes([0, 255] * 100))
    for number in range(3):
        a_segment(meeting, number)
    page.open(servers.http_url + reverse("admin:meetings_meeting_change", args=[meeting.pk]))
    assert page.value("document.querySelectorAll('#listening-lines li').length") == 3
    page.value("document.querySelectorAll('#listening-lines li')[2].querySelector('span').click()")
    page.until(f"{SECONDS} > 20")
    assert page.value(CURRENT).startswith("Sentence 2")
    # By keyboard: up to the line before, and play it.
    page.value("document.querySelectorAll('#listening-lines li button')[2].focus()")
    page.press("ArrowUp", 38)
    page.press("Enter", 13)
    page.value("document.activeElement.click()")
    page.until(f"{SECONDS} > 10 && {SECONDS} < 20")
    assert page.value(CURRENT).startswith("Sentence 1")
    page.value("document.getElementById('listening-audio').currentTime = 0.5")
    page.until(f"{CURRENT}.startsWith('Sentence 0')")
    page.until("document.getElementById('listening-audio').duration === 40")
    page.value(f"{WAVEFORM}.dispatchEvent(new MouseEvent('click', {{clientX: {MIDDLE_OF_WAVEFORM}}}))")
    page.until(f"{SECONDS} > 19 && {SECONDS} < 25")
    assert page.value(f"{DRAWN}.some((part, place) => place % 4 === 3 && part > 0)"), "the waveform is drawn"
    assert_fits(page)
    assert not page.errors, page.errors


def test_recording_is_uploaded_on_the_page(servers: Servers, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "talk of today.wav"
    file.write_bytes(a_recording(seconds=40))
    meeting: Any = MeetingFactory(owner=User.objects.get(email="admin@example.com"))
    page.open(servers.http_url + reverse("admin:meetings_meeting_change", args=[meeting.pk]))
    root = page.send("DOM.getDocument")["root"]["nodeId"]
    field = page.send("DOM.querySelector", nodeId=root, selector="#listening-upload [type=file]")["nodeId"]
    page.send("DOM.setFileInputFiles", nodeId=field, files=[str(file)])
    page.value("document.querySelector('#listening-upload button').click()")
    until(lambda: Meeting.objects.get(pk=meeting.pk).recording_size == file.stat().st_size, "the recording is stored")
    page.until("document.querySelector('#listening-audio') !== null")
    assert not page.errors, page.errors


def assert_fits(page: Page) -> None:
    """Check that nothing is cut off on a telephone, and that the text can be read in dark mode."""
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    page.send("Emulation.setDeviceMetricsOverride", **size)
    overflowing = "[...document.querySelectorAll('#listening *')].filter(e => e.getBoundingClientRect().right > 391)"
    assert page.value(f"{overflowing}.map(e => e.outerHTML.slice(0, 80))") == []
    page.value("document.documentElement.classList.add('dark')")
    assert min(page.value(f"({SHOWN_COLOUR})()")) > 120, "the text of the dark theme is light"
