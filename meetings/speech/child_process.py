"""The node that comes along: a child of this process, on a Unix socket that is the user's alone.

It is started when it is first needed, and again when it has died. It ends when this process does, however that went:
the kernel then closes its standard input. Files of strangers are decoded there, so it knows none of our secrets: it
gets an environment of its own.
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
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from meetings.speech.client import Connection, SpeechClient
from meetings.speech.protocols import (
    AudioRequest,
    Call,
    Detected,
    Done,
    Engine,
    EngineUnavailable,
    Final,
    Progress,
    SpeakerTrack,
    Summary,
    SummaryRequest,
    Turn,
)

logger = logging.getLogger(__name__)

#: How long it may take to serve.
START_SECONDS = 30.0
#: What the kernel takes for a socket's path, less what ends it; macOS takes the least.
MAX_PATH_LENGTH = 100
#: Calls at once; each slow job makes one.
STREAMS = 16
_NOT_STARTED = "The speech node could not be started; the worker's log says why."
_LEVELS = logging.getLevelNamesMapping()


class EmbeddedNode:
    """The node of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._connection: Connection | None = None
        self._socket: Path | None = None
        self._wire = SpeechClient(self._connected)

    @property
    def pid(self) -> int | None:
        """Of the child; None while there is none."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def engines(self) -> Sequence[Engine]:
        return self._wire.engines()

    def lives(self) -> bool:
        return self.pid is not None and self._wire.lives()

    def transcribe(
        self, audio: Iterable[bytes], asked: AudioRequest, call: Call
    ) -> Iterator[Final | Progress | Detected | Done]:
        return self._wire.transcribe(audio, asked, call)

    def diarize(
        self, audio: Iterable[bytes], asked: AudioRequest, call: Call
    ) -> Iterator[SpeakerTrack | Turn | Progress | Done]:
        return self._wire.diarize(audio, asked, call)

    def summarize(self, asked: SummaryRequest, call: Call) -> Summary:
        return self._wire.summarize(asked, call)

    def give_up(self) -> None:
        """Kills it unless it answers after all; whoever needs it next starts another."""
        if not self.lives():
            self.close()

    def close(self) -> None:
        with self._lock:
            self._end()

    def _connected(self) -> Connection:
        """A connection to the child, which is started if there is none."""
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
        # A node takes whole files in, on this disk and not on whatever /tmp is.
        environment = {"TMPDIR": str(_room()), "PATH": os.defpath, "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [
                sys.executable, "-m", "speechnode", "--listen", f"unix:{self._socket}", "--end-with-stdin",
                "--log", "json", "--max-streams", str(STREAMS),
                "--max-file-mib", str(settings.MAX_RECORDING_BYTES // 2**20 + 1),
                "--max-seconds", str(settings.MAX_RECORDING_SECONDS),
            ],
            cwd=settings.BASE_DIR, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", bufsize=1,
            # Ctrl-C is for this process, which then ends it in order.
            process_group=0,
        )  # fmt: skip
        threading.Thread(target=_pass_on, args=(self._process.stderr,), name="node-log", daemon=True).start()
        if not _serves(self._process):
            self._end()
            raise EngineUnavailable(_NOT_STARTED)
        logger.info("The speech node serves (process %d).", self._process.pid)
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


def _serves(process: "subprocess.Popen[str]") -> bool:
    """Waits for the line that says so."""
    if (told := process.stdout) is None:
        return False
    readable, _, _ = select.select([told], [], [], START_SECONDS)
    return bool(readable) and told.readline().startswith("Serving")


def _folder() -> Path:
    """Where the sockets are: the user's alone. Those that dead processes left are removed."""
    folder = Path(settings.DATA_DIR) / "run" / "speech"
    if len(os.fsencode(folder)) > MAX_PATH_LENGTH - 32:
        # One that everybody of this user finds, so that what was left behind is found, too.
        folder = Path(tempfile.gettempdir()) / f"tandem-speech-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise EngineUnavailable("The folder of the speech node's socket is another user's.")
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
    """Where the node may put files; they have no names there."""
    folder = Path(settings.DATA_DIR) / "media" / "speech"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _pass_on(lines: Iterable[str]) -> None:
    """Writes the node's log lines into ours."""
    for line in lines:
        try:
            told = json.loads(line)
            level = _LEVELS.get(str(told.pop("level")), logging.INFO)
            message = str(told.pop("message"))
        except (ValueError, KeyError, AttributeError):
            logger.warning("The speech node says: %s", line.rstrip())
            continue
        for name in ("timestamp", "service", "logger", "function", "line"):
            told.pop(name, None)
        logger.log(level, "speech node: %s", message, extra={"call": told} if told else None)
