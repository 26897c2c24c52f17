"""One PostgreSQL cluster on this machine and its server: made, started, found and stopped. See `embedded`."""

import contextlib
import fcntl
import hashlib
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

NAME = "tandem"
USER = "tandem"
PORT = 5432  # only part of the socket's name: nothing listens on TCP

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included.
_SOCKET_PATH_BYTES = 103
_PATIENCE_SECONDS = 60
#: What a fast shutdown gets to end well before it is an immediate one, from which the next start recovers.
_FAST_SECONDS = 15
#: How long a server that claims to be ready may take to let a client in.
_ANSWER_SECONDS = 5
_LOOK_EVERY_SECONDS = 0.02
#: What the default settings may open (`core.db.connection_budget`), and some for commands and people.
_MAX_CONNECTIONS = 250
_LOG_BYTES = 10_000_000
#: How a server refuses a client because it has as many as it takes; its messages are English (`--locale=C`).
_FULL = ("too many clients already", "remaining connection slots are reserved")
_WITHOUT_DURABILITY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server process, as its `postmaster.pid` describes it.

    Attributes:
        ready: it takes connections.
        stopping: it takes none any more. A smart shutdown (SIGTERM) goes on for as long as any session is open.
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
    """A cluster and its server. Whoever changes anything here holds the start lock (`exclusively`).

    Attributes:
        folder: resolved: a server is known by its working folder, `data`.
    """

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @cached_property
    def account(self) -> Account:
        return server_account(self.folder)

    def make_folder(self) -> None:
        """Makes the folder if need be; it belongs to the server's account."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.account.own(self.folder)

    @contextlib.contextmanager
    def exclusively(self, *, until: float | None = None, ending: threading.Event | None = None) -> Iterator[None]:
        """Holds the start lock.

        Args:
            until: when waiting for it is given up, on the clock of `time.monotonic`.
            ending: gives up waiting for it once it is set.

        Raises:
            EmbeddedDatabaseError: another process holds it for too long.
        """
        lock = os.open(self.folder / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _locked(lock):
                if (until is not None and time.monotonic() >= until) or (ending is not None and ending.is_set()):
                    raise EmbeddedDatabaseError("Another process is starting the embedded PostgreSQL; try again.")
                time.sleep(_LOOK_EVERY_SECONDS)
            yield
        finally:
            # Unlocked rather than just closed: a process forked meanwhile has inherited the descriptor.
            fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)

    def postmaster(self) -> Postmaster | None:
        """The server process of this cluster, if one is alive."""
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
            process = psutil.Process(int(lines[0]))
            if process.cwd() != str(self.data):
                return None  # The number is another process's by now.
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
        """The server, ready to be connected to; made and started as far as it is not.

        One that is stopping is stopped at once and started again: the sessions that a smart shutdown waits for are
        those of the processes that need the server.

        Args:
            until: when it is given up, on the clock of `time.monotonic`.
            ending: gives it up once it is set.

        Raises:
            EmbeddedDatabaseError: it cannot be started, or does not get ready in time.
        """
        until = time.monotonic() + _PATIENCE_SECONDS if until is None else until
        while time.monotonic() < until:
            if ending is not None and ending.is_set():
                raise EmbeddedDatabaseError("This process is ending and starts no database any more.")
            postmaster = self.postmaster()
            if postmaster is None:
                self._open_way()
                if not self.data.exists():
                    self._create(durable=durable)
                self._start(durable=durable)
            elif postmaster.suspended:
                _resume(postmaster)
            elif postmaster.stopping:
                self.stop()
            elif postmaster.ready and _has_database(postmaster):
                return postmaster
            else:  # The process that started or stopped it was killed half-way; it will be ready or gone.
                time.sleep(_LOOK_EVERY_SECONDS)
        raise EmbeddedDatabaseError(f"The embedded PostgreSQL does not get ready; see {self.log}.")

    def stop(self) -> None:
        """Stops the server, if it runs, and breaks off whatever is still connected to it."""
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
            self._run("pg_ctl", "stop", "-D", self.data, "-m", mode, "-w", "-t", str(seconds))
        except EmbeddedDatabaseError:
            if self.postmaster() is not None:
                raise
            # It ended by itself, or another process was faster.

    def _open_way(self) -> None:
        """As root: lets the server's account get to the cluster and to the programs."""
        if self.account.uid == os.geteuid():
            return
        package = binaries.package()
        self.account.open_way(self.folder)
        self.account.open_way(package)
        for tree in (package, *package.parent.glob(f"{package.name}.libs")):
            self.account.open_for_reading(tree)

    def _create(self, *, durable: bool) -> None:
        # Made beside its place and moved there when it is complete: whoever is killed half-way leaves no half cluster.
        unfinished = self.folder / "data.unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        locale = ["--locale=C"]
        if binaries.newest() >= 17:  # Characters by Unicode, order by code point; the same on every machine.
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # "trust" suits a socket in a folder that only the server's account (and root) may enter.
        options = ["--encoding=UTF8", *locale, f"--username={USER}", "--auth=trust", "--no-instructions"]
        self._run("initdb", "-D", unfinished, *options, *([] if durable else ["--no-sync"]))
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
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        try:
            self._run(
                "pg_ctl", "start", "-D", self.data, "-l", self.log, "-w", "-t", str(_PATIENCE_SECONDS), "-o", options
            )
        except EmbeddedDatabaseError:
            if self.postmaster() is None:
                raise
            # The `pg_ctl` of somebody who was killed got there first.

    def _remove_leftovers(self) -> None:
        # PostgreSQL believes a lock file as long as any process, were it a zombie, has the number that stands in it.
        socket_path = self._socket_path()
        for leftover in (self.data / "postmaster.pid", socket_path, socket_path.with_name(f"{socket_path.name}.lock")):
            leftover.unlink(missing_ok=True)

    def _refuse_hidden_server(self) -> None:
        """Two servers on one cluster would destroy it, and a container's is not among the processes seen here."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._socket_path()))
            except (FileNotFoundError, ConnectionRefusedError):
                return
        raise EmbeddedDatabaseError(
            f"A PostgreSQL that is not among the processes seen here, such as one in a container, uses {self.data}: "
            f"stop it, or set TANDEM_DATA_DIR to another folder."
        )

    def _end_orphans(self) -> None:
        """Ends what is left of a server whose first process was killed: a new one would refuse to start beside it."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while orphans := [process for process in psutil.process_iter() if self._is_orphan(process)]:
            if time.monotonic() > deadline:
                raise EmbeddedDatabaseError(f"Processes of an earlier PostgreSQL on {self.data} do not end: {orphans}.")
            for process in orphans:  # Nothing is lost: what a crash leaves undone, the new server recovers.
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.01)

    def _is_orphan(self, process: psutil.Process) -> bool:
        try:
            return process.name() == "postgres" and process.cwd() == str(self.data)
        except psutil.Error:  # Gone meanwhile, or another user's.
            return False

    def _socket_path(self) -> Path:
        elsewhere = f"tandem-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]}"
        # Where the account already owns a folder of this name, or makes it; `Account.own` refuses anybody else's.
        temporary = (tempfile.gettempdir(), "/tmp")  # noqa: S108
        path = Path()
        for folder in (self.folder / "run", *(Path(parent) / elsewhere for parent in temporary)):
            path = folder / f".s.PGSQL.{PORT}"
            # To libpq a comma separates hosts.
            if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES and "," not in str(path):
                break
        return path

    def _run(self, program: str, *arguments: str | Path) -> None:
        try:
            done = self.account.run(self._programs() / program, *arguments, cwd=self.folder)
        except PermissionError as exc:
            raise EmbeddedDatabaseError(
                f"PostgreSQL cannot be run as the user {self.account.name} ({exc}): start Tandem as an ordinary user, "
                f"or set DATABASE_URL."
            ) from exc
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())
            raise EmbeddedDatabaseError(f"The embedded PostgreSQL: {program} failed; see {self.log}. It said: {said}")

    def _programs(self) -> Path:
        """The programs of the version that made the cluster; for a new one the newest."""
        made_by = self.data / "PG_VERSION"
        version = int(made_by.read_text()) if made_by.exists() else binaries.newest()
        if version not in binaries.programs():
            raise EmbeddedDatabaseError(
                f"{self.data} was made by PostgreSQL {version}, and the installed wheel has only "
                f"{', '.join(map(str, binaries.programs()))}: install the wheel that made it and dump your data, or "
                f"remove the folder to begin anew."
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
    """Makes our database if need be. False: the server does not answer, because it is being stopped."""
    try:
        server = psycopg2.connect(
            host=postmaster.socket_folder,
            port=postmaster.port,
            user=USER,
            dbname="postgres",
            connect_timeout=_ANSWER_SECONDS,
        )
    except psycopg2.OperationalError as exc:
        # A server that is full is there: the caller's own connection attempt reports it.
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
