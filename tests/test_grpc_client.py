"""The first client and the probe, as people run them: `scripts/try_grpc.py` and `scripts/health_check.py`.

As a command, `python tests/test_grpc_client.py`, this file is `scripts/try_grpc.py`, with its options.
"""

if __name__ == "__main__":
    import runpy
    import sys
    from pathlib import Path

    script = Path(__file__).resolve().parents[1] / "scripts" / "try_grpc.py"
    sys.path[0] = str(script.parent)
    runpy.run_path(str(script), run_name="__main__")
    sys.exit()

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from tandem.example.v1 import example_pb2
from tandem.task.v1 import task_pb2
from tandem.task.v1.task_pb2_grpc import TaskServiceStub
from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.support.servers import Servers
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
USERS = user_pb2.DESCRIPTOR.services_by_name["UserService"]
TASKS = task_pb2.DESCRIPTOR.services_by_name["TaskService"]
EXAMPLES = example_pb2.DESCRIPTOR.services_by_name["ExampleService"]
GRACE = "grace@example.com"
#: What the walk tries, as it names it: all but the streams of tasks that the client sends.
RPCS = {
    prefix + rpc.name
    for prefix, service in (("", USERS), ("", TASKS), ("ExampleService.", EXAMPLES))
    for rpc in service.methods
    if not (service is TASKS and rpc.client_streaming)
}


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPTS / script, *arguments], capture_output=True, text=True, encoding="utf-8", timeout=120
    )


def test_this_file_is_the_first_client_as_a_command() -> None:
    command = [sys.executable, __file__, "--help"]
    answer = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert answer.returncode == 0
    assert "--host" in answer.stdout


def host_and_port(address: str) -> tuple[str, ...]:
    host, _, port = address.rpartition(":")
    return "--host", host, "--port", port


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nothing listens on, and that stays taken."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def serving(*handlers: grpc.GenericRpcHandler) -> Iterator[str]:
    """Return the address of a server that is not Tandem."""
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def answering_emptily(service: ServiceDescriptor, **noticed: Callable[[], object]) -> grpc.GenericRpcHandler:
    """Return handlers that answer every rpc of a service with an empty message.

    Args:
        noticed: rpc → function that is called before it answers.
    """

    def handler(rpc: MethodDescriptor) -> grpc.RpcMethodHandler:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            noticed.get(rpc.name, lambda: None)()
            return GetMessageClass(rpc.output_type)().SerializeToString()

        return grpc.unary_unary_rpc_method_handler(answer)

    return grpc.method_handlers_generic_handler(service.full_name, {rpc.name: handler(rpc) for rpc in service.methods})


@pytest.mark.real_server
def test_the_client_tries_every_rpc_and_passes(servers: Servers) -> None:
    done = run("try_grpc.py", *host_and_port(servers.grpc_address))
    assert done.returncode == 0, done.stdout + done.stderr
    tried = re.findall(r"^=== Testing (\S+) ===$", done.stdout, re.MULTILINE)
    assert set(tried) == RPCS
    assert re.findall(r"^✓ (\S+) passed$", done.stdout, re.MULTILINE) == tried
    assert done.stdout.splitlines()[-1] == "✓ All tests completed!"


@pytest.mark.real_server
def test_the_client_removes_what_it_made(servers: Servers) -> None:
    with grpc.insecure_channel(servers.grpc_address) as channel:
        tasks = partial(TaskServiceStub(channel).ListTasks, task_pb2.ListTasksRequest(page_size=100), timeout=10)
        before = tasks()
        run("try_grpc.py", *host_and_port(servers.grpc_address))
        assert tasks() == before
        left = UserServiceStub(channel).ListUsers(user_pb2.ListUsersRequest(), timeout=10).users
    # The user that another test signs in as stays.
    emails = {user.email for user in left} - {GRACE}
    assert emails == {"admin@example.com", "john@example.com", "jane@example.com"}


@pytest.mark.real_server
def test_a_credential_that_is_not_good_fails_with_the_reason(servers: Servers) -> None:
    done = run("try_grpc.py", *host_and_port(servers.grpc_address), "--token", "forged")
    assert done.returncode == 1
    assert re.search(r"^✗ GetUser failed: UNAUTHENTICATED: .+$", done.stdout, re.MULTILINE)
    assert "All tests completed" not in done.stdout


@pytest.mark.real_server
def test_signing_in_walks_as_that_user(servers: Servers) -> None:
    email, password = GRACE, "A-nanosecond-of-wire"
    with grpc.insecure_channel(servers.grpc_address) as channel:
        administrator = user_pb2.CreateUserRequest(email=email, password=password, roles=[user_pb2.USER_ROLE_ADMIN])
        UserServiceStub(channel).CreateUser(administrator, timeout=10)
    done = run("try_grpc.py", *host_and_port(servers.grpc_address), "--email", email, "--password", password)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"^✓ (\S+) passed$", done.stdout, re.MULTILINE)) == RPCS | {"Login"}


@pytest.mark.real_server
def test_signing_in_with_a_wrong_password_ends_the_walk(servers: Servers) -> None:
    who = ("--email", "john@example.com", "--password", "wrong")
    done = run("try_grpc.py", *host_and_port(servers.grpc_address), *who)
    assert done.returncode == 1
    assert "✗ Login failed: UNAUTHENTICATED" in done.stdout
    assert "=== Testing CreateUser ===" not in done.stdout


def test_it_runs_with_a_python_outside_of_the_environment() -> None:
    # -S leaves out all packages.
    done = subprocess.run(
        [Path(sys.base_prefix) / "bin/python3", "-S", __file__, "--help"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")


def test_every_step_fails_on_an_empty_answer() -> None:
    with serving(*map(answering_emptily, (USERS, TASKS, EXAMPLES))) as address:
        done = run("try_grpc.py", *host_and_port(address))
    assert done.returncode == 1
    assert set(re.findall(r"^✗ (\S+) failed: ", done.stdout, re.MULTILINE)) == RPCS
    assert "✓" not in done.stdout


def test_unreachable_server_is_reported(closed_port: int) -> None:
    started = time.monotonic()
    done = run("try_grpc.py", "--host", "127.0.0.1", "--port", str(closed_port), "--timeout", "1")
    assert time.monotonic() - started < 5
    assert (done.returncode, done.stdout) == (1, "")
    mend = "start one, scripts/start_grpc_dev.sh, or name its port with --port."
    assert done.stderr == f"No gRPC server answers at 127.0.0.1:{closed_port}; {mend}\n"


def test_an_interrupt_ends_the_walk_and_removes_the_users_it_made() -> None:
    held, release, deleted = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        release.wait(30)

    users = answering_emptily(USERS, UpdateUser=hold, DeleteUser=deleted.set)
    with serving(users) as address:
        command = [sys.executable, SCRIPTS / "try_grpc.py", *host_and_port(address), "--timeout", "30"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert held.wait(30)
            assert not deleted.is_set()
            process.send_signal(signal.SIGINT)
            _, received = process.communicate(timeout=10)
        release.set()
    assert (process.returncode, received) == (130, "Interrupted.\n")
    assert deleted.is_set()


@pytest.mark.real_server
def test_probe_finds_both_transports_healthy(servers: Servers) -> None:
    ready = f"{servers.http_url}/health/ready"
    for options in (
        ["--http", ready, "--grpc", servers.grpc_address],
        ["--http", ready],
        ["--grpc", servers.grpc_address],
        ["--grpc", servers.grpc_address, "--service", "user.v1.UserService"],
    ):
        done = run("health_check.py", *options)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.real_server
def test_the_probe_names_what_is_not_served(servers: Servers) -> None:
    done = run("health_check.py", "--grpc", servers.grpc_address, "--service", "nobody.v1.Service")
    assert done.returncode == 1
    assert f"{servers.grpc_address} nobody.v1.Service" in done.stderr
    done = run("health_check.py", "--http", f"{servers.http_url}/nothing-here")
    assert done.returncode == 1
    assert "answers 404" in done.stderr


def test_probe_names_the_server_that_does_not_answer(closed_port: int) -> None:
    address = f"127.0.0.1:{closed_port}"
    done = run("health_check.py", "--http", f"http://{address}/health", "--grpc", address, "--timeout", "1")
    assert done.returncode == 1
    assert f"http://{address}/health does not answer" in done.stderr
    assert f"{address} does not answer: UNAVAILABLE" in done.stderr
    assert done.stderr.count("\n") == 1


def test_probe_reports_a_server_that_does_not_serve() -> None:
    servicer = health.HealthServicer()
    servicer.set("", HealthCheckResponse.NOT_SERVING)
    check = grpc.unary_unary_rpc_method_handler(
        servicer.Check, HealthCheckRequest.FromString, HealthCheckResponse.SerializeToString
    )
    with serving(grpc.method_handlers_generic_handler(health.SERVICE_NAME, {"Check": check})) as address:
        done = run("health_check.py", "--grpc", address)
    assert (done.returncode, done.stderr) == (1, f"{address} is NOT_SERVING.\n")
