"""PgBouncer in front of the database: refused where it gives each transaction another session, else served through."""

import json
import os
import pwd
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import psycopg2
import pytest
from django.db import connection

from changes.feed.numbering import LEADER_LOCK_ID
from changes.models import Change
from tandem.task.v1.task_pb2 import ListTasksRequest, WatchTasksRequest
from tandem.task.v1.task_pb2_grpc import TaskServiceStub
from tests.support.factories import AdministratorFactory, TaskFactory
from tests.support.servers import ROOT, connection_parameters, database_url, free_port, running, until

pytestmark = [pytest.mark.real_server, pytest.mark.tools("pgbouncer"), pytest.mark.django_db(transaction=True)]

REFUSED = "DATABASE_URL goes through a connection pooler in transaction or statement mode"
COMMANDS = {
    "runweb": ["runweb", "--port", "0"],
    "rungrpc": ["rungrpc", "--port", "0"],
    "runworker": ["runworker"],
}


@contextmanager
def pgbouncer(mode: str, **settings: str) -> Iterator[str]:
    """Start the pooler in front of the tests' database, and return the URL through it."""
    to = connection_parameters()
    host = str(to.get("host") or "127.0.0.1")
    # It does not run as root; the folder of a Unix socket belongs to the server's account.
    uid = Path(host).stat().st_uid if host.startswith("/") else pwd.getpwnam("nobody").pw_uid
    as_user = {"user": uid, "extra_groups": []} if os.geteuid() == 0 else {}
    port = free_port()
    with TemporaryDirectory(prefix="tandem-test-") as folder:
        Path(folder).chmod(0o755)
        target = {"host": host, "port": to.get("port"), "user": to.get("user"), "password": to.get("password")}
        options = " ".join(f"{name}={value}" for name, value in target.items() if value)
        config = Path(folder) / "pgbouncer.ini"
        lines = [
            "[databases]", f"through = {options} dbname={to['dbname']}", "[pgbouncer]", "listen_addr = 127.0.0.1",
            f"listen_port = {port}", "unix_socket_dir =", "auth_type = any", f"pool_mode = {mode}",
            *(f"{name} = {value}" for name, value in settings.items()),
        ]  # fmt: skip
        config.write_text("\n".join(lines) + "\n")
        process = subprocess.Popen(["pgbouncer", "-q", config], **as_user)  # type: ignore[call-overload]
        try:
            url = f"postgres://any@127.0.0.1:{port}/through"
            until(lambda: answers(url), "PgBouncer answers")
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


def answers(url: str) -> bool:
    # No transaction, of which a pool in statement mode wants to know nothing.
    ask = "import psycopg2, sys; s = psycopg2.connect(sys.argv[1]); s.autocommit = True; s.cursor().execute('SELECT')"
    return subprocess.run([sys.executable, "-c", ask, url], capture_output=True, check=False).returncode == 0


def start(url: str, command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    variables = {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", "DATABASE_URL": url, **settings}
    return subprocess.run(
        [sys.executable, "manage.py", *COMMANDS[command]],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


# Other runs of the tests have databases of their own on the same server.
_HOLDERS = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND objid = %s AND datname = current_database()
"""


def office_holders() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, [LEADER_LOCK_ID])
        count: int = cursor.fetchone()[0]
        return count


@pytest.mark.parametrize(
    ("mode", "command"), [*(("transaction", command) for command in COMMANDS), ("statement", "runworker")]
)
def test_each_transaction_another_session_is_refused(mode: str, command: str) -> None:
    with pgbouncer(mode) as url:
        done = start(url, command)
        assert done.returncode == 1
        (sentence,) = [line for line in done.stderr.splitlines() if "DATABASE_URL" in line]
        assert REFUSED in sentence
        assert "session mode" in sentence
        assert "Traceback" not in done.stderr
        assert office_holders() == 0


@pytest.mark.parametrize("settings", [{"server_round_robin": "1", "min_pool_size": "2"}, {"default_pool_size": "1"}])
def test_transaction_pooling_is_rejected(settings: dict[str, str]) -> None:
    with pgbouncer("transaction", **settings) as url:
        assert REFUSED in start(url, "runworker").stderr


def test_calls_go_through_a_pool_of_transactions_and_the_feed_directly() -> None:
    AdministratorFactory(email="admin@example.com")
    direct = database_url()
    with (
        pgbouncer("transaction", default_pool_size="2") as url,
        running(DATABASE_URL=url, DATABASE_DIRECT_URL=direct, LOG_LEVEL="ERROR") as servers,
        grpc.insecure_channel(servers.grpc_address) as channel,
    ):
        tasks = TaskServiceStub(channel)
        stream = tasks.WatchTasks(WatchTasksRequest(bookmarks=True), timeout=60)
        next(stream)
        titles = {f"Task {number}" for number in range(40)}

        def create(title: str) -> None:
            request = urllib.request.Request(
                f"{servers.http_url}/api/v1/tasks",
                data=json.dumps({"title": title}).encode(),
                headers={"Content-Type": "application/json"},
            )
            urllib.request.urlopen(request).close()
            assert tasks.ListTasks(ListTasksRequest(query=title), timeout=20).tasks

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(create, titles))
        seen = [event.task.title for event in islice((event for event in stream if event.task.title), len(titles))]
        assert set(seen) == titles
        assert office_holders() == 1
        # The sessions of the pool are as the server made them: nothing of a call stays with them.
        assert left_in_sessions(url) == {("0", "0", "0")}
        refused = start(url, "runworker", DATABASE_DIRECT_URL=url)
        assert "DATABASE_DIRECT_URL goes through a connection pooler" in refused.stderr
    until(lambda: office_holders() == 0, "the lock ends with the processes")


def left_in_sessions(url: str) -> set[tuple[str, ...]]:
    """Return the limits of the pool's sessions between transactions."""
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    ask = "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)
    clients = [psycopg2.connect(url) for _ in range(2)]
    try:
        cursors = [client.cursor() for client in clients]
        for cursor in cursors:  # Each transaction holds a session of the pool.
            cursor.execute(ask)
        return {cursor.fetchone() for cursor in cursors}
    finally:
        for client in clients:
            client.close()


def test_a_pool_in_session_mode_is_served_through() -> None:
    with pgbouncer("session", default_pool_size="100") as url, running(DATABASE_URL=url, LOG_LEVEL="ERROR"):
        TaskFactory()
        until(lambda: not Change.objects.filter(seq=None).exists(), "changes get their numbers")
        assert office_holders() == 1
    until(lambda: office_holders() == 0, "the lock ends with the processes")
