"""The embedded PostgreSQL: a real server under `<data dir>/postgres`, started by its first user, stopped by its last.

    <data dir>/postgres/     belongs to the server's account, closed to everybody else
        data/                the cluster
        run/                 the Unix socket; there is no TCP port. Where that path does not suit a socket: a folder of
                             the same kind under the system's temporary folder
        server.log           what PostgreSQL says
        users.lock           every process that uses the server holds a shared lock on it for its life
        start.lock           held, exclusively, by who joins or leaves, starts or stops

A process joins with its first connection (see `backend`) and leaves when it exits. Who leaves last (it gets
`users.lock` exclusively) stops the server. The kernel drops the locks of a process that is killed, so nobody ever waits
for the dead: a server that was left running is used by whoever comes next, and one that was killed is started again.
Locks say who may act; whether the server runs is asked of the process that `postmaster.pid` names, never of the file
alone, which outlives its process.
"""

import atexit
import contextlib
import fcntl
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

from embedded_postgres.cluster import NAME, USER, Cluster, Postmaster
from embedded_postgres.errors import EmbeddedDatabaseError

logger = logging.getLogger(__name__)


def ensure_running(data_dir: Path, *, durable: bool = True) -> dict[str, Any]:
    """Starts the server unless it runs, and counts this process among its users until it exits.

    Safe to call at any time from any thread or process. While the server runs, a repeated call costs one small file and
    one look at the process.

    Args:
        data_dir: the server's files are in its subfolder `postgres`.
        durable: False starts the server without flushing to disk: faster, and what it holds may be lost or broken when
            the machine crashes. Without effect on a server that runs already.

    Returns:
        ENGINE, NAME, USER, HOST and PORT for Django's `DATABASES`.

    Raises:
        EmbeddedDatabaseError: it cannot be started; the message says what to do.
    """
    try:
        postmaster = _use(_cluster(data_dir), durable=durable)
    except OSError as exc:
        raise EmbeddedDatabaseError(f"The embedded PostgreSQL under {data_dir} cannot be used: {exc}.") from exc
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": NAME,
        "USER": USER,
        "HOST": postmaster.socket_folder,
        "PORT": postmaster.port,
    }


def release(data_dir: Path) -> None:
    """Ends this process's use of the server before it exits, and stops the server if nobody else uses it."""
    cluster = _cluster(data_dir)
    with _guard:
        if cluster in _held:
            _leave(cluster)


def end_waiting() -> None:
    """Has no thread of this process, which is about to end, wait for the server any more."""
    _ending.set()


_LEAVING_SECONDS = 10
#: How long a thread waits for the server to be there, for other threads and processes that start it included.
_PATIENCE_SECONDS = 60

# This process's shared locks on `users.lock`: descriptors.
_held: dict[Cluster, int] = {}
_guard = threading.RLock()
#: When it was last found that the server cannot be started, and why: threads that waited meanwhile need not try, too.
_failed: dict[Cluster, tuple[float, EmbeddedDatabaseError]] = {}
_ending = threading.Event()


def _cluster(data_dir: Path) -> Cluster:
    return Cluster((data_dir / "postgres").resolve())


def _use(cluster: Cluster, *, durable: bool) -> Postmaster:
    asked = time.monotonic()
    with _guard:
        postmaster = cluster.postmaster() if cluster in _held else None
        if postmaster is not None and postmaster.ready:
            return postmaster
        failed_at, failure = _failed.get(cluster, (0.0, None))
        if failure is not None and failed_at >= asked:
            raise EmbeddedDatabaseError(str(failure)) from failure
        cluster.make_folder()
        until = time.monotonic() + _PATIENCE_SECONDS
        try:
            with cluster.exclusively(until=until, ending=_ending):
                _join(cluster)
                return cluster.bring_up(durable=durable, until=until, ending=_ending)
        except EmbeddedDatabaseError as exc:
            _failed[cluster] = (time.monotonic(), exc)
            raise


def _join(cluster: Cluster) -> None:
    lock = os.open(cluster.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    # A lock that was held before may be on a file that is gone: somebody removed the data folder.
    if (before := _held.get(cluster)) is not None:
        os.close(before)
    _held[cluster] = lock


def _leave(cluster: Cluster) -> None:
    lock = _held.pop(cluster)
    try:
        # Nobody can join now, so whoever gets the lock alone is the last; the others get BlockingIOError.
        # No process waits for longer at its end: a server that is left behind is used by the next one.
        until = time.monotonic() + _LEAVING_SECONDS
        with cluster.exclusively(until=until), contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            cluster.stop()
    except (EmbeddedDatabaseError, OSError) as exc:
        # The process is exiting: there is nobody left to tell but the log.
        logger.warning("The embedded PostgreSQL under %s was not stopped: %s", cluster.folder, exc)
    finally:
        os.close(lock)


def _leave_all() -> None:
    with _guard:
        for cluster in list(_held):
            _leave(cluster)


def _forget_after_fork() -> None:
    """A forked child joins by itself; closing the inherited descriptors leaves its parent's locks as they are."""
    global _guard
    _guard = threading.RLock()
    _failed.clear()
    for lock in _held.values():
        os.close(lock)
    _held.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
atexit.register(_leave_all)
