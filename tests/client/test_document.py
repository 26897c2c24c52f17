"""The examples of docs/integrate/client.md and of the package's own page run as printed."""

import asyncio
import contextlib
import io
import re
import threading

import pytest

from tandem import client as package
from tandem.client import AsyncClient, Client
from tandem.meeting.v1.meeting_pb2 import MEETING_STATUS_COMPLETED, CreateMeetingRequest
from tandem.task.v1.task_pb2 import CreateTaskRequest, DeleteTaskRequest, Task
from tests.client.test_asyncio import become
from tests.support.client_server import Server
from tests.support.meeting_sql import insert_segment, set_status, written_to
from tests.support.servers import ROOT, until

pytestmark = [pytest.mark.real_server, pytest.mark.django_db]

TEXT = (ROOT / "docs/integrate/client.md").read_text()
FIRST_CALL, ERRORS, PAGES, FEED, MEETING, UPLOAD, _TRACES, ASYNCIO, ASYNC_FEED = re.findall(
    r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL
)
#: Those of the package's own page.
PACKAGE_CALL, PACKAGE_WATCH = re.findall(
    r"^```python\n(.*?)^```$", (ROOT / "clients/python/README.md").read_text(), re.MULTILINE | re.DOTALL
)


def run(block: str, server: Server, http_address: str = "") -> tuple[str, dict[str, object]]:
    """Run a block; return its output and the names that it defines."""
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        addressed = block.replace("localhost:50051", server.address).replace("localhost:8000", http_address)
        exec(compile(addressed, "docs/integrate/client.md", "exec"), names)
    return printed.getvalue(), names


def test_the_first_call(server: Server) -> None:
    assert run(FIRST_CALL, server)[0] == "Buy milk\n"


def test_errors(server: Server) -> None:
    assert run(ERRORS, server)[0].splitlines() == [
        "title REQUIRED",
        "Task with ID 'none' not found",
        "it is at version 2",
    ]


def test_the_copy_is_kept(server: Server, client: Client) -> None:
    _, names = run(FEED, server)
    copy: dict[str, Task] = {}
    cursors: list[str] = []
    with Client(server.address) as watching:
        reader = threading.Thread(target=names["follow"], args=(watching, copy, "", cursors.append))  # type: ignore[arg-type]
        reader.start()
        try:
            until(lambda: bool(cursors) and bool(cursors[-1]), "the initial state is complete")
            task = client.tasks.CreateTask(CreateTaskRequest(title="Copied"))
            until(lambda: copy.get(task.id) == task, "it is in the copy")
            client.tasks.DeleteTask(DeleteTaskRequest(id=task.id))
            until(lambda: task.id not in copy, "it is gone from the copy")
        finally:
            watching.close()
            reader.join(10)
    assert not reader.is_alive()


def test_the_page_of_the_package(server: Server) -> None:
    made = run(PACKAGE_CALL, server)[0]
    assert len(made.strip()) == 36
    *titles, last = run(PACKAGE_WATCH, server)[0].splitlines()
    assert "Buy milk" in titles
    assert last == "What follows is live."


def test_every_error_is_named() -> None:
    listed = TEXT.partition("The classes are")[2].partition("\n\n")[0]
    errors = {name for name in package.__all__ if name in vars(package.errors)} - {"TandemError", "FieldError"}
    assert set(re.findall(r"`(\w+)`", listed)) == errors


def test_the_feed_of_a_meeting(server: Server) -> None:
    _, names = run(MEETING, server)
    with Client(server.address) as client, written_to() as rows:
        meeting_id = client.meetings.CreateMeeting(CreateMeetingRequest(title="Weekly")).meeting.id
        for start_ms, text in ((5_000, "second"), (0, "first")):
            insert_segment(rows, meeting_id, start_ms, text)
        set_status(rows, meeting_id, MEETING_STATUS_COMPLETED)
        meeting, segments = names["transcribed"](client, meeting_id)  # type: ignore[operator]
    assert (meeting.title, [segment.text for segment in segments]) == ("Weekly", ["first", "second"])


def test_pages(server: Server, client: Client) -> None:
    client.tasks.CreateTask(CreateTaskRequest(title="On a page"))
    assert "On a page" in run(PAGES, server)[0].splitlines()


def test_an_upload(server: Server, web: Server) -> None:
    *progress, meeting, document = run(UPLOAD, server, web.address)[0].splitlines()
    size = (ROOT / "samples/planning.ogg").stat().st_size
    assert progress[-1] == f"{size} of {size} bytes are stored."
    assert meeting.startswith("Planning ")
    assert document.startswith("Control cabinet ")


def test_asyncio(server: Server) -> None:
    assert run(ASYNCIO, server)[0].splitlines() == ["3 tasks", "2 on a page", "1 on a page", "title REQUIRED"]


def test_the_copy_is_kept_by_a_task(server: Server) -> None:
    _, names = run(ASYNC_FEED, server)
    copy: dict[str, Task] = {}
    cursors: list[str] = []

    async def follow() -> None:
        async with AsyncClient(server.address) as client:
            following = asyncio.ensure_future(names["follow"](client, copy, "", cursors.append))  # type: ignore[operator]
            await become(lambda: bool(cursors) and bool(cursors[-1]))
            task = await client.tasks.CreateTask(CreateTaskRequest(title="Copied"))
            await become(lambda: copy.get(task.id) == task)
            await client.tasks.DeleteTask(DeleteTaskRequest(id=task.id))
            await become(lambda: task.id not in copy)
            following.cancel()
            with pytest.raises(asyncio.CancelledError):
                await following

    asyncio.run(follow())
