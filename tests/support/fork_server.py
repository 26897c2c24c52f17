"""Starts of `manage.py` as forks of a process that has imported the program already (docs/decisions/0040).

A start takes about a second of processor time, almost all of it for imports. One process for each process of pytest
imports the libraries. For each environment (settings are read when they are imported) it forks one that imports the
program, and that one forks a process for each start, which runs the management command. The first two only import: they
have no thread, no connection and no channel. All end with the process of pytest.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Protocol

_ROOT = Path(__file__).parents[2]
#: Libraries that need no settings. One that is missing here is imported once for each environment.
_LIBRARIES = (
    "a2wsgi", "argon2", "bcrypt", "cryptography.x509", "django.core.management", "django.db.models",
    "django.views.generic", "environ", "google.protobuf.json_format", "grpc", "grpc_health.v1.health_pb2_grpc",
    "grpc_reflection.v1alpha.reflection", "jwt", "markdown", "multipart", "passlib.hash", "phonenumbers",
    "prometheus_client", "psutil", "psycopg2.extras", "sqlparse", "uvicorn", "watchfiles", "websockets.server",
    "whitenoise.base", "yaml",
)  # fmt: skip
#: What the servers and the worker import; `config.asgi` is left to the web process, because it starts threads.
_PROGRAM = (
    "config.urls",
    "config.rpc",
    "config.wsgi",
    "core.rest.asgi",
    "core.rest.websockets",
    "meetings.views.audio",
)
#: Environments for which a process is kept although no server runs in them.
_MAX_UNUSED = 2
#: Variables with which all starts are whole.
_WHOLE = {"WHOLE_STARTS", "COVERAGE_PROCESS_CONFIG"}


class Process(Protocol):
    """A running management command: what tests use of `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, number: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


File = IO[Any] | None


class _ForkedProcess:
    def __init__(self, args: Sequence[str], reports: socket.socket) -> None:
        self.args = list(args)
        self.returncode: int | None = None
        self._reports = reports
        self._received = b""
        self.pid = self._next_report(None)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self.returncode = self._next_report(timeout)
            self._reports.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _next_report(self, timeout: float | None) -> int:
        while b"\n" not in self._received:
            self._reports.settimeout(timeout)
            try:
                received = self._reports.recv(100)
            except (TimeoutError, BlockingIOError) as exc:
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from exc
            if not received:
                raise RuntimeError(f"The fork server of {self.args} has ended.")
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        return int(line)


class _Environment:
    """The processes with equal variables, and the connection to the one that forks them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._processes: list[_ForkedProcess] = []
        self._requests, theirs = socket.socketpair()
        with theirs:
            _send(_first_process(), variables, theirs)
        #: False if the program cannot be loaded, or starts a thread while it is, as it does to write a line of its log.
        self.forks = self._requests.recv(1) == b"y"

    def start(self, arguments: Sequence[str], *files: int) -> _ForkedProcess:
        ours, theirs = socket.socketpair()
        with theirs:
            _send(self._requests, arguments, theirs, *files)
        self._processes.append(_ForkedProcess(arguments, ours))
        return self._processes[-1]

    def is_used(self) -> bool:
        self._processes = [process for process in self._processes if process.poll() is None]
        return bool(self._processes)

    def end(self) -> None:
        self._requests.close()


#: Those used last stand last.
_environments: dict[str, _Environment] = {}


def start(
    arguments: Sequence[str],
    variables: Mapping[str, str],
    *,
    stdin: File = None,
    stdout: File = None,
    stderr: File = None,
) -> Process:
    """Start `manage.py` with these arguments in the project's folder.

    Args:
        variables: the whole environment.
        stdin: a file for its standard input, if it is not to be this process's. The same for the other two.
    """
    if not _may_fork(variables):
        return start_whole(arguments, variables, stdin=stdin, stdout=stdout, stderr=stderr)
    # pytest changes that one with each test.
    variables = {name: value for name, value in variables.items() if name != "PYTEST_CURRENT_TEST"}
    key = json.dumps(variables, sort_keys=True)
    environment = _environments.pop(key, None) or _Environment(variables)
    for unused in [key for key, other in _environments.items() if not other.is_used()][:-_MAX_UNUSED]:
        _environments.pop(unused).end()
    _environments[key] = environment
    if not environment.forks:
        return start_whole(arguments, variables, stdin=stdin, stdout=stdout, stderr=stderr)
    files = [own if given is None else given.fileno() for own, given in enumerate((stdin, stdout, stderr))]
    return environment.start(["manage.py", *arguments], *files)


def run(
    arguments: Sequence[str], variables: Mapping[str, str], *, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run `manage.py` until it ends, with this input in a pipe."""
    read, write = os.pipe()
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        with os.fdopen(read, "rb") as pipe:
            process = start(arguments, variables, stdin=pipe, stdout=stdout, stderr=stderr)
        with suppress(BrokenPipeError), os.fdopen(write, "wb") as pipe:
            pipe.write(stdin)
        code = process.wait()
        outputs = (os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0) for file in (stdout, stderr))
        return subprocess.CompletedProcess(["manage.py", *arguments], code, *outputs)


def always_start_whole() -> None:
    """Fork no more, as with the variable WHOLE_STARTS: for runs that measure the memory and the time of processes."""
    os.environ["WHOLE_STARTS"] = "yes"


def _may_fork(variables: Mapping[str, str]) -> bool:
    # Coverage begins with a process. On other systems than Linux, libraries do not expect a fork.
    return sys.platform == "linux" and not _WHOLE & set(variables)


def start_whole(
    arguments: Sequence[str],
    variables: Mapping[str, str],
    *,
    prefix: Sequence[str] = (),
    stdin: File = None,
    stdout: File = None,
    stderr: File = None,
) -> Process:
    """Start `manage.py` as an operator does, for a test whose subject is the start.

    Args:
        prefix: a command that runs the process.
    """
    command = [*prefix, sys.executable, "manage.py", *arguments]
    return subprocess.Popen(command, cwd=_ROOT, env=variables, stdin=stdin, stdout=stdout, stderr=stderr)


@cache
def _first_process() -> socket.socket:
    """Start the process that imports the libraries, and return the connection to it."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", __name__, str(theirs.fileno())]
    with theirs:
        process = subprocess.Popen(command, cwd=_ROOT, pass_fds=[theirs.fileno()])

    @atexit.register
    def end() -> None:
        for environment in _environments.values():
            environment.end()
        ours.close()
        process.wait()

    return ours


def _send(connection: socket.socket, message: Any, *descriptors: socket.socket | int) -> None:
    text = json.dumps(message).encode()
    numbers = [one if isinstance(one, int) else one.fileno() for one in descriptors]
    socket.send_fds(connection, [len(text).to_bytes(4)], numbers)
    connection.sendall(text)


def _receive(connection: socket.socket) -> tuple[Any, list[int]] | None:
    """Return a message and its descriptors, or None after the last."""
    size, descriptors, _, _ = socket.recv_fds(connection, 4, 4)
    if not size:
        return None
    return json.loads(connection.recv(int.from_bytes(size), socket.MSG_WAITALL)), descriptors


def _fork(requests: socket.socket, *, reports: bool) -> tuple[Any, list[int]]:
    """Fork for each request. Return in the new process: the request and its descriptors.

    Args:
        reports: the first descriptor takes the number of the process and its exit code, and the process gets the rest.

    Raises:
        SystemExit: in this process, when the requests have ended. Commands that run are killed.
    """
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError("A process with threads of a library cannot be forked.")
    gc.freeze()
    children: dict[int, socket.socket | None] = {}
    child_ended, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([requests, child_ended], [], [])
        if child_ended in ready:
            child_ended.recv(1000)
            _report_ended(children)
        if requests not in ready:
            continue
        request = _receive(requests)
        if request is None:
            for pid, report in children.items():
                if report:  # The others have requests of their own, which end too.
                    os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            sys.exit()
        message, descriptors = request
        report = socket.socket(fileno=descriptors.pop(0)) if reports else None
        pid = os.fork()
        if not pid:
            break
        children[pid] = report
        if report:
            report.sendall(b"%d\n" % pid)
        for descriptor in descriptors:
            os.close(descriptor)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for one in (requests, child_ended, wakes, report, *children.values()):
        if one:
            one.close()
    return message, descriptors


def _report_ended(children: dict[int, socket.socket | None]) -> None:
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended and (report := children.pop(pid)):
            with report, suppress(BrokenPipeError):
                report.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _main(requests: socket.socket) -> None:
    # As in manage.py. core.apps turns it on again.
    gc.disable()
    for name in _LIBRARIES:
        import_module(name)
    variables, descriptors = _fork(requests, reports=False)
    os.environ.clear()
    os.environ.update(variables)
    import django

    django.setup()
    for name in _PROGRAM:
        import_module(name)
    requests = socket.socket(fileno=descriptors[0])
    if threading.active_count() > 1:
        sys.exit()
    requests.sendall(b"y")
    sys.argv, descriptors = _fork(requests, reports=True)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
