"""All streams deliver the same changes in the same order, for every kind of writer."""

import http.cookiejar
import json
import re
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import grpc
import pytest
from django.db import connection

from tandem.task.v1.task_pb2 import EVENT_TYPE_SNAPSHOT_END, CreateTaskRequest, WatchTasksRequest
from tandem.task.v1.task_pb2_grpc import TaskServiceStub
from tests.support.servers import Servers, until
from tests.support.sse import EventSource
from users.models import User

pytestmark = pytest.mark.real_server

ADMINISTRATOR, PASSWORD = "admin@example.com", "correct horse battery"
PATIENCE_SECONDS = 20


class Browser:
    """A user who signs in to the admin site and sends its forms."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def send(self, path: str, **fields: str) -> str:
        """Open the page and send its form with these fields; return the page that follows."""
        page = self._opener.open(self._url + path, timeout=PATIENCE_SECONDS).read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        form = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        with self._opener.open(self._url + path, form, timeout=PATIENCE_SECONDS) as answer:
            assert answer.url != self._url + path, "the form is shown again"
            return str(answer.read().decode())


def over_rest(servers: Servers, verb: str, path: str, **body: Any) -> Any:
    request = urllib.request.Request(
        servers.http_url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=verb
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)


def live_source(servers: Servers) -> EventSource | None:
    """Return an open stream after its initial state; None while the process does not read the log yet."""
    source = EventSource(f"{servers.http_url}/api/v1/tasks/stream?include_initial=true&bookmarks=true")
    if source.status == 503:
        return None
    while (event := source.next()) is not None and event.name != "snapshot_end":
        pass
    assert event is not None
    return source


def live_call(stub: TaskServiceStub) -> Any:
    """Return the same over gRPC."""
    call = stub.WatchTasks(WatchTasksRequest(include_initial=True, bookmarks=True), timeout=3 * PATIENCE_SECONDS)
    try:
        while next(call).event_type != EVENT_TYPE_SNAPSHOT_END:
            pass
    except grpc.RpcError as exc:
        assert exc.code() is grpc.StatusCode.UNAVAILABLE
        return None
    return call


def until_open(opened: Callable[[], Any]) -> Any:
    """Return the stream as soon as the process reads the log."""
    tries: list[Any] = []

    def is_open() -> bool:
        tries.append(opened())
        return tries[-1] is not None

    until(is_open, "a stream can be opened")
    return tries[-1]


def test_two_browsers_and_a_grpc_client(servers: Servers) -> None:
    administrator = User.objects.get(email=ADMINISTRATOR)
    administrator.set_password(PASSWORD)
    administrator.save()
    with ExitStack() as open_streams:
        stub = TaskServiceStub(open_streams.enter_context(grpc.insecure_channel(servers.grpc_address)))
        browsers = [open_streams.enter_context(until_open(lambda: live_source(servers))) for _ in range(2)]
        over_grpc = until_open(lambda: live_call(stub))
        open_streams.callback(over_grpc.cancel)

        made_by_rest = over_rest(servers, "POST", "/api/v1/tasks", title="By REST")["id"]
        made_by_grpc = stub.CreateTask(CreateTaskRequest(title="By gRPC"), timeout=PATIENCE_SECONDS).id
        browser = Browser(servers.http_url)
        browser.send("/admin/login/?next=/admin/", username=ADMINISTRATOR, password=PASSWORD)
        form = {"description": "", "status": "1", "priority": "2", "labels": "", "assigned_to": "", "metadata": "{}"}
        form |= {"due_date_0": "", "due_date_1": ""}
        browser.send("/admin/tasks/task/add/", title="By the admin site", **form)
        browser.send(f"/admin/tasks/task/{made_by_rest}/change/", title="By REST, changed in the site", **form)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tasks_task SET title = 'By SQL' WHERE id = %s", [made_by_grpc])
            cursor.execute("DELETE FROM tasks_task WHERE title = 'By the admin site'")
        over_rest(servers, "PATCH", f"/api/v1/tasks/{made_by_rest}", title="By REST again")

        received = [
            ("created", "By REST"),
            ("created", "By gRPC"),
            ("created", "By the admin site"),
            ("updated", "By REST, changed in the site"),
            ("updated", "By SQL"),
            ("deleted", "By the admin site"),
            ("updated", "By REST again"),
        ]
        of_browsers = [source.take(len(received)) for source in browsers]
        of_grpc = [next(over_grpc) for _ in received]
    for events in of_browsers:
        assert [(event.name, event.data["task"]["title"]) for event in events] == received
        assert [event.id for event in events] == [event.cursor for event in of_grpc]
    assert [event.task.title for event in of_grpc] == [title for _, title in received]
    assert [event.triggered_by for event in of_grpc] == [
        *[str(administrator.pk)] * 4, "system", "system", str(administrator.pk),
    ]  # fmt: skip
