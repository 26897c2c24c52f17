"""GetUser, ListUsers(50) and CreateUser over both doors with everything switched on, against servers that do nothing.

    .venv/bin/python -m bench.unary [--seconds N] [--rounds N]
"""

import argparse
import contextlib
import secrets
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil

from bench import load, product, seed
from bench.measuring import Load, Window, machine, print_table, share_cores, spread, watch
from bench.product import Server

#: Of these rows ListUsers counts 10,001 and stops, as it does in every larger table.
USERS = 20_000
PAGE = 50
BAR = 0.3
HTTP_PORTS = (8160, 8161)
GRPC_PORTS = (50160, 50161, 50162)
METRICS_PORTS = (8162, 8163)
SERVICE = "user.v1.UserService"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is measured.

    Attributes:
        run: puts load on the server for as many seconds.
        check: makes one call by an ordinary client and looks at the answer.
        metric: what the server counts such calls in, and under which labels; empty if it does not count.
    """

    name: str
    server: Server
    run: Callable[[float], Load]
    check: Callable[[], None]
    metric: str = ""
    labels: tuple[tuple[str, str], ...] = ()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures unary calls over both doors.")
    parser.add_argument("--seconds", type=float, default=5, help="how long each window is (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians are told (%(default)s)")
    parser.add_argument("--workers", type=int, default=10, help="threads of every gRPC server (%(default)s)")
    parser.add_argument("--only", default="", help="measure only what has this in its name, and the empty handler")
    arguments = parser.parse_args()
    load.check_tools()
    core = share_cores()
    with tempfile.TemporaryDirectory(prefix="tandem-bench.") as folder, contextlib.ExitStack() as stack:
        data_dir = Path(folder)
        product.set_up(data_dir)
        seed.seed(USERS)
        cases = [case for case in _cases(stack, core, data_dir, arguments.workers) if arguments.only in case.name or case.name == EMPTY]
        print(f"{machine()}; server on core {core}", flush=True)
        found: dict[str, list[Window]] = {case.name: [] for case in cases}
        database = product.postgres(data_dir)
        for case in cases:
            _measure(case, database, 1)  # To warm up.
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            for case in cases:
                found[case.name].append(_measure(case, database, arguments.seconds))
        print(f"Medians of {arguments.rounds} rounds of {arguments.seconds:g} s, {arguments.workers} workers:\n")
        _print(found)
        print(f"\n{machine()}")


EMPTY = "empty handler, bare grpcio"


def _cases(stack: contextlib.ExitStack, core: int, data_dir: Path, workers: int) -> list[Case]:
    """Starts the servers, until the stack ends them, and says what is asked of each."""
    from core.operations import Operation
    from core.rest.json import write_request
    from tandem.common.v1.common_pb2 import PaginationRequest
    from tandem.user.v1 import user_pb2
    from users.models import User
    from users.rpc import UserService

    log = data_dir / "servers.log"
    bare = stack.enter_context(product.bare_grpc(core, log, GRPC_PORTS[0], workers))
    ours = stack.enter_context(product.grpc_door(core, log, GRPC_PORTS[1], METRICS_PORTS[0], workers))
    within = stack.enter_context(
        product.grpc_door(core, log, GRPC_PORTS[2], METRICS_PORTS[1], workers, DJANGO_SETTINGS_MODULE="bench.empty.settings")
    )
    web = stack.enter_context(product.http_door(core, log, HTTP_PORTS[0]))
    bare_web = stack.enter_context(product.http_door(core, log, HTTP_PORTS[1], "bench.empty.asgi:application"))

    administrator, _ = seed.add_callers(product.PASSWORD)
    channels = {server.address: stack.enter_context(grpc.insecure_channel(server.address)) for server in (bare, ours, within)}
    headers = _Bearer(channels[ours.address], administrator)
    user = User.objects.exclude(phone="").exclude(last_login_at=None).order_by("-created_at")[0]
    operations: dict[str, Operation] = {operation.rpc: operation for operation in UserService.operations}
    get = user_pb2.GetUserRequest(user_id=str(user.pk))
    page = user_pb2.ListUsersRequest(pagination=PaginationRequest(page_size=PAGE))

    def over_grpc(name: str, server: Server, rpc: str, request, answered: Callable[..., bool]) -> Case:
        path, message = f"/{SERVICE}/{rpc}", request.SerializeToString()
        call = channels[server.address].unary_unary(path, response_deserializer=operations[rpc].response_class.FromString)
        return Case(
            name, server,
            run=lambda seconds: load.h2load(server.address, path, message, headers(), seconds),
            check=lambda: _expect(name, answered(call(message, metadata=list(headers().items())))),
            metric="grpc_server_handled_total" if server.metrics_url else "",
            labels=(("grpc_service", SERVICE), ("grpc_method", rpc)),
        )  # fmt: skip
    ...
