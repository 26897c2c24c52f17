"""The embedded PostgreSQL, as real processes use it: on the wheel's binaries, with kill -9 where it hurts."""

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
import psutil
import psycopg2
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from core.db.backend import base as backend
from core.db.configuration import configuration
from core.db.thread_connections import fresh_connections, refresh
from embedded_postgres import lifecycle
from embedded_postgres.cluster import Cluster
from embedded_postgres.errors import EmbeddedDatabaseError
from tandem.user.v1.user_pb2 import GetUserRequest
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.support.servers import ROOT, free_port, until

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as somebody else")

USER = """
import json, sys
from pathlib import Path
from embedded_postgres.lifecycle import ensure_running

print(json.dumps(ensure_running(Path(sys.argv[1]), durable=False)), flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the server until it is told to leave, or killed."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(data_dir)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.leave()

    def server(self) -> dict[str, Any]:
        """The answer of `ensure_running`, awaited."""
        assert self.process.stdout
        return dict(json.loads(self.process.stdout.readline()))

    def leave(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.leave()


@pytest.fixture
def place() -> Iterator[Path]:
    """A new folder. Not pytest's `tmp_path`: each run of pytest closes the folder above all of those again."""
    with tempfile.TemporaryDirectory(prefix="tandem-test-") as folder:
        yield Path(folder).resolve()


@pytest.fixture
def new_dir(place: Path) -> Iterator[Path]:
    """A data folder that is not there yet."""
    folder = place / "var"
    yield folder
    lifecycle.release(folder)
    assert postmaster_pid(folder) is None, "the test left a server running"


@pytest.fixture(scope="module")
def made_once() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tandem-test-") as folder:
        data_dir = Path(folder).resolve()
        lifecycle.ensure_running(data_dir, durable=False)
        lifecycle.release(data_dir)
        yield data_dir


@pytest.fixture
def data_dir(made_once: Path) -> Iterator[Path]:
    """A data folder with a cluster, used by one test after the other; its server is not running."""
    yield made_once
    lifecycle.release(made_once)
    assert postmaster_pid(made_once) is None, "the test left a server running"


def cluster_of(data_dir: Path) -> Cluster:
    return Cluster((data_dir / "postgres").resolve())


def postmaster_pid(data_dir: Path) -> int | None:
    found = cluster_of(data_dir).postmaster()
    return found.pid if found else None


def kill_server(data_dir: Path) -> None:
    """Kills all of it: a process that is left over may answer one more query before it notices."""
    server = psutil.Process(postmaster_pid(data_dir))
    kill(server, *server.children())


def kill(*processes: psutil.Process) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    until(lambda: not any(is_alive(process) for process in processes))


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def query(server: dict[str, Any], sql: str) -> Any:
    connection = psycopg2.connect(host=server["HOST"], port=server["PORT"], user=server["USER"], dbname=server["NAME"])
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


class TestOneServer:
    def test_it_starts_with_its_first_user_and_stops_with_its_last(self, new_dir: Path) -> None:
        with User(new_dir) as first:
            server = first.server()
            with User(new_dir) as second:
                assert second.server() == server
                first.leave()
                assert query(server, "SELECT 1") == (1,)
        assert postmaster_pid(new_dir) is None
        assert not (new_dir / "postgres/data/postmaster.pid").exists()

    def test_it_speaks_unicode_and_sorts_by_code_point(self, data_dir: Path) -> None:
        server = lifecycle.ensure_running(data_dir, durable=False)
        assert query(server, "SELECT current_setting('server_encoding'), upper('äé'), 'Z' < 'a'") == (
            "UTF8",
            "ÄÉ",
            True,
        )

    def test_nobody_else_can_reach_it(self, data_dir: Path) -> None:
        server = lifecycle.ensure_running(data_dir, durable=False)
        assert query(server, "SHOW listen_addresses") == ("",)
        for folder in (data_dir / "postgres", data_dir / "postgres/data", Path(server["HOST"])):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        pid = postmaster_pid(data_dir)
        assert not [connection for connection in psutil.Process(pid).net_connections("inet") if connection.laddr]

    def test_what_is_written_survives_a_stop(self, data_dir: Path) -> None:
        query(lifecycle.ensure_running(data_dir), "CREATE TABLE kept_over_a_stop AS SELECT 42 AS answer")
        lifecycle.release(data_dir)
        assert postmaster_pid(data_dir) is None
        assert query(lifecycle.ensure_running(data_dir), "SELECT answer FROM kept_over_a_stop") == (42,)

    @pytest.mark.parametrize(("durable", "fsync"), [(True, "on"), (False, "off")])
    def test_only_tests_go_without_flushing_to_disk(self, data_dir: Path, durable: bool, fsync: str) -> None:
        server = lifecycle.ensure_running(data_dir, durable=durable)
        assert query(server, "SHOW fsync") == (fsync,)

    def test_many_may_start_it_at_once(self, new_dir: Path) -> None:
        users = [User(new_dir) for _ in range(6)]
        try:
            servers = [user.server() for user in users]
            assert servers == [servers[0]] * 6
            assert query(servers[0], "SELECT 1") == (1,)
        finally:
            for user in users:
                user.leave()
        assert postmaster_pid(new_dir) is None

    def test_threads_of_one_process_share_it(self, data_dir: Path) -> None:
        servers: list[dict[str, Any]] = []
        threads = [
            threading.Thread(target=lambda: servers.append(lifecycle.ensure_running(data_dir, durable=False)))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert servers == [servers[0]] * 6

    def test_a_forked_child_neither_loses_nor_stops_the_server_of_its_parent(self, data_dir: Path) -> None:
        server = lifecycle.ensure_running(data_dir, durable=False)
        child = os.fork()
        if child == 0:  # It joins and leaves; what goes wrong must not run the rest of the test twice.
            try:
                lifecycle.ensure_running(data_dir, durable=False)
                lifecycle.release(data_dir)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert query(server, "SELECT 1") == (1,)
        with User(data_dir) as other:
            other.server()
        assert query(server, "SELECT 1") == (1,), "the parent's lock is gone: another process took itself for the last"


class TestAfterKill:
    def test_a_server_that_was_left_running_is_used_and_stopped_by_who_comes_next(self, data_dir: Path) -> None:
        users = [User(data_dir), User(data_dir)]
        for user in users:
            user.server()
        for user in users:
            user.kill()
        left = postmaster_pid(data_dir)
        assert left
        with User(data_dir) as next_user:
            next_user.server()
            assert postmaster_pid(data_dir) == left
        assert postmaster_pid(data_dir) is None

    def test_a_killed_server_is_started_again_by_a_process_that_used_it(self, data_dir: Path) -> None:
        query(lifecycle.ensure_running(data_dir), "CREATE TABLE kept_over_a_crash AS SELECT 42 AS answer")
        kill_server(data_dir)
        assert query(lifecycle.ensure_running(data_dir), "SELECT answer FROM kept_over_a_crash") == (42,)

    def test_what_is_left_of_a_killed_server_does_not_stop_the_start(self, data_dir: Path) -> None:
        user = User(data_dir)
        server = user.server()
        busy = psycopg2.connect(host=server["HOST"], port=server["PORT"], user=server["USER"], dbname=server["NAME"])
        with busy.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            left = psutil.Process((cursor.fetchone() or (0,))[0])
        left.suspend()  # It cannot notice that its server died, and holds the memory of both.
        user.kill()
        kill(psutil.Process(postmaster_pid(data_dir)))
        busy.close()
        assert query(lifecycle.ensure_running(data_dir, durable=False), "SELECT 1") == (1,)
        assert not is_alive(left)

    def test_a_number_that_belongs_to_another_process_by_now_does_not_stop_the_start(self, data_dir: Path) -> None:
        lifecycle.ensure_running(data_dir, durable=False)
        pid_file = data_dir / "postgres/data/postmaster.pid"
        lines = pid_file.read_text().split("\n")
        kill_server(data_dir)
        pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
        assert query(lifecycle.ensure_running(data_dir, durable=False), "SELECT 1") == (1,)

    def test_killed_while_the_cluster_is_made(self, new_dir: Path) -> None:
        user = User(new_dir)
        until((new_dir / "postgres/data.unfinished/global").exists)
        for process in psutil.Process(user.process.pid).children(recursive=True):
            process.kill()
        user.kill()
        assert not (new_dir / "postgres/data").exists()
        assert query(lifecycle.ensure_running(new_dir, durable=False), "SELECT 1") == (1,)

    def test_killed_while_the_server_starts(self, data_dir: Path) -> None:
        lifecycle.ensure_running(data_dir, durable=False)
        lifecycle.release(data_dir)
        user = User(data_dir)
        until((data_dir / "postgres/data/postmaster.pid").exists)
        user.kill()
        assert query(lifecycle.ensure_running(data_dir, durable=False), "SELECT 1") == (1,)

    def test_a_data_folder_that_was_removed_is_made_anew(self, new_dir: Path) -> None:
        lifecycle.ensure_running(new_dir, durable=False)
        kill_server(new_dir)
        shutil.rmtree(new_dir)
        server = lifecycle.ensure_running(new_dir, durable=False)
        with User(new_dir) as other:
            other.server()
        assert query(server, "SELECT 1") == (1,), "this process's lock was on the removed file"


class TestSignals:
    """The server's first process gets a signal while sessions are open; whoever needs it next has it again."""

    @pytest.mark.parametrize("signum", ["SIGTERM", "SIGINT", "SIGQUIT", "SIGKILL", "SIGABRT", "SIGSTOP"])
    def test_it_heals(self, data_dir: Path, signum: str) -> None:
        server = lifecycle.ensure_running(data_dir, durable=False)
        query(server, "CREATE TABLE IF NOT EXISTS kept_over_signals AS SELECT 42 AS answer")
        with contextlib.closing(
            psycopg2.connect(host=server["HOST"], port=server["PORT"], user=server["USER"], dbname=server["NAME"])
        ) as idle:
            with idle.cursor() as cursor:
                cursor.execute("SELECT 1")
            os.kill(postmaster_pid(data_dir) or 0, getattr(signal, signum))
            until(lambda: not (found := cluster_of(data_dir).postmaster()) or not found.ready)
            began = time.monotonic()
            with User(data_dir) as other:
                server = other.server()
                assert query(server, "SELECT answer FROM kept_over_signals") == (42,)
        assert query(lifecycle.ensure_running(data_dir, durable=False), "SELECT 1") == (1,)
        assert time.monotonic() - began < 15

    def test_one_that_is_suspended_is_stopped_by_its_last_user(self, data_dir: Path) -> None:
        with User(data_dir) as user:
            user.server()
            os.kill(postmaster_pid(data_dir) or 0, signal.SIGSTOP)
            until(lambda: not (found := cluster_of(data_dir).postmaster()) or found.suspended)
        assert postmaster_pid(data_dir) is None

    def test_many_threads_that_wait_for_it_in_vain_wait_once(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lifecycle, "_PATIENCE_SECONDS", 1.5)
        failures: list[str] = []

        def need_it() -> None:
            try:
                lifecycle.ensure_running(data_dir, durable=False)
            except EmbeddedDatabaseError as exc:
                failures.append(str(exc))

        with never_ready(data_dir):
            threads = [threading.Thread(target=need_it) for _ in range(8)]
            began = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert time.monotonic() - began < 3
        assert len(failures) == 8
        assert all("is not ready in time" in failure for failure in failures)

    def test_a_process_that_another_keeps_waiting_gives_up(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lifecycle, "_PATIENCE_SECONDS", 0.5)
        with cluster_of(data_dir).exclusively(), pytest.raises(EmbeddedDatabaseError, match="Another process is"):
            lifecycle.ensure_running(data_dir, durable=False)


@contextlib.contextmanager
def never_ready(data_dir: Path) -> Iterator[None]:
    """In the server's place a process that looks like one that is starting, for ever."""
    data = data_dir / "postgres/data"
    starting = subprocess.Popen(["sleep", "600"], cwd=data)
    pid_file = data / "postmaster.pid"
    with cluster_of(data_dir).exclusively():
        if postmaster_pid(data_dir):
            kill_server(data_dir)
        pid_file.write_text(f"{starting.pid}\n{data}\n")
    try:
        yield
    finally:
        pid_file.unlink()
        starting.kill()
        starting.wait()


@contextlib.contextmanager
def serving(data_dir: Path, command: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    variables = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", "DATABASE_URL": "",
        "TANDEM_DATA_DIR": str(data_dir), "LOG_LEVEL": "CRITICAL", "DEV_AUTH_AS": "admin@example.com",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "manage.py", command, "--port", str(port), "--grace", "1"], cwd=ROOT, env=variables
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.real_server
@pytest.mark.parametrize("command", ["runweb", "rungrpc"])
def test_a_server_ends_in_its_time_while_calls_wait_for_the_database(data_dir: Path, command: str) -> None:
    port = free_port()
    with serving(data_dir, command, port) as process:
        until(lambda: listens(port), 40)
        with never_ready(data_dir):
            answers: list[str] = []
            callers = [threading.Thread(target=call, args=(command, port, answers), daemon=True) for _ in range(12)]
            for caller in callers:
                caller.start()
            time.sleep(1)  # They wait inside the server, which nothing shows from outside but that no answer comes.
            assert not answers
            began = time.monotonic()
            process.terminate()
            process.wait(20)
            assert time.monotonic() - began < 8


@pytest.mark.real_server
@pytest.mark.parametrize("command", ["runweb", "rungrpc"])
def test_a_server_ends_while_it_waits_for_the_database_at_its_start(data_dir: Path, command: str) -> None:
    with never_ready(data_dir), serving(data_dir, command, free_port()) as process:
        lock = data_dir / "postgres/start.lock"
        until(lambda: any(str(lock) == file.path for file in psutil.Process(process.pid).open_files()), 40)
        began = time.monotonic()
        process.terminate()
        process.wait(20)
        assert time.monotonic() - began < 8


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def call(command: str, port: int, answers: list[str]) -> None:
    if command == "runweb":
        url = f"http://127.0.0.1:{port}/api/v1/users/me"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=60) as answer:
            answers.append(str(answer.status))
        return
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, contextlib.suppress(grpc.RpcError):
        answers.append(UserServiceStub(channel).GetUser(GetUserRequest(user_id="me"), timeout=60).user.id)


class TestPlaces:
    def test_a_path_too_long_for_a_socket(self, place: Path) -> None:
        data_dir = place / ("long" * 25)
        with User(data_dir) as user:
            server = user.server()
            folder = Path(server["HOST"])
            assert not folder.is_relative_to(place)
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert query(server, "SELECT 1") == (1,)
        assert not folder.exists()

    def test_a_path_with_spaces_and_quotes(self, place: Path) -> None:
        data_dir = place / "it's, a päth"
        assert query(lifecycle.ensure_running(data_dir, durable=False), "SELECT 1") == (1,)
        lifecycle.release(data_dir)

    def test_a_file_in_its_place_is_named(self, new_dir: Path) -> None:
        new_dir.mkdir()
        (new_dir / "postgres").touch()
        with pytest.raises(EmbeddedDatabaseError, match=r"cannot be used: .*postgres"):
            lifecycle.ensure_running(new_dir)
        (new_dir / "postgres").unlink()

    def test_a_cluster_of_a_version_that_is_not_installed_is_left_alone(self, new_dir: Path) -> None:
        (new_dir / "postgres/data").mkdir(parents=True)
        (new_dir / "postgres/data/PG_VERSION").write_text("11\n")
        with pytest.raises(EmbeddedDatabaseError, match="was created by PostgreSQL 11, and the installed wheel has"):
            lifecycle.ensure_running(new_dir)

    def test_a_server_that_another_container_runs_is_not_joined_by_a_second(self, data_dir: Path) -> None:
        lifecycle.ensure_running(data_dir, durable=False)
        lifecycle.release(data_dir)
        # What a container shows of its server: a socket that answers, and no process.
        with socket.socket(socket.AF_UNIX) as hidden:
            path = data_dir / "postgres/run/.s.PGSQL.5432"
            hidden.bind(str(path))
            hidden.listen()
            with pytest.raises(EmbeddedDatabaseError, match="not visible from here"):
                lifecycle.ensure_running(data_dir)
            path.unlink()

    @only_root
    def test_root_opens_closed_folders_above_it_for_passing_through_only(self, place: Path) -> None:
        closed = place / "closed"
        closed.mkdir(mode=0o700)
        data_dir = closed / "var"
        server = lifecycle.ensure_running(data_dir, durable=False)
        pid = postmaster_pid(data_dir)
        assert psutil.Process(pid).uids().effective not in (0, None)
        assert stat.S_IMODE(closed.stat().st_mode) == 0o701
        assert query(server, "SELECT 1") == (1,)
        lifecycle.release(data_dir)

    @only_root
    def test_a_cluster_of_somebody_else_is_run_as_its_owner(self, new_dir: Path) -> None:
        (new_dir / "postgres").mkdir(parents=True)
        os.chown(new_dir / "postgres", 65534, 65534)
        lifecycle.ensure_running(new_dir, durable=False)
        assert psutil.Process(postmaster_pid(new_dir)).uids().effective == 65534

    @only_root
    def test_an_ordinary_user_is_told_whose_folder_it_is(self, place: Path) -> None:
        place.chmod(0o755)
        (place / "postgres").mkdir()
        os.seteuid(65534)
        try:
            with pytest.raises(EmbeddedDatabaseError, match=r"belongs to the user root: run Tandem as that user"):
                lifecycle.ensure_running(place)
        finally:
            os.seteuid(0)


class TestConfiguration:
    def test_it_starts_nothing(self, new_dir: Path) -> None:
        assert configuration(None, new_dir)["ENGINE"] == "core.db.backend"
        assert not new_dir.exists()

    def test_a_url_names_another_server(self, place: Path) -> None:
        chosen = configuration("postgres://ann:s%40fe@db.example.com:5433/team?sslmode=require", place)
        assert chosen == {
            "ENGINE": "core.db.backend",
            "NAME": "team",
            "USER": "ann",
            "PASSWORD": "s@fe",
            "HOST": "db.example.com",
            "PORT": 5433,
            "OPTIONS": {"sslmode": "require"},
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
        }

    def test_another_kind_of_database_is_refused(self, place: Path) -> None:
        with pytest.raises(ImproperlyConfigured, match="supports only PostgreSQL"):
            configuration("sqlite:///tandem.db", place)


@pytest.fixture
def connection(data_dir: Path, django_db_blocker: Any) -> Iterator[BaseDatabaseWrapper]:
    """A Django connection to an embedded server that nobody has started yet."""
    with django_db_blocker.unblock():
        handler = ConnectionHandler({"default": configuration(None, data_dir, durable=False)})
        yield handler["default"]
        handler["default"].close()


@pytest.fixture
def in_calls(connection: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> BaseDatabaseWrapper:
    """The same connection, looked after by `fresh_connections`."""
    monkeypatch.setattr(connections, "all", lambda **_: [connection])
    return connection


def one(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return int(cursor.fetchone()[0])


class TestBackend:
    def test_the_first_connection_starts_the_server(self, connection: BaseDatabaseWrapper, data_dir: Path) -> None:
        assert postmaster_pid(data_dir) is None
        assert one(connection) == 1
        assert postmaster_pid(data_dir)

    def test_dbshell_gets_the_psql_that_came_with_it(self, connection: BaseDatabaseWrapper) -> None:
        arguments, environment = connection.client.settings_to_cmd_args_env(
            connection.settings_dict, ["-Atc", "SELECT current_database()"]
        )
        said = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True, timeout=30)
        assert said.stdout == "tandem\n"

    def test_why_it_cannot_start_reaches_the_caller_as_the_databases_being_away(
        self, connection: BaseDatabaseWrapper, data_dir: Path
    ) -> None:
        (data_dir / "postgres/start.lock").unlink()
        (data_dir / "postgres/start.lock").mkdir()
        with pytest.raises(OperationalError, match="cannot be used"):
            one(connection)
        (data_dir / "postgres/start.lock").rmdir()


class TestHygiene:
    def test_a_call_that_needs_no_database_opens_no_connection(self, in_calls: BaseDatabaseWrapper) -> None:
        with fresh_connections():
            assert in_calls.connection is None
        assert in_calls.connection is None

    def test_a_server_that_was_restarted_costs_one_call(self, in_calls: BaseDatabaseWrapper, data_dir: Path) -> None:
        with fresh_connections():
            assert one(in_calls) == 1
        kill_server(data_dir)
        with pytest.raises(OperationalError), fresh_connections():
            one(in_calls)
        assert in_calls.connection is None
        with fresh_connections():
            assert one(in_calls) == 1

    def test_a_connection_that_was_idle_is_checked_first(
        self, in_calls: BaseDatabaseWrapper, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with fresh_connections():
            one(in_calls)
        kill_server(data_dir)
        monkeypatch.setattr(backend, "IDLE_SECONDS", 0.0)
        with fresh_connections():
            assert one(in_calls) == 1

    def test_idle_connection_is_checked_after_two_refreshes(
        self, in_calls: BaseDatabaseWrapper, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with fresh_connections():
            one(in_calls)
        kill_server(data_dir)
        monkeypatch.setattr(in_calls, "_last_used", 0.0)
        refresh()  # As Django does at the start of a request, before our own.
        with fresh_connections():
            assert one(in_calls) == 1

    def test_a_busy_connection_is_not_checked(
        self, in_calls: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with fresh_connections():
            one(in_calls)
        checks = []
        monkeypatch.setattr(in_calls, "is_usable", lambda: checks.append(1) or True)
        with fresh_connections():
            one(in_calls)
        assert not checks
        monkeypatch.setattr(backend, "IDLE_SECONDS", 0.0)
        with fresh_connections():
            one(in_calls)
            one(in_calls)
        assert len(checks) == 1

    def test_a_transaction_that_was_left_open_does_not_reach_the_next_call(self, in_calls: BaseDatabaseWrapper) -> None:
        with fresh_connections():
            one(in_calls)
            in_calls.set_autocommit(False)
            one(in_calls)
        assert in_calls.connection is None

    def test_a_connection_in_an_atomic_block_is_left_alone(self, in_calls: BaseDatabaseWrapper) -> None:
        one(in_calls)
        in_calls.set_autocommit(False)
        in_calls.in_atomic_block = True
        with fresh_connections():
            assert one(in_calls) == 1
        assert one(in_calls) == 1
        in_calls.in_atomic_block = False

    def test_queries_kept_for_debugging_do_not_pile_up(self, in_calls: BaseDatabaseWrapper, settings: Any) -> None:
        settings.DEBUG = True
        with fresh_connections():
            one(in_calls)
            assert len(in_calls.queries_log) == 1
        assert not in_calls.queries_log
