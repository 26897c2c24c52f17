"""The comparisons: their cases, and the bars that the product must reach."""

import secrets
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import grpc

from bench import feed_cases, load, product, seed
from bench.cases import EMPTY, GRPC_PORTS, METRICS_PORTS, PAGE_SIZE, SERVICE, USERS, Bench, Caller, Case
from bench.feed import EVENTS_A_SECOND
from bench.measuring import Load
from bench.peers import servers
from bench.report import Bar

WORKERS = 8
PROCESSES_PORT = 50164
PER_CPU_SECOND = "calls per CPU-second of the server"
GRPC_PEERS = tuple(peer.title for peer in servers.PEERS if peer.speaks_grpc)
HTTP_PEERS = tuple(peer.title for peer in servers.PEERS if not peer.speaks_grpc)
PLAIN_TASK, PLAIN_LOGIN = "plain full_clean, atomic, save", "plain login: ORM and argon2-cffi"
_TITLES = {peer.name: peer.title for peer in servers.PEERS}


@dataclass(frozen=True, slots=True)
class Place:
    """A core and a database for servers, which run until the stack closes."""

    stack: ExitStack
    core: int
    data_dir: Path

    @property
    def log(self) -> Path:
        return self.data_dir / "servers.log"

    def channel(self, server: product.Server) -> grpc.Channel:
        return self.stack.enter_context(grpc.insecure_channel(server.address))

    def tandem(self, **environment: str) -> product.Server:
        """Run the product's gRPC server."""
        return self.stack.enter_context(
            product.grpc_server(self.core, self.log, GRPC_PORTS[0], METRICS_PORTS[0], WORKERS, **environment)
        )

    def bare(self, program: str) -> product.Server:
        """Run a server of `bench/empty`."""
        return self.stack.enter_context(product.bare_grpc(self.core, self.log, GRPC_PORTS[1], WORKERS, program))

    def calls(
        self,
        name: str,
        server: product.Server,
        path: str,
        message: Callable[[int, str], bytes],
        headers: Callable[[], dict[str, str]],
        answered: Callable[[bytes], bool],
    ) -> Case:
        """Make a case of calls that differ: `message(n, batch)` is the n-th of a window."""
        channel = self.channel(server)

        def check() -> None:
            answer = channel.unary_unary(path)(message(0, secrets.token_hex(4)), metadata=list(headers().items()))
            if not answered(answer):
                raise AssertionError(f"{name}: the answer is not what it must be; nothing was measured.")

        def run(seconds: float) -> Load:
            batch = secrets.token_hex(4)
            return load.python_client(server.address, path, lambda n: message(n, batch), headers(), seconds)

        return Case(name, server, run, check)

    def peers(self) -> dict[servers.Peer, product.Server]:
        return {peer: self.stack.enter_context(servers.serving(peer, self.core, self.log)) for peer in servers.PEERS}


@dataclass(frozen=True, slots=True)
class Part:
    """A comparison.

    Attributes:
        cases: the product's, whose names begin with "Tandem"; the limit's; and the peers'.
        limits: names of the cases that are a limit.
        cores: how many cores the server of a case has, if more than one.
    """

    title: str
    cases: Sequence[Case]
    bars: Sequence[Bar]
    limits: Sequence[str] = (EMPTY,)
    unit: str = PER_CPU_SECOND
    cores: dict[str, int] = field(default_factory=dict)

    def kind_of(self, case: Case) -> Literal["ours", "limit", "peer"]:
        if case.name in self.limits:
            return "limit"
        return "ours" if case.name.startswith("Tandem") else "peer"


def get(place: Place) -> Part:
    """GetUser."""
    from tandem.user.v1.user_pb2 import GetUserRequest

    bench = _bench(place)
    user_id = str(bench.user.pk)
    request = GetUserRequest(user_id=user_id)
    return Part(
        "One user: GetUser",
        [
            bench.over_grpc(EMPTY, bench.bare, request, lambda answer: not answer.HasField("user")),
            bench.over_grpc("Tandem, gRPC", bench.rpc, request, lambda answer: answer.user.id == user_id),
            bench.over_rest("Tandem, REST", request, lambda answer: answer["id"] == user_id),
            *(servers.get_case(peer, server, user_id) for peer, server in place.peers().items()),
        ],
        [
            Bar("Tandem, gRPC", (EMPTY,), 0.55, "gRPC, everything on / empty handler"),
            Bar("Tandem, gRPC", GRPC_PEERS + HTTP_PEERS, 2.0, "gRPC, everything on / best bare peer"),
            Bar("Tandem, REST", (_TITLES["drf"],), 2.0, "REST / DRF ModelViewSet on gunicorn"),
            Bar("Tandem, REST", (_TITLES["ninja"],), 1.0, "REST / django-ninja on granian"),
        ],
    )


def first_page(place: Place) -> Part:
    """ListUsers(50)."""
    from tandem.common.v1.common_pb2 import PaginationRequest
    from tandem.user.v1.user_pb2 import ListUsersRequest
    from users.models import User

    bench = _bench(place)
    request = ListUsersRequest(pagination=PaginationRequest(page_size=PAGE_SIZE))
    newest = str(User.objects.order_by("-created_at", "-id")[0].pk)
    return Part(
        f"The newest {PAGE_SIZE} users: ListUsers",
        [
            bench.over_grpc("Tandem, gRPC", bench.rpc, request, lambda answer: len(answer.users) == PAGE_SIZE),
            bench.over_rest("Tandem, REST", request, lambda answer: len(answer["users"]) == PAGE_SIZE),
            *(servers.list_case(peer, server, newest) for peer, server in place.peers().items()),
        ],
        [
            Bar("Tandem, gRPC", (_TITLES["fastapi_users"],), 4.5, "gRPC / FastAPI"),
            Bar("Tandem, REST", (_TITLES["fastapi_users"],), 1.5, "REST / FastAPI"),
        ],
        limits=(),
    )


def create(place: Place) -> Part:
    """CreateTask."""
    from bench import tasks
    from tandem.task.v1.task_pb2 import Task

    email, _ = seed.add_callers(product.PASSWORD)
    server = place.tandem()
    plain = place.bare("plain")
    caller = Caller(place.channel(server), email)
    return Part(
        "A new task: CreateTask with an idempotency key",
        [
            place.calls(
                name, of_one, "/taskservice.TaskService/CreateTask", tasks.new_task, headers,
                lambda answer: bool(Task.FromString(answer).id),
            )
            for name, of_one, headers in ((PLAIN_TASK, plain, dict), ("Tandem, gRPC", server, caller.headers))
        ],
        [Bar("Tandem, gRPC", (PLAIN_TASK,), 1.65, "gRPC, everything on / plain Django")],
        limits=(),
    )  # fmt: skip


def web(place: Place) -> Part:
    """GetUser by Connect and gRPC-Web, beside REST."""
    from tandem.user.v1.user_pb2 import GetUserRequest, GetUserResponse

    bench = _bench(place)
    user_id = str(bench.user.pk)
    request = GetUserRequest(user_id=user_id)

    def over(name: str, content_type: str, body: bytes, answered: Callable[[bytes], bool]) -> Case:
        url = f"{bench.web.address}/{SERVICE}/GetUser"

        def headers() -> dict[str, str]:
            return {**bench.caller.headers(), "content-type": content_type}

        def check() -> None:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers()), timeout=10) as response:
                if not answered(response.read()):
                    raise AssertionError(f"{name}: the answer is not what it must be; nothing was measured.")

        return Case(name, bench.web, lambda seconds: load.wrk(url, headers(), seconds, _post(body)), check)

    message = request.SerializeToString()
    frame = b"\0" + len(message).to_bytes(4, "big") + message
    protobuf, framed, rest = "Tandem, Connect (protobuf)", "Tandem, gRPC-Web", "Tandem, REST"
    return Part(
        "One user from a browser: GetUser",
        [
            bench.over_rest(rest, request, lambda answer: answer["id"] == user_id),
            over(protobuf, "application/proto", message,
                 lambda answer: GetUserResponse.FromString(answer).user.id == user_id),
            over(framed, "application/grpc-web+proto", frame, lambda answer: user_id.encode() in answer),
        ],
        [Bar(protobuf, (rest,), 0.7, "Connect / REST"), Bar(framed, (rest,), 0.7, "gRPC-Web / REST")],
        limits=(),
    )  # fmt: skip


def identity(place: Place) -> Part:
    """Login."""
    from bench import accounts
    from tandem.auth.v1.auth_pb2 import LoginRequest

    emails = accounts.add_accounts()
    server, plain = place.tandem(**accounts.NO_LIMITS), place.bare("login")

    def message(number: int, batch: str) -> bytes:
        return LoginRequest(email=emails[number % len(emails)], password=product.PASSWORD).SerializeToString()

    return Part(
        "A login with Argon2id: Login",
        [
            place.calls(name, of_one, "/auth.v1.AuthService/Login", message, dict, lambda answer: len(answer) > 30)
            for name, of_one in ((PLAIN_LOGIN, plain), ("Tandem, gRPC", server))
        ],
        [Bar("Tandem, gRPC", (PLAIN_LOGIN,), 0.9, "gRPC, everything on / plain login")],
        limits=(),
    )


def processes(place: Place) -> Part:
    """GetUser by one process on a core, and by two on two."""
    from tandem.user.v1.user_pb2 import GetUserRequest

    bench = _bench(place)
    request = GetUserRequest(user_id=str(bench.user.pk))
    server = place.stack.enter_context(
        product.grpc_server(place.core, place.log, PROCESSES_PORT, PROCESSES_PORT + 1, WORKERS, processes=2)
    )
    bench.channels[server.address] = place.channel(server)
    one, two = "Tandem, 1 process", "Tandem, 2 processes"
    return Part(
        "Processes on a core each: GetUser",
        [
            bench.over_grpc(name, of_one, request, lambda answer: answer.user.id == request.user_id)
            for name, of_one in ((one, bench.rpc), (two, server))
        ],
        [Bar(two, (one,), 1.7, "2 processes / 1 process")],
        limits=(),
        unit="calls per CPU-second of the server x its cores",
        cores={two: 2},
    )


def feed(place: Place) -> Part:
    """WatchTasks."""
    peers = [peer.title for peer in servers.FEED_PEERS]
    return Part(
        f"Watchers of tasks, {EVENTS_A_SECOND} changes a second",
        feed_cases.cases(place),
        [
            Bar(
                feed_cases.named(feed_cases.OURS, watchers),
                tuple(feed_cases.named(peer, watchers) for peer in peers),
                1.0,
                f"gRPC, everything on / best peer, {watchers} watchers",
            )
            for watchers in feed_cases.WATCHERS
        ],
        limits=(),
        unit="deliveries per CPU-second of the server",
    )


PARTS: dict[str, Callable[[Place], Part]] = {
    "get": get,
    "list": first_page,
    "create": create,
    "web": web,
    "identity": identity,
    "processes": processes,
    "feed": feed,
}


def _bench(place: Place) -> Bench:
    seed.seed(USERS)
    return Bench(place.stack, place.core, place.data_dir, WORKERS, with_empty=False)


def _post(body: bytes) -> str:
    escaped = "".join(f"\\{byte:03d}" for byte in body)
    return f'wrk.method = "POST"\nwrk.body = "{escaped}"\n'
