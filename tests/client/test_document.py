"""What docs/client.md prints works as it is printed."""

import contextlib
import io
import re
import threading

import pytest

from tandem import client as package
from tandem.client import Client
from tandem.task.v1.task_pb2 import CreateTaskRequest, DeleteTaskRequest, Task
from tests.client.server import Server
from tests.servers import ROOT, until

pytestmark = [pytest.mark.real_server, pytest.mark.django_db]

TEXT = (ROOT / "docs/client.md").read_text()
FIRST_CALL, ERRORS, FEED = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def run(block: str, server: Server) -> tuple[str, dict[str, object]]:
    """What a block prints, and what it defines."""
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.replace("localhost:50051", server.address), "docs/client.md", "exec"), names)
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
