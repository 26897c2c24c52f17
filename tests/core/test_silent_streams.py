"""Streams of requests whose clients send nothing more: they end with their credential, with the server, and in time."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from access.models import Session
from access.services import create_api_key, end_sessions, revoke_api_key
from access.tokens import access_token
from core import bulk
from core.streams import LAST_CHANCE_SECONDS
from tandem.meeting.v1.meeting_pb2_grpc import MeetingServiceStub
from tandem.task.v1.task_pb2 import CreateTaskRequest, TaskCommand
from tandem.task.v1.task_pb2_grpc import TaskServiceStub
from tasks.models import Task
from tests.meetings.conftest import folder as folder
from tests.support.factories import UserFactory
from tests.support.raw_http import Connection, framed
from tests.support.recordings import a_form, a_recording, an_upload, stored
from tests.support.servers import Servers, database_url, running, until
from users.models import User
from users.services import deactivate_user
from users.services.passwords import change_password

pytestmark = pytest.mark.real_server

PATIENCE = 20
#: The contract promises a second; the rest is for a busy machine.
MOST_SECONDS = 1.5
#: Of which the last bytes never come.
RECORDING = a_recording(seconds=10)

#: Waits for the end of a stream; returns its reason and how many of its rows are committed, where the end states it.
End = Callable[[], tuple[str, str]]
Opening = Callable[[ExitStack, Servers, str], End]


def ended_over_http(connection: Connection, *, lines: int = 0) -> End:
    """Return what reads the problem that the answer is, or that follows so many lines of it."""

    def end() -> tuple[str, str]:
        answer = connection.answer("POST")
        problem = json.loads(answer.body.splitlines()[lines])
        assert answer.status == (200 if lines else problem["status"])
        return problem["reason"], problem.get("committed_through", "")

    return end


def ended_over_grpc(call: Any) -> End:
    def end() -> tuple[str, str]:
        error = call.exception(PATIENCE)
        packed = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
        info = error_details_pb2.ErrorInfo()
        for detail in status_pb2.Status.FromString(packed).details:
            _ = detail.Unpack(info)
        assert info.reason in ("", error.code().name)
        return error.code().name, info.metadata.get("committed_through", "")

    return end


def connected(stack: ExitStack, servers: Servers) -> Connection:
    return stack.enter_context(Connection(servers.http_url))


def channel_to(stack: ExitStack, servers: Servers) -> grpc.Channel:
    return stack.enter_context(grpc.insecure_channel(servers.grpc_address))


def sent_then_silent(stack: ExitStack, *messages: Any) -> Iterator[Any]:
    """Return an iterator over the messages, which then waits until the test is over."""
    sent: SimpleQueue[Any] = SimpleQueue()
    for message in messages:
        sent.put(message)
    stack.callback(sent.put, None)
    return iter(sent.get, None)


def a_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunked(path: str, connection: Connection, bearer: str, content_type: str) -> bytes:
    """Make the head of a request whose body comes in chunks."""
    headers = {"Authorization": bearer, "Content_Type": content_type, "Transfer_Encoding": "chunked"}
    return framed("POST", path, connection.host, None, **headers)


def commands_over_http(stack: ExitStack, servers: Servers, bearer: str) -> End:
    connection = connected(stack, servers)
    line = json.dumps({"create": {"title": "Sow"}}).encode() + b"\n"
    connection.send(chunked("/api/v1/tasks/commands", connection, bearer, "application/x-ndjson") + a_chunk(line))
    count = Task.objects.count()
    until(lambda: Task.objects.count() > count, "the command is done")
    return ended_over_http(connection, lines=1)


def commands_over_grpc(stack: ExitStack, servers: Servers, bearer: str) -> End:
    sent = sent_then_silent(stack, TaskCommand(create=CreateTaskRequest(title="Sow")))
    call = TaskServiceStub(channel_to(stack, servers)).ProcessTaskStream(
        sent, metadata=[("authorization", bearer)], timeout=PATIENCE
    )
    assert next(call).success
    return ended_over_grpc(call)


def bulk_over_http(stack: ExitStack, servers: Servers, bearer: str) -> End:
    connection, count = connected(stack, servers), Task.objects.count()
    lines = json.dumps({"title": "Sow"}).encode() + b"\n"
    connection.send(
        chunked("/api/v1/tasks/bulk", connection, bearer, "application/x-ndjson") + a_chunk(lines * bulk.CHUNK_SIZE)
    )
    until(lambda: Task.objects.count() == count + bulk.CHUNK_SIZE, "the first chunk is there")
    return ended_over_http(connection)


def bulk_over_grpc(stack: ExitStack, servers: Servers, bearer: str) -> End:
    sent, count = sent_then_silent(stack, *[CreateTaskRequest(title="Sow")] * bulk.CHUNK_SIZE), Task.objects.count()
    call = TaskServiceStub(channel_to(stack, servers)).BulkCreateTasks.future(
        sent, metadata=[("authorization", bearer)], timeout=PATIENCE
    )
    until(lambda: Task.objects.count() == count + bulk.CHUNK_SIZE, "the first chunk is there")
    return ended_over_grpc(call)


def recording_over_http(stack: ExitStack, servers: Servers, bearer: str) -> End:
    connection, before = connected(stack, servers), len(stored())
    form, headers = a_form(RECORDING, "talk.wav")
    connection.send(
        chunked("/api/v1/meetings/upload", connection, bearer, headers["Content-Type"]) + a_chunk(form[:-100])
    )
    until(lambda: len(stored()) > before, "the recording begins to come")
    return ended_over_http(connection)


def recording_over_grpc(stack: ExitStack, servers: Servers, bearer: str) -> End:
    before = len(stored())
    sent = sent_then_silent(stack, *an_upload(content=RECORDING)[:-1])
    call = MeetingServiceStub(channel_to(stack, servers)).UploadRecording.future(
        sent, metadata=[("authorization", bearer)], timeout=PATIENCE
    )
    until(lambda: len(stored()) > before, "the recording begins to come")
    return ended_over_grpc(call)


COMMANDS: tuple[Opening, ...] = (commands_over_http, commands_over_grpc)
OTHERS: tuple[Opening, ...] = (bulk_over_http, bulk_over_grpc, recording_over_http, recording_over_grpc)


@pytest.fixture
def serving(request: pytest.FixtureRequest, transactional_db: None, folder: Path) -> Iterator[Servers]:
    variables = {"DEV_AUTH_AS": "", **getattr(request, "param", {})}
    with running(DATABASE_URL=database_url(), TANDEM_DATA_DIR=str(folder), **variables) as servers:
        yield servers


def session_of(user: User) -> str:
    return "Bearer " + access_token(Session.objects.create(user=user))


def ends(streams: dict[str, End]) -> dict[str, tuple[str, str, bool]]:
    """Wait for the ends of these streams; return each with whether it came soon after now."""
    began = time.monotonic()

    def ended(end: End) -> tuple[str, str, bool]:
        reason, committed_through = end()
        return reason, committed_through, time.monotonic() - began < MOST_SECONDS

    with ThreadPoolExecutor(len(streams)) as pool:
        return dict(zip(streams, pool.map(ended, streams.values()), strict=True))


def test_silent_stream_of_each_kind_ends_within_a_second_of_its_session(serving: Servers) -> None:
    user = UserFactory()
    with ExitStack() as stack:
        bearer = session_of(user)
        streams = {opened.__name__: opened(stack, serving, bearer) for opened in (*COMMANDS, *OTHERS)}
        end_sessions(Session.objects.filter(user=user))
        ended = ends(streams)
    whole = str(bulk.CHUNK_SIZE)
    assert ended == {
        "commands_over_http": ("UNAUTHENTICATED", "", True),
        "commands_over_grpc": ("UNAUTHENTICATED", "", True),
        "bulk_over_http": ("UNAUTHENTICATED", whole, True),
        "bulk_over_grpc": ("UNAUTHENTICATED", whole, True),
        "recording_over_http": ("UNAUTHENTICATED", "", True),
        "recording_over_grpc": ("UNAUTHENTICATED", "", True),
    }


def a_password(user: User, administrator: User) -> None:
    change_password(administrator, str(user.pk), current_password="", new_password="correct horse battery")


def a_deactivation(user: User, administrator: User) -> None:
    deactivate_user(administrator, str(user.pk))


def test_silent_streams_end_with_whatever_ends_their_credential(serving: Servers, administrator: User) -> None:
    others: dict[str, End] = {}
    with ExitStack() as stack:
        streams: dict[str, End] = {}
        endings: list[Callable[[], object]] = []
        for opened in COMMANDS:
            for ending in (a_password, a_deactivation):
                user = UserFactory()
                streams[f"{opened.__name__} {ending.__name__}"] = opened(stack, serving, session_of(user))
                endings.append(lambda ending=ending, user=user: ending(user, administrator))
            owner = UserFactory()
            key, secret = create_api_key(owner, name="Sower", scopes=["tasks:write"])
            streams[f"{opened.__name__} key"] = opened(stack, serving, f"Bearer {secret}")
            endings.append(lambda owner=owner, key=key: revoke_api_key(owner, str(key.pk)))
            others[opened.__name__] = opened(stack, serving, session_of(owner))
        for end in endings:
            end()
        assert set(ends(streams).values()) == {("UNAUTHENTICATED", "", True)}
        # The streams of the same user with another credential stay open.
        for process in serving.processes:
            process.send_signal(signal.SIGTERM)
        assert {reason for reason, _, _ in ends(others).values()} == {"UNAVAILABLE"}


ONE_PLACE = {"MAX_REQUEST_STREAMS_PER_CALLER": "1"}


@pytest.mark.parametrize("serving", [ONE_PLACE], indirect=True)
@pytest.mark.parametrize("opened", COMMANDS)
def test_silent_stream_gives_its_place_back_with_its_credential(serving: Servers, opened: Opening) -> None:
    user = UserFactory()
    with ExitStack() as stack:
        ended = opened(stack, serving, session_of(user))
        end_sessions(Session.objects.filter(user=user))
        assert ended()[0] == "UNAUTHENTICATED"
        opened(stack, serving, session_of(user))


def test_silent_streams_end_when_their_server_does(serving: Servers) -> None:
    bearer = session_of(UserFactory())
    with ExitStack() as stack:
        streams = {opened.__name__: opened(stack, serving, bearer) for opened in COMMANDS}
        for process in serving.processes:
            process.send_signal(signal.SIGTERM)
        assert ends(streams) == dict.fromkeys(streams, ("UNAVAILABLE", "", True))
        for process in serving.processes:
            assert process.wait(PATIENCE) == 0


IMPATIENT = {"UPLOAD_IDLE_SECONDS": "1"}


@pytest.mark.parametrize("serving", [IMPATIENT], indirect=True)
def test_stream_that_is_silent_for_too_long_learns_why_it_ends(serving: Servers) -> None:
    bearer = session_of(UserFactory())
    with ExitStack() as stack:
        for opened in (*COMMANDS, *OTHERS):
            assert opened(stack, serving, bearer)()[0] == "DEADLINE_EXCEEDED", opened.__name__


UNREAD = {"MAX_REQUEST_STREAMS_PER_CALLER": "1"}


@pytest.mark.parametrize("serving", [UNREAD], indirect=True)
def test_stream_whose_client_does_not_read_ends_with_its_credential(serving: Servers) -> None:
    user = UserFactory()
    command = TaskCommand(command_id="x" * 200)

    def places() -> bool:
        with ExitStack() as stack:
            try:
                commands_over_grpc(stack, serving, session_of(user))
            except grpc.RpcError:
                return False
        return True

    with ExitStack() as stack:
        sent, over = [0], threading.Event()
        stack.callback(over.set)

        def flood() -> Iterator[TaskCommand]:
            while not over.is_set():
                sent[0] += 1
                yield command

        call = TaskServiceStub(channel_to(stack, serving)).ProcessTaskStream(
            flood(), metadata=[("authorization", session_of(user))], timeout=3 * PATIENCE
        )
        stack.callback(call.cancel)
        seen = -1
        while seen != sent[0]:
            seen = sent[0]
            time.sleep(1)
        assert not places()
        end_sessions(Session.objects.filter(user=user))
        time.sleep(LAST_CHANCE_SECONDS + 1)
        assert places()
