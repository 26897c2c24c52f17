"""Several server processes on one port, or one that is restarted when the source changes: the parent's part.

The parent serves nothing. Its children are started as programs of their own, before any channel or server exists here:
grpcio does not survive a fork. The kernel spreads connections over the children (SO_REUSEPORT).

A child that dies is started again, because the others hold streams and calls that need not suffer from it; but one that
dies before it served would do so again, so then everything ends, and whoever started us sees why.
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
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from watchfiles import PythonFilter, watch

from core.rpc.server import CannotServeError, Signals

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.2
#: What a child gets to end, above the time that it takes to drain.
_PATIENCE_SECONDS = 10.0


def reserve_port(host: str, port: int) -> socket.socket:
    """Holds a port for the children, who share it, against everybody else. Listens to nothing.

    Raises:
        CannotServeError: the port is taken.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, place = found[0]
    reserved = socket.socket(family, kind, protocol)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind(place)
    except OSError as exc:
        reserved.close()
        raise CannotServeError(f"Cannot listen on port {port} of {host}: {exc.strerror}.") from exc
    return reserved


def supervise(
    commands: Sequence[Sequence[str]], signals: Signals, *, drain_seconds: float, reload: Sequence[Path] = ()
) -> int:
    """Runs one child for each command until a signal comes; passes it on, and the next one too.

    Args:
        commands: each is given `--child-of` and `--ready-fd` on top.
        drain_seconds: how long a child may take to end.
        reload: folders; when Python source in them changes, the children are started anew.

    Returns:
        The exit code: the highest of the children's.
    """
    changed = threading.Event()
    if reload:
        threading.Thread(target=_watch, args=(reload, changed), name="reload", daemon=True).start()
    children = [Child(command) for command in commands]
    while True:
        try:
            signum = signals.get(timeout=_LOOK_EVERY_SECONDS)
        except queue.Empty:
            pass
        else:
            logger.info("Signal %d: passing it on.", signum)
            return _end(children, signals, drain_seconds).code
        if reload:
            if changed.is_set():
                changed.clear()
                logger.info("The source has changed: starting again.")
                end = _end(children, signals, drain_seconds)
                if end.signalled:
                    return end.code
                children = [Child(command) for command in commands]
        elif failed := _replace_dead(children):
            _end(children, signals, drain_seconds)
            return failed


class Child:
    """A server process."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self._ready, announce = os.pipe()
        # In a group of its own: a terminal sends Ctrl-C to its whole group, and the child would be told twice.
        self.process = subprocess.Popen(  # noqa: S603
            [*command, f"--child-of={os.getpid()}", f"--ready-fd={announce}"], pass_fds=[announce], process_group=0
        )
        os.close(announce)

    @property
    def has_served(self) -> bool:
        """Whether it has got as far as taking calls."""
        readable, _, _ = select.select([self._ready], [], [], 0)
        return bool(readable) and os.read(self._ready, 1) != b""

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        """Forgets a child that is dead."""
        os.close(self._ready)


def end_with_parent(parent: int, signals: Signals) -> None:
    """Ends this process, as a signal would, when its parent is gone and so nobody would pass one on."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_EVERY_SECONDS)
        signals.put(signal.SIGTERM)

    threading.Thread(target=look, name="parent", daemon=True).start()


def _replace_dead(children: list[Child]) -> int:
    """Starts again what has died; the exit code of one that died before it served, else 0."""
    for place, child in enumerate(children):
        if child.is_alive:
            continue
        code = child.process.returncode
        if not child.has_served:
            logger.error("Server process %d could not serve (exit code %d).", child.process.pid, code)
            return _exit_code(child) or 1
        logger.error("Server process %d has died (exit code %d): starting another.", child.process.pid, code)
        child.close()
        children[place] = Child(child.command)
    return 0


class _End(NamedTuple):
    """How the children ended: the highest exit code, and whether a signal came meanwhile."""

    code: int
    signalled: bool


def _end(children: list[Child], signals: Signals, drain_seconds: float) -> _End:
    """Ends all of them, at once if a signal comes."""
    _tell(children, signal.SIGTERM)
    until = time.monotonic() + drain_seconds + _PATIENCE_SECONDS
    signalled = False
    while any(child.is_alive for child in children):
        try:
            _tell(children, signals.get(timeout=_LOOK_EVERY_SECONDS))
            signalled = True
        except queue.Empty:
            if time.monotonic() >= until:
                _tell(children, signal.SIGKILL)
    for child in children:
        child.close()
    return _End(max(map(_exit_code, children)), signalled)


def _exit_code(child: Child) -> int:
    """As a shell gives it: 128 + the signal's number, if one has ended the process."""
    code = child.process.wait()
    return code if code >= 0 else 128 - code


def _tell(children: list[Child], signum: int) -> None:
    for child in children:
        if child.is_alive:
            child.process.send_signal(signum)


def _watch(folders: Sequence[Path], changed: threading.Event) -> None:
    for _ in watch(*folders, watch_filter=PythonFilter(), raise_interrupt=False):
        changed.set()
