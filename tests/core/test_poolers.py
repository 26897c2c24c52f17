"""PgBouncer in front of the database: refused where it gives each transaction another session, else served through."""

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.db import connection

from changes.feed.numbering import LEADER_LOCK_ID
from changes.models import Change
from tests.support.factories import TaskFactory
from tests.support.servers import ROOT, connection_parameters, free_port, running, until

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


def start(url: str, command: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", "DATABASE_URL": url}
    return subprocess.run(
        [sys.executable, "manage.py", *COMMANDS[command]],
        cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=60,
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


def test_a_pool_in_session_mode_is_served_through() -> None:
    with pgbouncer("session", default_pool_size="100") as url, running(DATABASE_URL=url, LOG_LEVEL="ERROR"):
        TaskFactory()
        until(lambda: not Change.objects.filter(seq=None).exists(), "changes get their numbers")
        assert office_holders() == 1
    until(lambda: office_holders() == 0, "the lock ends with the processes")
