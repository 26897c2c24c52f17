"""The embedded PostgreSQL: a real server under `<data dir>/postgres`, which the first process that uses it starts and
the last one stops.

    <data dir>/postgres/     belongs to the server's account, closed to other users
        data/                the cluster
        run/                 the Unix socket; there is no TCP port. If the path does not suit a socket: a folder of the
                             same kind under the system's temporary folder
        server.log           PostgreSQL's log
        users.lock           every process that uses the server holds a shared lock on it for its life
        start.lock           held exclusively by a process that joins or leaves, starts or stops

A process joins with its first connection (see `core.db.backend`) and leaves when it exits. The last one that leaves (it
gets `users.lock` exclusively) stops the server. The kernel releases the locks of a killed process, so no process waits
for it: the next process uses a server that was left running, and restarts one that was killed. Locks decide which
process may act; whether the server runs is decided by the process that `postmaster.pid` names, never by the file alone,
which outlives its process.
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
    """Start the server unless it runs, and count this process as its user until it exits.

    Safe to call at any time from any thread or process. While the server runs, a repeated call reads one small file and
    checks the process.

    Args:
        data_dir: the server's files are in its subfolder `postgres`.
        durable: False starts the server without flushing to disk: faster, but the data may be lost or corrupted if the
            machine crashes. Without effect on a server that runs already.

    Returns:
        ENGINE, NAME, USER, HOST and PORT for Django's `DATABASES`.

    Raises:
        EmbeddedDatabaseError: it cannot be started; the message states what to do.
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
    """End this process's use of the server before it exits, and stop the server if no other process uses it."""
    cluster = _cluster(data_dir)
    with _guard:
        if cluster in _held:
            _leave(cluster)


def end_waiting() -> None:
    """Stop waiting for the server in all threads of this process, which is about to end."""
    _ending.set()


_LEAVING_SECONDS = 10
#: How long a thread waits for the server, including for other threads and processes that are starting it.
PATIENCE_SECONDS = 60

# This process's shared locks on `users.lock`: descriptors.
_held: dict[Cluster, int] = {}
_guard = threading.RLock()
#: When the last start of the server failed, and why: threads that were waiting for it need not try again.
_failed: dict[Cluster, tuple[float, EmbeddedDatabaseError]] = {}
_ending = threading.Event()


def _cluster(data_dir: Path) -> Cluster:
    return Cluster((data_dir / "postgres").resolve())


def _use(cluster: Cluster, *, durable: bool) -> Postmaster:
    requested_at = time.monotonic()
    with _guard:
        postmaster = cluster.postmaster() if cluster in _held else None
        if postmaster is not None and postmaster.ready:
            return postmaster
        failed_at, failure = _failed.get(cluster, (0.0, None))
        if failure is not None and failed_at >= requested_at:
            raise EmbeddedDatabaseError(str(failure)) from failure
        cluster.make_folder()
        until = time.monotonic() + PATIENCE_SECONDS
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
    # A lock that was held before may be on a deleted file, if the data folder was removed.
    if (before := _held.get(cluster)) is not None:
        os.close(before)
    _held[cluster] = lock


def _leave(cluster: Cluster) -> None:
    lock = _held.pop(cluster)
    try:
        # No process can join now, so a process that gets the exclusive lock is the last; the others get
        # BlockingIOError. The wait is limited: the next process uses a server that is left running.
        until = time.monotonic() + _LEAVING_SECONDS
        with cluster.exclusively(until=until), contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            cluster.stop()
    except (EmbeddedDatabaseError, OSError) as exc:
        # The process is exiting, so the error can only be logged.
        logger.warning("The embedded PostgreSQL under %s was not stopped: %s", cluster.folder, exc)
    finally:
        os.close(lock)


def _leave_all() -> None:
    with _guard:
        for cluster in list(_held):
            _leave(cluster)


def _forget_after_fork() -> None:
    """Forget the parent's locks in a forked child, which joins separately; closing them here does not unlock them."""
    global _guard
    _guard = threading.RLock()
    _failed.clear()
    for lock in _held.values():
        os.close(lock)
    _held.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
atexit.register(_leave_all)
