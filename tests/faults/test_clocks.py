"""Clocks of machines that jump while the processes run. The database's clock decides what all processes compare."""

import time
import urllib.request
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tandem.auth.v1.auth_pb2 import CreateStreamTicketRequest, LoginRequest, RefreshTokenRequest
from tandem.change.v1.change_pb2 import ListChangesRequest
from tandem.task.v1.task_pb2 import CreateTaskRequest
from tandem.user.v1.user_pb2 import CreateUserRequest, GetUserRequest, RequestPasswordResetRequest
from tests.faults.conftest import seconds_left
from tests.support.faults.calling import TaskClient
from tests.support.faults.clocks import Clock
from tests.support.faults.product import Database, Installation
from tests.support.servers import until
from tests.support.sse import EventSource
from tests.support.tus import TusClient

pytestmark = [pytest.mark.faults, pytest.mark.tools("cc")]

#: One after the other, so that the clock also jumps back.
JUMPS_SECONDS = (120, -120, 3600, -3600)
#: An hour is longer than a token lives.
VARIABLES = {"ACCESS_TOKEN_SECONDS": "900", "RATE_LIMITS": "0,0,10000"}
EMAIL, PASSWORD = "late@example.com", "correct horse battery"
STREAM = "/api/v1/changes/stream"
GET_USER = "user.v1.UserService/GetUser"
MAILS_TO_SEND = "SELECT count(*) FROM core_job WHERE ended_at IS NULL AND kind ~ '^users'"
#: Minutes until the mailed link expires, which lives for an hour.
LINK_MINUTES = (
    "SELECT extract(epoch FROM min(expires_at) - now())::int / 60 FROM users_mailedtoken WHERE used_at IS NULL"
)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
def installation(database: Database, tmp_path: Path, clock: Clock) -> Iterator[Installation]:
    """All processes but the gRPC server have the clock that jumps."""
    assert seconds_left() > 0
    database.empty()
    jumping = dict.fromkeys(("web", "worker0", "worker1"), clock.variables)
    installation = Installation(database, tmp_path, variables=VARIABLES, own=jumping)
    try:
        yield installation.start()
    finally:
        installation.close()


def seconds_ahead(http_url: str) -> float:
    """Return how far the clock of the web server is ahead."""
    with urllib.request.urlopen(f"{http_url}/health/live", timeout=10) as answer:
        return parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()


def next_title(stream: EventSource) -> str:
    event = stream.next()
    assert event
    return str(event.data["task"]["title"])


def check_credentials(client: TaskClient, login: LoginRequest) -> None:
    """Check that a pair of tokens from either server is good at the other."""
    for first, second in ((client.over_http, client.over_grpc), (client.over_grpc, client.over_http)):
        pair = first("Login", login)
        client.bearer = f"Bearer {pair.access_token}"
        me = GetUserRequest(user_id="me")
        assert second(GET_USER, me).user.email == first(GET_USER, me).user.email == EMAIL
        request = RefreshTokenRequest(refresh_token=pair.refresh_token)
        # The second use is a repetition of an answer that was lost.
        assert first("RefreshToken", request).refresh_token == second("RefreshToken", request).refresh_token


def test_clock_that_jumps(installation: Installation, clock: Clock, report: Callable[[str], None]) -> None:
    url, address = installation.http_url, installation.grpc_address
    administrator = TaskClient(url, address)
    administrator.over_grpc("user.v1.UserService/CreateUser", CreateUserRequest(email=EMAIL, password=PASSWORD))
    user = TaskClient(url, address)
    login = LoginRequest(email=EMAIL, password=PASSWORD)
    user.bearer = f"Bearer {user.over_http('Login', login).access_token}"
    uploads = TusClient(url)
    upload = uploads.create(2 + len(JUMPS_SECONDS))
    assert uploads.patch(upload.path, 0, b"ab").offset == 2
    cursor = administrator.over_http("ListChanges", ListChangesRequest(page_size=100)).next_cursor
    with EventSource(f"{url}{STREAM}?subject_types=task", {"Authorization": user.bearer}) as stream:
        for number, seconds in enumerate(JUMPS_SECONDS):
            clock.set_ahead(seconds)
            until(lambda ahead=seconds: abs(seconds_ahead(url) - ahead) < 30, "the clock has jumped")
            # A stream's credential is verified again every second.
            time.sleep(3)

            request = CreateTaskRequest(title=f"Task {number}", request_id=f"jump-{number}")
            task = user.over_http("CreateTask", request)
            assert user.over_grpc("CreateTask", request).id == task.id
            assert next_title(stream) == task.title
            installation.until_numbered()
            page = administrator.over_http("ListChanges", ListChangesRequest(cursor=cursor, subject_types=[]))
            cursor = page.next_cursor
            assert task.id in [change.subject_id for change in page.changes]

            check_credentials(user, login)
            ticket = user.over_grpc("CreateStreamTicket", CreateStreamTicketRequest(path=STREAM)).ticket
            with EventSource(f"{url}{STREAM}?ticket={ticket}") as opened:
                assert opened.status == 200

            assert uploads.patch(upload.path, 2 + number, b"c").offset == 3 + number
            user.over_http("RequestPasswordReset", RequestPasswordResetRequest(email=EMAIL))
            until(lambda: installation.database.ask(MAILS_TO_SEND) == [(0,)], "the mail is sent")
            assert 55 <= installation.database.ask(LINK_MINUTES)[0][0] <= 60
            report(f"{seconds:+d} s: served")
    installation.verify()
