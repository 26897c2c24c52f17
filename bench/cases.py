"""The cases of `bench.unary`: the calls, their servers, and how each call is made and checked."""

import json
import secrets
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

from bench import load, product, seed
from bench.measuring import Load
from bench.product import Server

EMPTY = "empty handler, bare grpcio"
#: More than ListUsers counts, so that it stops counting as it does in every larger table.
USERS = 20_000
PAGE_SIZE = 50
SERVICE = "user.v1.UserService"
GRPC_PORTS = (50160, 50161, 50162)
HTTP_PORTS = (8160, 8161)
METRICS_PORTS = (8162, 8163)
_LOGIN_EVERY_SECONDS = 300

_LUA_POST = """
local number = 0
request = function()
    number = number + 1
    return wrk.format("POST", nil, nil, string.format('%s', number))
end
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A measured call.

    Attributes:
        run: puts load on the server for a number of seconds.
        check: makes one such call with an ordinary client, and checks the response.
        metric: in which the server counts such calls; empty if it does not count them.
        labels: of the metric.
        success: the code under which it counts successful calls.
        after: called after each window.
        extra: other figures by their names, which `check` enters.
    """

    name: str
    server: Server
    run: Callable[[float], Load]
    check: Callable[[], None]
    metric: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    success: str = "OK"
    after: Callable[[], None] = lambda: None
    extra: dict[str, float] = field(default_factory=dict)

    def handled(self) -> dict[str, int]:
        """Return how many such calls the server has completed so far, by code."""
        return self.server.handled(self.metric, **dict(self.labels)) if self.metric else {}


class Caller:
    """An administrator, who logs in like any client, and again before the token expires."""

    def __init__(self, channel: grpc.Channel, email: str) -> None:
        self._channel = channel
        self._email = email
        self._token = ""
        self._since = 0.0

    def headers(self) -> dict[str, str]:
        if not self._token or time.monotonic() - self._since > _LOGIN_EVERY_SECONDS:
            self._token, self._since = product.access_token(self._channel, self._email), time.monotonic()
        return {"authorization": f"Bearer {self._token}"}


class Bench:
    """The servers, all on the same core, and the calls to them.

    Args:
        with_empty: also start the product's servers with handlers that do nothing.
    """

    def __init__(self, stack: ExitStack, core: int, data_dir: Path, workers: int, *, with_empty: bool = True) -> None:
        from users.models import User
        from users.rpc import UserService

        log = data_dir / "servers.log"
        self.bare = stack.enter_context(product.bare_grpc(core, log, GRPC_PORTS[0], workers))
        self.rpc = stack.enter_context(product.grpc_server(core, log, GRPC_PORTS[1], METRICS_PORTS[0], workers))
        self.web = stack.enter_context(product.http_server(core, log, HTTP_PORTS[0]))
        self.channels = {
            server.address: stack.enter_context(grpc.insecure_channel(server.address))
            for server in (self.bare, self.rpc)
        }
        if with_empty:
            nothing = {"DJANGO_SETTINGS_MODULE": "bench.empty.settings"}
            self.rpc_empty = stack.enter_context(
                product.grpc_server(core, log, GRPC_PORTS[2], METRICS_PORTS[1], workers, **nothing)
            )
            self.web_empty = stack.enter_context(product.http_server(core, log, HTTP_PORTS[1], **nothing))
            self.channels[self.rpc_empty.address] = stack.enter_context(grpc.insecure_channel(self.rpc_empty.address))
        self.operations = {operation.rpc: operation for operation in UserService.operations}
        administrator, _ = seed.add_callers(product.PASSWORD)
        self.caller = Caller(self.channels[self.rpc.address], administrator)
        #: The user that GetUser returns: one with all fields set.
        self.user = User.objects.exclude(phone="").exclude(last_login_at=None).order_by("-created_at")[0]

    def over_grpc(self, name: str, server: Server, request: Message, answered: Callable[[Any], bool]) -> Case:
        """Make a case that repeats the request over gRPC."""
        operation = self._operation(request)
        path, message = f"/{SERVICE}/{operation.rpc}", request.SerializeToString()

        def check() -> None:
            call = self.channels[server.address].unary_unary(
                path, response_deserializer=operation.response_class.FromString
            )
            _expect(name, answered(call(message, metadata=list(self.caller.headers().items()))))

        return self._grpc_case(
            name, server, operation.rpc, check,
            lambda seconds: load.h2load(server.address, path, message, self.caller.headers(), seconds),
        )  # fmt: skip

    def over_rest(self, name: str, request: Message, answered: Callable[[Any], bool]) -> Case:
        """Make a case that repeats the request over REST."""
        from core.protojson import write_request

        operation = self._operation(request)
        http_request = write_request(operation, request)
        url = f"{self.web.address}{http_request.path}?{urllib.parse.urlencode(http_request.query)}"

        def check() -> None:
            _expect(name, answered(_http(urllib.request.Request(url, headers=self.caller.headers()))))

        return self._rest_case(
            name, operation.name, check, lambda seconds: load.wrk(url, self.caller.headers(), seconds), "200"
        )

    def create_over_grpc(self, name: str) -> Case:
        """Make a case of CreateUser, with a new user each time."""
        from tandem.user.v1.user_pb2 import CreateUserRequest

        path = f"/{SERVICE}/CreateUser"

        def run(seconds: float) -> Load:
            batch = secrets.token_hex(4)
            return load.python_client(
                self.rpc.address, path,
                lambda number: CreateUserRequest(**_new_user(batch, number)).SerializeToString(),
                self.caller.headers(), seconds,
            )  # fmt: skip

        return self._grpc_case(name, self.rpc, "CreateUser", lambda: self._check_created(name, run), run)

    def create_over_rest(self, name: str) -> Case:
        """Make the same case as `create_over_grpc`, over REST."""

        def run(seconds: float) -> Load:
            return load.wrk(
                f"{self.web.address}/api/v1/users",
                {**self.caller.headers(), "content-type": "application/json"},
                seconds,
                _LUA_POST % json.dumps(_new_user(secrets.token_hex(4), "%d")),
            )

        return self._rest_case(
            name, f"{SERVICE}/CreateUser", lambda: self._check_created(name, run), run, success="201"
        )

    def nothing_over_http(self, name: str) -> Case:
        """Make a case that calls the empty application."""

        def check() -> None:
            _expect(name, _http(urllib.request.Request(self.web_empty.address)) == {})

        return Case(name, self.web_empty, lambda seconds: load.wrk(self.web_empty.address, {}, seconds), check)

    def _operation(self, request: Message) -> Any:
        return self.operations[request.DESCRIPTOR.name.removesuffix("Request")]

    def _grpc_case(
        self, name: str, server: Server, rpc: str, check: Callable[[], None], run: Callable[[float], Load]
    ) -> Case:
        metric = "grpc_server_handled_total" if server.metrics_url else ""
        return Case(name, server, run, check, metric, (("grpc_service", SERVICE), ("grpc_method", rpc)))

    def _rest_case(
        self, name: str, operation: str, check: Callable[[], None], run: Callable[[float], Load], success: str
    ) -> Case:
        return Case(name, self.web, run, check, "http_server_requests_total", (("operation", operation),), success)

    def _check_created(self, name: str, run: Callable[[float], Load]) -> None:
        """Check that each successful call has created a row and a change in the log."""
        from changes.models import Change
        from users.models import User

        before = User.objects.count(), Change.objects.count()
        completed = run(1).completed
        for rows in (User.objects.count() - before[0], Change.objects.count() - before[1]):
            _expect(name, completed <= rows <= completed + load.AT_ONCE)


def cases(stack: ExitStack, core: int, data_dir: Path, workers: int) -> list[Case]:
    """Start the servers, which stop with the stack, and return the cases."""
    from tandem.common.v1.common_pb2 import PaginationRequest
    from tandem.user.v1.user_pb2 import GetUserRequest, ListUsersRequest

    seed.seed(USERS)
    bench = Bench(stack, core, data_dir, workers)
    user_id = str(bench.user.pk)
    get, page = GetUserRequest(user_id=user_id), ListUsersRequest(pagination=PaginationRequest(page_size=PAGE_SIZE))
    return [
        bench.over_grpc(EMPTY, bench.bare, get, lambda answer: not answer.HasField("user")),
        bench.over_grpc(
            "empty handler, our interceptors", bench.rpc_empty, get, lambda answer: not answer.HasField("user")
        ),
        bench.over_grpc(
            "GetUser, gRPC", bench.rpc, get,
            lambda answer: answer.user.id == user_id and answer.user.phone.country_code == "+1",
        ),
        bench.over_grpc("ListUsers(50), gRPC", bench.rpc, page, lambda answer: len(answer.users) == PAGE_SIZE),
        bench.create_over_grpc("CreateUser, gRPC"),
        bench.nothing_over_http("empty handler, uvicorn and a2wsgi"),
        bench.over_rest("GetUser, REST", get, lambda answer: answer["id"] == user_id),
        bench.over_rest("ListUsers(50), REST", page, lambda answer: len(answer["users"]) == PAGE_SIZE),
        bench.create_over_rest("CreateUser, REST"),
    ]  # fmt: skip


def _new_user(batch: str, number: int | str) -> dict[str, str]:
    # Without a password, since hashing is not measured here.
    return {"email": f"new-{batch}-{number}@bench.example.com", "display_name": "New User"}


def _http(request: urllib.request.Request) -> Any:
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def _expect(name: str, right: bool) -> None:
    if not right:
        raise AssertionError(f"{name}: the answer is not what it must be; nothing was measured.")
