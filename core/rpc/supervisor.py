"""The parent of several server processes on one port, or of one that is restarted when the source changes.

The parent serves no calls. It starts its children as new programs, not by forking, which grpcio does not survive. The
kernel distributes connections over the children (SO_REUSEPORT).

A child that dies is restarted, because the others hold streams and calls that must not be interrupted. A child that
dies before it has served would die again; then all children are ended and the parent exits with the child's exit code.

SIGHUP replaces the children one after the other: a new one serves before its predecessor drains.
"""

import logging
import os
import queue
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from watchfiles import PythonFilter, watch

from core.rpc.server import CannotServeError, Signals

logger = logging.getLogger(__name__)

_CHECK_INTERVAL_SECONDS = 0.2
#: Time for a child to end, in addition to the time for draining.
_EXIT_SECONDS = 10.0
#: Time for a new child to serve, in a rolling restart.
_START_SECONDS = 120.0


def reserve_port(host: str, port: int) -> socket.socket:
    """Reserve a port that the children share, against other programs. The socket does not listen.

    Raises:
        CannotServeError: the port is in use.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, place = addresses[0]
    reserved = socket.socket(family, kind, protocol)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind(place)
    except OSError as exc:
        reserved.close()
        raise CannotServeError(f"Cannot listen on port {port} of {host}: {exc.strerror}.") from exc
    return reserved


def supervise(
    children: list["Child"],
    commands: Sequence[Sequence[str]],
    signals: Signals,
    *,
    drain_seconds: float,
    reload: Sequence[Path] = (),
) -> int:
    """Run one child for each command until a signal is received. Forward this signal and the next one to the children.

    Args:
        children: an empty list, which then always holds the present children.
        commands: `--child-of` and `--ready-fd` are added to each.
        drain_seconds: how long a child may take to drain.
        reload: folders; when Python source in them changes, the children are restarted.

    Returns:
        The exit code: the highest of the children's.
    """
    changed = threading.Event()
    if reload:
        threading.Thread(target=_watch, args=(reload, changed), name="reload", daemon=True).start()
    children[:] = [Child(command) for command in commands]
    while True:
        try:
            signum = signals.get(timeout=_CHECK_INTERVAL_SECONDS)
        except queue.Empty:
            pass
        else:
            if signum == signal.SIGHUP:
                signum = _restart_each(children, signals, drain_seconds)
            if signum:
                logger.info("Signal %d: ending the server processes.", signum)
                return _end(children, signals, drain_seconds).code
        if reload:
            if changed.is_set():
                changed.clear()
                logger.info("The source has changed: restarting.")
                end = _end(children, signals, drain_seconds)
                if end.signalled:
                    return end.code
                children[:] = [Child(command) for command in commands]
        elif failed := _replace_dead(children):
            _end(children, signals, drain_seconds)
            return failed


class Child:
    """A server process."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self._ready, announce = os.pipe()
        # In its own process group: a terminal sends Ctrl-C to the whole group, and the child would get it twice.
        self.process = subprocess.Popen(  # noqa: S603
            [*command, f"--child-of={os.getpid()}", f"--ready-fd={announce}"], pass_fds=[announce], process_group=0
        )
        os.close(announce)
        self._announced = b""
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def has_served(self) -> bool:
        """True once it has started to accept calls."""
        return self._announcement() != b""

    @property
    def metrics_port(self) -> int | None:
        """The port of its metrics on this machine; None if it has none, or does not serve yet."""
        return int(self._announcement() or b"0") or None

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        """Close the pipe from a child that has ended."""
        with self._lock:
            self._is_closed = True
            os.close(self._ready)

    def _announcement(self) -> bytes:
        """Return what the child wrote when it started to accept calls: the port of its metrics, or 0."""
        with self._lock:
            if not self._announced and not self._is_closed and select.select([self._ready], [], [], 0)[0]:
                self._announced = os.read(self._ready, 64)
            return self._announced


def announce(descriptor: int, metrics_port: int) -> None:
    """Announce to the parent that this child accepts calls, and where its metrics are; 0 = nowhere."""
    os.write(descriptor, str(metrics_port).encode())
    os.close(descriptor)


def metrics_ports(children: Sequence[Child]) -> Mapping[str, int | None]:
    """Return the ports of the children's metrics, by the children's numbers."""
    return {str(number): child.metrics_port for number, child in enumerate(list(children))}


def end_with_parent(parent: int, signals: Signals) -> None:
    """Put SIGTERM into the signals when the parent process has ended, because it can no longer forward any."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_CHECK_INTERVAL_SECONDS)
        signals.put(signal.SIGTERM)

    threading.Thread(target=look, name="parent", daemon=True).start()


def _replace_dead(children: list[Child]) -> int:
    """Restart children that have died. Returns the exit code of one that died before it had served, else 0."""
    for place, child in enumerate(children):
        if child.is_alive:
            continue
        code = child.process.returncode
        if not child.has_served:
            logger.error("Server process %d failed to start (exit code %d).", child.process.pid, code)
            return _exit_code(child) or 1
        logger.error("Server process %d has died (exit code %d): restarting it.", child.process.pid, code)
        child.close()
        children[place] = Child(child.command)
    return 0


def _restart_each(children: list[Child], signals: Signals, drain_seconds: float) -> int:
    """Replace each child by a new one, which serves before its predecessor is ended; so calls always find a process.

    If a new child does not serve, the remaining former ones continue.

    Returns:
        A signal that ends the server, which was received in between; 0 = there was none.
    """
    logger.info("Restarting %d server processes, one after the other.", len(children))
    for number, former in enumerate(list(children)):
        successor = Child(former.command)
        children.append(successor)  # So that a signal ends it, too.
        if signum := _wait(partial(_has_begun, successor), signals, _START_SECONDS):
            return signum
        if not successor.has_served:
            logger.error("The new server process %d does not serve; the former ones continue.", successor.process.pid)
            _remove(children, successor)
            return 0
        children[number], children[-1] = successor, former
        former.process.terminate()
        if signum := _wait(partial(_has_ended, former), signals, drain_seconds + _EXIT_SECONDS):
            return signum
        _remove(children, former)
    logger.info("All server processes were restarted.")
    return 0


def _has_begun(child: Child) -> bool:
    return child.has_served or not child.is_alive


def _has_ended(child: Child) -> bool:
    return not child.is_alive


def _wait(condition: Callable[[], bool], signals: Signals, seconds: float) -> int:
    """Wait for the condition, for this time at most. Returns a signal that was received; 0 = there was none."""
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        try:
            if (signum := signals.get(timeout=_CHECK_INTERVAL_SECONDS)) != signal.SIGHUP:
                return signum
        except queue.Empty:
            pass
    return 0


def _remove(children: list[Child], child: Child) -> None:
    """Kill the child if it still runs, and remove it."""
    if child.is_alive:
        child.process.kill()
    child.process.wait()
    children.remove(child)
    child.close()


class _End(NamedTuple):
    """The result of ending the children: the highest exit code, and whether another signal was received."""

    code: int
    signalled: bool


def _end(children: list[Child], signals: Signals, drain_seconds: float) -> _End:
    """End all children; forward each further signal, and kill those that do not end in time."""
    _send_signal(children, signal.SIGTERM)
    until = time.monotonic() + drain_seconds + _EXIT_SECONDS
    signalled = False
    while any(child.is_alive for child in children):
        try:
            _send_signal(children, signals.get(timeout=_CHECK_INTERVAL_SECONDS))
            signalled = True
        except queue.Empty:
            if time.monotonic() >= until:
                _send_signal(children, signal.SIGKILL)
    for child in children:
        child.close()
    return _End(max(map(_exit_code, children)), signalled)


def _exit_code(child: Child) -> int:
    """Wait for the child. Returns its exit code as a shell does: 128 + the signal's number, if a signal ended it."""
    code = child.process.wait()
    return code if code >= 0 else 128 - code


def _send_signal(children: list[Child], signum: int) -> None:
    for child in children:
        if child.is_alive:
            child.process.send_signal(signum)


def _watch(folders: Sequence[Path], changed: threading.Event) -> None:
    for _ in watch(*folders, watch_filter=PythonFilter(), raise_interrupt=False):
        changed.set()
