"""The pages of the API in Chromium: every operation, executed as it is prefilled, on a server with demo data."""

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from drawings.models import CountStatus, Document
from drawings.models import Status as DocumentStatus
from meetings.models import Meeting
from projects.models import Project
from tests.support.access_to_components import a_page_with_lines
from tests.support.api_page import operations_of, send_all
from tests.support.axe import CONTRAST, SCREENS, SCRIPT, show, violations
from tests.support.chromium import Page, chromium
from tests.support.factories import (
    ActionItemFactory,
    ComponentFactory,
    DocumentFactory,
    EnrolledVoiceFactory,
    SegmentFactory,
    SpeakerFactory,
    SummaryFactory,
    SymbolFactory,
    TranscribedMeetingFactory,
    UserAddressFactory,
)
from tests.support.servers import Servers
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from users.models import User
from users.services import create_user

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.tools("chromium", str(SCRIPT)),
]

PASSWORD = "violin under a bridge"
#: Operations that do not succeed as prefilled, and why.
REFUSED = {
    "AuthService_Login": "the password is the caller's own",
    "AuthService_RefreshToken": "the token is of a login",
    "AuthService_RevokeSession": "a development server's caller has no session",
    "UserService_ConfirmEmailVerification": "the token is mailed",
    "UserService_ResetPassword": "the token is mailed",
    "UserService_ChangePassword": "the password is the caller's own",
    "ProjectService_DeleteProject": "the project has contents, which only `force` deletes",
    "MeetingService_DownloadRecording": "the meeting of this test has no file",
    "DrawingService_RenderPage": "the drawing of this test has no file",
    "DrawingService_Reprocess": "the drawing of this test has no file",
    "MeetingService_Retranscribe": "the meeting of this test has no file",
    "streamAudioByWebSocket": "not sent by the page",
}
#: Sends an operation and ends it by Stop, once that many events are counted. Returns how many events the page has
#: counted then, how many it shows, and the counter's text.
WATCH = """
(async (id, enough) => {
  const pause = () => new Promise((resume) => setTimeout(resume, 5));
  const operation = document.getElementById(id);
  operation.open = true;
  while (!operation.querySelector(".call[data-ready]")) await pause();
  [...operation.querySelectorAll(".buttons button")].find((button) => button.textContent === "Send").click();
  const outcome = operation.querySelector(".outcome");
  const counter = () => outcome.querySelector(".events")?.previousElementSibling.textContent ?? "";
  const stop = [...outcome.querySelectorAll("button")].find((button) => button.textContent === "Stop");
  while (!(parseInt(counter()) >= enough)) await pause();
  stop.click();
  while (outcome.dataset.state === "running") await pause();
  window.watched = {
    state: outcome.dataset.state, text: counter(),
    count: parseInt(counter()), shown: outcome.querySelectorAll(".events li").length,
  };
})
"""
#: What other operations need is changed by these, so they come last, in this order.
LATE = (
    "MeetingService_NameSpeaker", "MeetingService_Summarize", "MeetingService_Retranscribe",
    "MeetingService_CancelProcessing", "DrawingService_Reprocess", "DrawingService_CancelProcessing", "getUpload",
    "sendPiece", "deleteUpload", "DrawingService_DeleteSymbol", "DrawingService_DeleteDocument",
    "ProjectService_RemoveMember", "ProjectService_CreateProject", "ProjectService_ArchiveProject",
    "ProjectService_UnarchiveProject",
    "MeetingService_DeleteMeeting", "UserService_DeleteUser",
)  # fmt: skip


@pytest.fixture
def page(servers: Servers) -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture
def world(servers: Servers) -> None:
    """Add to the demo data what the worker would make: a transcript, and what was found in a drawing."""
    admin = User.objects.get(email="admin@example.com")
    project_id, document_id = a_page_with_lines(admin)
    document = Document.objects.get(pk=document_id)
    DocumentFactory(project=document.project, status=DocumentStatus.FAILED)
    ComponentFactory(document=document)
    SymbolFactory(document=document)
    SymbolFactory(document=document, count_status=CountStatus.QUEUED)
    Project.objects.filter(pk=project_id).update(created_at=timezone.now())
    UserAddressFactory(user=admin)
    meeting: Meeting = TranscribedMeetingFactory(owner=admin)
    SegmentFactory(meeting=meeting)
    EnrolledVoiceFactory(user=admin)
    SpeakerFactory(meeting=meeting, user=admin, speech_ms=9_000)
    ActionItemFactory(meeting=meeting)
    ActionItemFactory(meeting=meeting)
    SummaryFactory(meeting=meeting)


def in_order(badges: dict[str, str]) -> list[str]:
    """Return the operations: reads, then creations and changes, then what takes from the others what they need."""
    verbs = ["GET", "POST", "PATCH", "HEAD", "OPTIONS", "DELETE"]
    return sorted(badges, key=lambda name: (name in LATE and 1 + LATE.index(name), verbs.index(badges[name])))


def test_every_operation_over_rest(servers: Servers, world: None, page: Page) -> None:
    page.open(f"{servers.http_url}/api/v1/docs")
    badges = operations_of(page)
    show(page, 390, 844, "dark")
    found = send_all(page, in_order(badges))
    # Everything is open now: on a telephone in the dark, too, it fits and can be read.
    assert page.value("document.documentElement.scrollWidth") <= 390
    assert violations(page) == []
    show(page, 1280, 800, "light")
    assert violations(page, rule=CONTRAST) == []
    refused = {name: outcome for name, outcome in found.items() if not outcome["status"].startswith("2")}
    unexpected = [(name, one["missing"], one["text"]) for name, one in refused.items() if name not in REFUSED]
    assert not unexpected, "\n".join(map(str, unexpected))
    # Streams show their events while they are open.
    for name in ("TaskService_WatchTasks", "ChangeService_WatchChanges", "MeetingService_WatchMeeting"):
        assert found[name]["events"] > 0, name
    # The refused calls are errors of the browser, too.
    assert [error for error in page.errors if "Failed to load resource" not in error] == []


def test_grpc_page_by_keyboard_and_as_a_user(servers: Servers, page: Page) -> None:
    create_user(
        User.objects.get(email="admin@example.com"),
        email="olga@example.com",
        display_name="Olga Lind",
        password=PASSWORD,
        mailed=False,
    )
    page.open(f"{servers.http_url}/api/grpc")
    operations_of(page)
    # The filter is reached by a key, and an operation is opened and sent by the keyboard alone.
    page.press_text("/")
    page.send("Input.insertText", text="TaskService/CreateTask")
    page.until("document.getElementById('count').textContent === '1 operations'")
    page.value("document.querySelector('[id=\"taskservice.TaskService.CreateTask\"] summary').focus()")
    page.press("Enter", 13)
    sent = send_all(page, ["taskservice.TaskService.CreateTask"])["taskservice.TaskService.CreateTask"]
    assert sent["status"].startswith("OK")
    assert "Write the report" in page.value("document.querySelector('pre[aria-label=Answer]').textContent")
    assert "grpcurl -plaintext -d" in page.value("document.querySelector('.line').textContent")
    assert "buf curl --protocol grpc" in page.value("document.querySelector('.line').textContent")
    # A stream shows what happens while it is open; then it is stopped.
    watched = send_all(page, ["taskservice.TaskService.WatchTasks"])["taskservice.TaskService.WatchTasks"]
    assert watched["events"] > 0
    # A failure has its code and details; an rpc that takes a stream is not sent.
    failing = send_all(page, ["auth.v1.AuthService.Login", "taskservice.TaskService.BulkCreateTasks"])
    assert failing["auth.v1.AuthService.Login"]["status"].startswith("UNAUTHENTICATED")
    assert failing["taskservice.TaskService.BulkCreateTasks"]["status"] == "not sent"
    # After the sign-in the calls are the user's, also in the web app and after a reload.
    page.value("document.querySelector('.sign-in summary').click()")
    page.value(
        f"document.querySelector('[type=email]').value = 'olga@example.com', "
        f"document.querySelector('[type=password]').value = '{PASSWORD}', "
        "document.querySelector('.sign-in-forms form').requestSubmit()"
    )
    page.until("document.querySelector('.caller')?.textContent.includes('act as Olga Lind')")
    page.open(f"{servers.http_url}/api/v1/docs")
    page.until("document.querySelector('.caller')?.textContent.includes('act as Olga Lind')")
    me = send_all(page, ["UserService_GetUser"])["UserService_GetUser"]
    assert "olga@example.com" in me["text"]
    page.value(
        "[...document.querySelectorAll('#session button')].find((one) => one.textContent === 'Sign out').click()"
    )
    page.until("document.querySelector('.caller')?.textContent.includes('on this development server')")
    page.open(f"{servers.http_url}/api/grpc")
    operations_of(page)
    for width, height, scheme, rule in SCREENS:
        show(page, width, height, scheme)
        assert page.value("document.documentElement.scrollWidth") <= width
        assert violations(page, rule=rule) == []


@pytest.mark.parametrize(
    ("path", "operation"),
    [("/api/v1/docs", "TaskService_WatchTasks"), ("/api/grpc", "taskservice.TaskService.WatchTasks")],
)
def test_long_stream_can_be_stopped_and_shows_its_last_events(
    servers: Servers, page: Page, path: str, operation: str
) -> None:
    call_command("demo", tasks=5_000, stdout=StringIO())
    page.open(f"{servers.http_url}{path}")
    operations_of(page)
    found = {}
    for enough in (1, 5_000):
        page.value(f"window.watched = null, {WATCH}('{operation}', {enough}), 0")
        page.until("window.watched !== null", seconds=60)
        found[enough] = {name: page.value(f"window.watched.{name}") for name in ("state", "count", "shown", "text")}
    assert found[1]["count"] < 5_000
    assert found[5_000]["shown"] == 500
    assert f"{found[5_000]['count'] - 500} earlier events are not shown" in found[5_000]["text"]
    assert {one["state"] for one in found.values()} == {"stopped"}
