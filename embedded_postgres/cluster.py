"""A PostgreSQL cluster on this machine and its server: creates, starts, finds and stops it. See `lifecycle`."""

import contextlib
import fcntl
import hashlib
import logging
import os
import shlex
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psutil
import psycopg2

from embedded_postgres import binaries
from embedded_postgres.account import Account, server_account
from embedded_postgres.errors import EmbeddedDatabaseError

logger = logging.getLogger(__name__)

NAME = "tandem"
USER = "tandem"
PORT = 5432  # only part of the socket's name: nothing listens on TCP

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included.
_SOCKET_PATH_BYTES = 103
_PATIENCE_SECONDS = 60
#: How long a fast shutdown may take before an immediate one, from which the next start recovers.
_FAST_SECONDS = 15
#: How long a server that reports to be ready may take to accept a client.
_ANSWER_SECONDS = 5
_LOOK_EVERY_SECONDS = 0.02
#: As many as the default settings may open (`core.db.connection_budget`), and some for commands and people.
_MAX_CONNECTIONS = 250
_LOG_BYTES = 10_000_000
#: Parts of the messages by which a server rejects a client at its limit; they are English (`--locale=C`).
_FULL = ("too many clients already", "remaining connection slots are reserved")
_WITHOUT_DURABILITY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server process, as its `postmaster.pid` describes it.

    Attributes:
        ready: it accepts connections.
        stopping: it no longer accepts connections. A smart shutdown (SIGTERM) waits until all sessions have ended.
        suspended: it was stopped by SIGSTOP and does nothing until SIGCONT.
    """

    pid: int
    port: int
    socket_folder: str
    ready: bool
    stopping: bool = False
    suspended: bool = False


@dataclass(frozen=True)
class Cluster:
    """A cluster and its server. Callers that change anything here must hold the start lock (`exclusively`).

    Attributes:
        folder: a resolved path, because a server is identified by its working folder, `data`.
    """

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def upgraded(self) -> Path:
        """The complete new cluster of an upgrade, until it takes the place of `data`."""
        return self.folder / "data.upgraded"

    @property
    def version(self) -> int:
        """The major version that created the cluster; for a new one the newest."""
        file = self.data / "PG_VERSION"
        return int(file.read_text()) if file.exists() else binaries.newest()

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @cached_property
    def account(self) -> Account:
        return server_account(self.folder)

    def make_folder(self) -> None:
        """Create the folder if it is missing; it belongs to the server's account."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.account.own(self.folder)

    @contextlib.contextmanager
    def exclusively(self, *, until: float | None = None, ending: threading.Event | None = None) -> Iterator[None]:
        """Hold the start lock.

        Args:
            until: the deadline for the lock, on the clock of `time.monotonic`.
            ending: stops waiting for the lock once it is set.

        Raises:
            EmbeddedDatabaseError: another process holds the lock for too long.
        """
        lock = os.open(self.folder / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _locked(lock):
                if (until is not None and time.monotonic() >= until) or (ending is not None and ending.is_set()):
                    raise EmbeddedDatabaseError("Another process is starting the embedded PostgreSQL; try again.")
                time.sleep(_LOOK_EVERY_SECONDS)
            yield
        finally:
            # Unlocked, not just closed: a process that was forked in the meantime has inherited the descriptor.
            fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)

    def postmaster(self) -> Postmaster | None:
        """Return the server process of this cluster, if it is alive."""
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
            process = psutil.Process(int(lines[0]))
            if process.cwd() != str(self.data):
                return None  # Another process has this number now.
            suspended = process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
        except (FileNotFoundError, ValueError, psutil.Error):
            return None
        # The file grows while the server starts: pid, folder, time, port, socket folder, address, memory, status.
        if len(lines) < 8:
            return Postmaster(process.pid, 0, "", ready=False, suspended=suspended)
        status = lines[7].strip()
        return Postmaster(
            process.pid,
            int(lines[3]),
            lines[4],
            ready=status == "ready" and not suspended,
            stopping=status == "stopping",
            suspended=suspended,
        )

    def bring_up(
        self, *, durable: bool, until: float | None = None, ending: threading.Event | None = None
    ) -> Postmaster:
        """Return the server, ready for connections; create and start it if necessary.

        A server that is stopping is stopped at once and restarted: the sessions that a smart shutdown waits for are
        those of the processes that need the server.

        Args:
            until: the deadline, on the clock of `time.monotonic`.
            ending: stops waiting once it is set.

        Raises:
            EmbeddedDatabaseError: the server cannot be started, or is not ready in time.
        """
        until = time.monotonic() + _PATIENCE_SECONDS if until is None else until
        while time.monotonic() < until:
            if ending is not None and ending.is_set():
                raise EmbeddedDatabaseError("This process is ending and no longer starts the database.")
            postmaster = self.postmaster()
            if postmaster is None:
                self._open_way()
                if not self.data.exists() and self.upgraded.exists():  # An upgrade was killed between its last steps.
                    self.upgraded.rename(self.data)
                if not self.data.exists():
                    self._create(durable=durable)
                self._start(durable=durable)
            elif postmaster.suspended:
                _resume(postmaster)
            elif postmaster.stopping:
                self.stop()
            elif postmaster.ready and _has_database(postmaster):
                return postmaster
            else:  # The process that started or stopped it was killed; it will become ready or end.
                time.sleep(_LOOK_EVERY_SECONDS)
        raise EmbeddedDatabaseError(f"The embedded PostgreSQL is not ready in time; see {self.log}.")

    def stop(self) -> None:
        """Stop the server if it runs, and end all its sessions."""
        postmaster = self.postmaster()
        if postmaster is None:
            return
        if postmaster.suspended:
            _resume(postmaster)
        try:
            self._stop("fast", _FAST_SECONDS)
        except EmbeddedDatabaseError:
            if self.postmaster() is not None:
                self._stop("immediate", _PATIENCE_SECONDS)
        if postmaster.socket_folder and Path(postmaster.socket_folder).parent != self.folder:
            with contextlib.suppress(FileNotFoundError):
                Path(postmaster.socket_folder).rmdir()

    def _stop(self, mode: str, seconds: int) -> None:
        try:
            self.run("pg_ctl", "stop", "-D", self.data, "-m", mode, "-w", "-t", str(seconds))
        except EmbeddedDatabaseError:
            if self.postmaster() is not None:
                raise
            # The server has ended, or another process has stopped it.

    def _open_way(self) -> None:
        """Give the server's account access to the cluster and to the programs, if this process is root."""
        if self.account.uid == os.geteuid():
            return
        package = binaries.package()
        self.account.open_way(self.folder)
        self.account.open_way(package)
        for tree in (package, *package.parent.glob(f"{package.name}.libs")):
            self.account.open_for_reading(tree)

    def _create(self, *, durable: bool) -> None:
        # Created under another name and renamed when complete, so that a killed process leaves no partial cluster.
        unfinished = self.folder / "data.unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        locale = ["--locale=C"]
        if binaries.newest() >= 17:  # Characters by Unicode, order by code point; the same on every machine.
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # "trust" is safe for a socket in a folder that only the server's account (and root) may enter.
        options = ["--encoding=UTF8", *locale, f"--username={USER}", "--auth=trust", "--no-instructions"]
        self.run("initdb", "-D", unfinished, *options, *([] if durable else ["--no-sync"]))
        unfinished.rename(self.data)

    def _start(self, *, durable: bool) -> None:
        self._end_orphans()
        self._refuse_hidden_server()
        socket_folder = self._socket_path().parent
        self.account.own(socket_folder)
        self._remove_leftovers()
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "max_connections": str(_MAX_CONNECTIONS),
            "unix_socket_directories": '"' + str(socket_folder).replace('"', '""') + '"',
            "unix_socket_permissions": "0700",
            **({} if durable else _WITHOUT_DURABILITY),
        }
        if self.version < binaries.newest():
            logger.warning(
                "The embedded database was created by PostgreSQL %d, and version %d is installed: "
                "manage.py upgrade_database moves it there.",
                self.version,
                binaries.newest(),
            )
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        try:
            self.run(
                "pg_ctl", "start", "-D", self.data, "-l", self.log, "-w", "-t", str(_PATIENCE_SECONDS), "-o", options
            )
        except EmbeddedDatabaseError:
            if self.postmaster() is None:
                raise
            # The `pg_ctl` of a process that was killed has started it.

    def _remove_leftovers(self) -> None:
        # PostgreSQL respects a lock file as long as any process, even a zombie, has the number in it.
        socket_path = self._socket_path()
        for leftover in (self.data / "postmaster.pid", socket_path, socket_path.with_name(f"{socket_path.name}.lock")):
            leftover.unlink(missing_ok=True)

    def _refuse_hidden_server(self) -> None:
        """Raise if a server that this process cannot see, such as one in a container, uses the cluster.

        Two servers on one cluster would destroy it.
        """
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._socket_path()))
            except (FileNotFoundError, ConnectionRefusedError):
                return
        raise EmbeddedDatabaseError(
            f"A PostgreSQL that is not visible from here, such as one in a container, uses {self.data}: "
            f"stop it, or set TANDEM_DATA_DIR to another folder."
        )

    def _end_orphans(self) -> None:
        """End the child processes of a server whose main process was killed: they prevent a new one from starting."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while orphans := [process for process in psutil.process_iter() if self._is_orphan(process)]:
            if time.monotonic() > deadline:
                raise EmbeddedDatabaseError(f"Processes of an earlier PostgreSQL on {self.data} do not end: {orphans}.")
            for process in orphans:  # No data is lost: the new server recovers as after a crash.
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.01)

    def _is_orphan(self, process: psutil.Process) -> bool:
        try:
            return process.name() == "postgres" and process.cwd() == str(self.data)
        except psutil.Error:  # The process has ended, or belongs to another user.
            return False

    def _socket_path(self) -> Path:
        elsewhere = f"tandem-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]}"
        # A folder that the account owns or creates; `Account.own` rejects those of other users.
        temporary = (tempfile.gettempdir(), "/tmp")  # noqa: S108
        path = Path()
        for folder in (self.folder / "run", *(Path(parent) / elsewhere for parent in temporary)):
            path = folder / f".s.PGSQL.{PORT}"
            # In libpq a comma separates hosts.
            if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES and "," not in str(path):
                break
        return path

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run a program of the cluster's version of PostgreSQL as the server's account.

        Raises:
            EmbeddedDatabaseError: it fails.
        """
        try:
            done = self.account.run(self._programs() / program, *arguments, cwd=self.folder)
        except PermissionError as exc:
            raise EmbeddedDatabaseError(
                f"PostgreSQL cannot be run as the user {self.account.name} ({exc}): start Tandem as an ordinary user, "
                f"or set DATABASE_URL."
            ) from exc
        if done.returncode:
            output = " ".join((done.stderr or done.stdout).split())
            raise EmbeddedDatabaseError(f"The embedded PostgreSQL: {program} failed; see {self.log}. Output: {output}")

    def _programs(self) -> Path:
        version = self.version
        if version not in binaries.programs():
            raise EmbeddedDatabaseError(
                f"{self.data} was created by PostgreSQL {version}, and the installed wheel has only "
                f"{', '.join(map(str, binaries.programs()))}: run manage.py upgrade_database --programs FOLDER with "
                f"the programs of PostgreSQL {version} (docs/operate/backups.md), or remove the folder to start anew."
            )
        return binaries.programs()[version]


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _resume(postmaster: Postmaster) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(postmaster.pid, signal.SIGCONT)
    time.sleep(_LOOK_EVERY_SECONDS)


def _has_database(postmaster: Postmaster) -> bool:
    """Create the database if it is missing. Return False if the server does not answer because it is being stopped."""
    try:
        server = psycopg2.connect(
            host=postmaster.socket_folder,
            port=postmaster.port,
            user=USER,
            dbname="postgres",
            connect_timeout=_ANSWER_SECONDS,
        )
    except psycopg2.OperationalError as exc:
        # The server runs but is at its limit, which the caller's own connection attempt reports.
        return any(words in str(exc) for words in _FULL)
    try:
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{NAME}"')
    except psycopg2.OperationalError:
        return False
    finally:
        server.close()
    return True
