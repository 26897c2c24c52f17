"""The examples of docs/integrate/client.md run as printed."""

import contextlib
import io
import re
import threading

import pytest

from tandem import client as package
from tandem.client import Client
from tandem.meeting.v1.meeting_pb2 import MEETING_STATUS_COMPLETED, CreateMeetingRequest
from tandem.task.v1.task_pb2 import CreateTaskRequest, DeleteTaskRequest, Task
from tests.support.client_server import Server
from tests.support.meeting_sql import insert_segment, set_status, written_to
from tests.support.servers import ROOT, until

pytestmark = [pytest.mark.real_server, pytest.mark.django_db]

TEXT = (ROOT / "docs/integrate/client.md").read_text()
FIRST_CALL, ERRORS, FEED, MEETING = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def run(block: str, server: Server) -> tuple[str, dict[str, object]]:
    """Run a block; return its output and the names that it defines."""
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.replace("localhost:50051", server.address), "docs/integrate/client.md", "exec"), names)
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
