"""The embedded node: a child of this process, on a Unix socket that only its user can access.

It is started on first use, and restarted after it has died. It ends with this process, even if that is killed: the
kernel then closes its standard input. It decodes untrusted files, so it gets a separate environment, without the
server's secrets.
"""

import json
import logging
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from meetings.speech.client import Connection, SpeechClient
from meetings.speech.node import EngineUnavailable
from telemetry import tracing
from telemetry.metrics_address import NODE_PORT

logger = logging.getLogger(__name__)

#: How long the node may take to start.
START_SECONDS = 30.0
#: The kernel's limit for the path of a socket, without the final null; that of macOS, the lowest.
MAX_PATH_LENGTH = 100
#: Concurrent calls; each slow job makes one.
STREAMS = 16
_NOT_STARTED = "The speech node could not be started. The worker's log states the reason."
_LEVELS = logging.getLevelNamesMapping()


class EmbeddedNode(SpeechClient):
    """The node of this process.

    Args:
        address: the folder of a model for speech to text that it uses before its own; empty = none.

    Raises:
        ImproperlyConfigured: there is no such folder.
    """

    restarts_itself = True

    def __init__(self, address: str) -> None:
        if address and not (Path(address).is_absolute() and Path(address).is_dir()):
            raise ImproperlyConfigured(
                "SPEECH_NODES must list embedded:// alone or with a model's folder, as embedded:///srv/model; one is "
                f"'embedded://{address}'."
            )
        super().__init__(self._connect_child)
        self._model_folder = address
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._connection: Connection | None = None
        self._socket: Path | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the child; None while there is none."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def lives(self) -> bool:
        return self.pid is not None and super().lives()

    def give_up(self) -> None:
        """Kill the node unless it answers after all. The next call starts another one."""
        if not self.lives():
            self.close()

    def close(self) -> None:
        with self._lock:
            self._end()

    def _connect_child(self) -> Connection:
        """Return a connection to the child; start the child if it is not running."""
        with self._lock:
            if self._connection is None or self.pid is None:
                self._end()
                try:
                    self._connection = self._start()
                except OSError as exc:
                    self._end()
                    logger.warning("The speech node could not be started.", exc_info=True)
                    raise EngineUnavailable(_NOT_STARTED) from exc
            return self._connection

    def _start(self) -> Connection:
        folder = _folder()
        self._socket = folder / f"{os.getpid()}-{time.monotonic_ns():x}"
        # A node stores whole files. They belong on this disk, as /tmp may be small or in memory.
        environment = {"TMPDIR": str(_room()), "PATH": os.defpath, "LANG": "C.UTF-8", **tracing.variables()}
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [
                sys.executable, "-m", "speechnode", "--listen", f"unix:{self._socket}", "--end-with-stdin",
                "--log", "json", "--max-streams", str(STREAMS),
                "--max-file-mib", str(settings.MAX_RECORDING_BYTES // 2**20 + 1),
                "--max-seconds", str(settings.MAX_RECORDING_SECONDS),
                "--metrics-host", settings.METRICS_HOST, *_metrics_port(),
                *(("--model-dir", self._model_folder) if self._model_folder else ()),
            ],
            cwd=settings.BASE_DIR, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", bufsize=1,
            # Ctrl-C goes to this process only, which then stops the node in order.
            process_group=0,
        )  # fmt: skip
        threading.Thread(target=_forward_log, args=(self._process.stderr,), name="node-log", daemon=True).start()
        if not _serves(self._process):
            self._end()
            raise EngineUnavailable(_NOT_STARTED)
        logger.info("The speech node is serving (process %d).", self._process.pid)
        return Connection(f"unix:{self._socket}")

    def _end(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
        if self._process:
            # The group: the recogniser that the node started must not outlive it.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
            self._process = None
        if self._socket:
            self._socket.unlink(missing_ok=True)


def _metrics_port() -> list[str]:
    # Where the port is free: a second worker of this machine starts its node without metrics.
    return [] if settings.NODE_METRICS_PORT == NODE_PORT else ["--metrics-port", str(settings.NODE_METRICS_PORT)]


def _serves(process: "subprocess.Popen[str]") -> bool:
    """Wait for the line "Serving …" on the node's standard output; return whether it was printed in time."""
    if (output := process.stdout) is None:
        return False
    readable, _, _ = select.select([output], [], [], START_SECONDS)
    return bool(readable) and output.readline().startswith("Serving")


def _folder() -> Path:
    """Return the directory of the sockets, accessible to the user only. Remove the sockets of dead processes."""
    folder = Path(settings.DATA_DIR) / "run" / "speech"
    if len(os.fsencode(folder)) > MAX_PATH_LENGTH - 32:
        # A path shared by all processes of this user, so that abandoned sockets are found, too.
        folder = Path(tempfile.gettempdir()) / f"tandem-speech-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise EngineUnavailable("The directory of the speech node's socket belongs to another user.")
    for left in folder.iterdir():
        owner = left.name.partition("-")[0]
        if owner.isdecimal() and not _runs(int(owner)):
            left.unlink(missing_ok=True)
    return folder


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _room() -> Path:
    """Return the node's directory for unnamed temporary files."""
    folder = Path(settings.DATA_DIR) / "media" / "speech"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _forward_log(lines: Iterable[str]) -> None:
    """Write the node's log lines to the log of this process."""
    for line in lines:
        try:
            fields = json.loads(line)
            level = _LEVELS.get(str(fields.pop("level")), logging.INFO)
            message = str(fields.pop("message"))
        except (ValueError, KeyError, AttributeError):
            logger.warning("Output of the speech node: %s", line.rstrip())
            continue
        # The name of the service remains: it is the node's.
        for name in ("timestamp", "logger", "function", "line"):
            fields.pop(name, None)
        logger.log(level, "speech node: %s", message, extra={"call": fields})
