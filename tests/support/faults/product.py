"""The product's processes on a durable database of their own, which are killed and started again."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from embedded_postgres import lifecycle
from tests.support.servers import ROOT, answers_grpc, answers_http, free_port, until
from tests.support.setting_overrides import as_variables

#: For what a machine that is busy with all of this takes its time for.
PATIENCE_SECONDS = 120
#: How long a dead numberer may be without a successor. (Promised is 0.2 s; the rest is for a busy machine.)
TAKEN_OVER_WITHIN_SECONDS = 3.0
#: Changes are numbered by the process that holds this lock (`changes.feed.numbering`).
OFFICE = 7_305_002
_VARIABLES = {
    "DJANGO_SETTINGS_MODULE": "tests.server_settings", "DEBUG": "true", "DEV_AUTH_AS": "admin@example.com",
    "DATABASE_URL": "", "ACCESS_TOKEN_SECONDS": "86400", "LOG_LEVEL": "ERROR", "GRPC_MAX_QUEUE": "1000",
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """A user of the demo data, and a credential that outlives the run."""

    id: str
    bearer: str


class Database:
    """An embedded PostgreSQL that flushes, with the demo data; another process keeps it up when it was killed.

    Args:
        settings: of all processes that use it.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.variables = {**os.environ, **as_variables(_VARIABLES | settings), "TANDEM_DATA_DIR": str(folder)}
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.support.faults.prepare"],
            cwd=ROOT, env=self.variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._keeper.stdout
        self.people = {email: Person(*said) for email, said in json.loads(self._keeper.stdout.readline()).items()}

    def close(self) -> None:
        self._keeper.communicate(timeout=PATIENCE_SECONDS)
        lifecycle.release(self.folder)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """Return a cursor of a new connection; each statement commits by itself."""
        where = lifecycle.ensure_running(self.folder)
        link = psycopg2.connect(
            host=where["HOST"], port=where["PORT"], user=where["USER"], dbname=where["NAME"], application_name="tests"
        )
        try:
            link.autocommit = True
            with link.cursor() as cursor:
                yield cursor
        finally:
            link.close()

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connected() as cursor:
            cursor.execute(statement, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def empty(self) -> None:
        """Delete all tasks and memberships, and begin a new log; only while no server runs."""
        with self.connected() as cursor:
            log = "changes_change, changes_head, core_idempotencyrecord"
            cursor.execute(f"TRUNCATE tasks_task, tasks_taskorigin, projects_projectmember, {log}")

    def kill(self) -> None:
        """Stop the server like `pg_ctl stop -m immediate`: every session is cut, nothing is cleaned up."""
        pid_file = self.folder / "postgres" / "data" / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)


class Killable:
    """A process that is started again after each kill, with the same arguments.

    Args:
        is_ready: whether it does what it is there for.
    """

    def __init__(
        self, name: str, arguments: list[str], variables: Mapping[str, str], log: Path, is_ready: Callable[[], bool]
    ) -> None:
        self.name = name
        self._arguments = arguments
        # PostgreSQL shows it, so a session's process is known.
        self._variables = {**variables, "PGAPPNAME": name}
        self._log = log
        self._is_ready = is_ready
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._arguments], cwd=ROOT, env=self._variables, stdin=subprocess.PIPE,
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def until_ready(self) -> None:
        until(lambda: self.is_ready or self.has_ended, f"{self.name} is ready", PATIENCE_SECONDS)
        assert not self.has_ended, f"{self.name} ended by itself: {self._log.read_text()}"

    @property
    def is_ready(self) -> bool:
        return self._process is not None and self._is_ready()

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """Kill it with SIGKILL, and all processes that it started."""
        assert self._process
        for child in [*psutil.Process(self._process.pid).children(recursive=True), self._process]:
            child.kill()
        self._process.communicate()

    def kill_and_start(self, still: Callable[[], bool] = lambda: True) -> float | None:
        """Kill it during its work, and start it again; one process at a time.

        Args:
            still: returns whether to kill it, when its turn comes.

        Returns:
            The time of the kill, by the clock of `time.monotonic`; None if it was not killed.
        """
        with self._lock:
            self.until_ready()
            if not still():
                return None
            self.kill()
            at = time.monotonic()
            self.start()
            return at

    def kill_and_recover(self) -> None:
        """Kill it in the same way, and wait until it is ready again."""
        self.kill_and_start()
        with self._lock:
            self.until_ready()

    def end_and_start(self) -> int:
        """End it by SIGTERM, as an operator does, and start it again. Return its exit code."""
        assert self._process
        self._process.terminate()
        self._process.communicate(timeout=2 * PATIENCE_SECONDS)
        code = self._process.returncode
        self.start()
        return code

    def end(self) -> None:
        """Close its input, and wait for its end."""
        assert self._process
        self._process.communicate(timeout=PATIENCE_SECONDS)
        assert self._process.returncode == 0, f"{self.name} failed: {self._log.read_text()}"


class Installation:
    """Both servers and two workers, which may number too, on an empty database.

    Args:
        entry: the command in place of `manage.py`.
        variables: in addition to the database's.
        own: further variables of single processes, by their name.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        entry: Sequence[str] = ("manage.py",),
        variables: Mapping[str, str] = {},
        own: Mapping[str, Mapping[str, str]] = {},
    ) -> None:
        self.database = database
        self.folder = folder
        self.http_port, self.grpc_port = free_port(), free_port()
        self.http_url, self.grpc_address = f"http://127.0.0.1:{self.http_port}", f"127.0.0.1:{self.grpc_port}"
        self.variables = {**database.variables, **variables}
        self._own = own
        self.web = self.process(
            "web", [*entry, "runweb", "--port", str(self.http_port)],
            lambda: answers_http(f"{self.http_url}/health/ready"),
        )  # fmt: skip
        self.rpc = self.process(
            "rpc", [*entry, "rungrpc", "--port", str(self.grpc_port)], lambda: answers_grpc(self.grpc_address)
        )
        self.workers = [self.process(f"worker{number}", [*entry, "runworker"]) for number in range(2)]

    @property
    def servers(self) -> dict[str, Killable]:
        return {process.name: process for process in (self.web, self.rpc, *self.workers)}

    def process(self, name: str, arguments: list[str], is_ready: Callable[[], bool] | None = None) -> Killable:
        """Return a process with the variables of the database; it is not started.

        Args:
            is_ready: returns whether it is ready; None = as soon as it is connected to the database.
        """
        log = self.folder / f"{name}.log"
        variables = {**self.variables, **self._own.get(name, {})}
        return Killable(name, arguments, variables, log, is_ready or (lambda: self._is_connected(name)))

    def start(self) -> "Installation":
        for process in self.servers.values():
            process.start()
        for process in self.servers.values():
            process.until_ready()
        until(lambda: self.numberer() is not None, "somebody numbers")
        return self

    def close(self) -> None:
        for process in self.servers.values():
            if not process.has_ended:
                process.kill()

    def numberer(self) -> tuple[str, int] | None:
        """Return the name of the process that assigns numbers, and its session."""
        rows = self.database.ask(
            "SELECT application_name, pid FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE locktype = 'advisory' AND objid = %s AND granted",
            OFFICE,
        )
        return rows[0] if rows else None

    def kill_numberer(self) -> float:
        """Kill the process that assigns numbers; return after how many seconds another session did."""
        for worker in self.workers:
            worker.until_ready()  # So that another process can assign numbers, even without servers.
        killed_at = None
        while killed_at is None:
            until(lambda: self.numberer() is not None, "somebody numbers", PATIENCE_SECONDS)
            if (before := self.numberer()) is not None:
                killed_at = self.servers[before[0]].kill_and_start(partial(self._numbers, before))
        until(lambda: self.numberer() not in (None, before), "another numbers", TAKEN_OVER_WITHIN_SECONDS)
        return time.monotonic() - killed_at

    def _numbers(self, who: tuple[str, int]) -> bool:
        return self.numberer() == who

    def until_numbered(self) -> None:
        """Until all that was committed has its place in the log."""
        statement = "SELECT count(*) FROM changes_change WHERE seq IS NULL"
        until(lambda: self.database.ask(statement) == [(0,)], "all is numbered", PATIENCE_SECONDS)

    def verify(self) -> None:
        """Run the product's check of its own log."""
        subprocess.run(
            [sys.executable, "manage.py", "changes", "verify"], cwd=ROOT, env=self.variables, check=True,
            stdout=subprocess.DEVNULL, timeout=PATIENCE_SECONDS,
        )  # fmt: skip

    def _is_connected(self, name: str) -> bool:
        statement = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        return self.database.ask(statement, name) != [(0,)]
