"""The parent's side of the child process of a document."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drawing_engine.pages import Code, Limits
from drawing_engine.protocol import MAX_LINE_BYTES

#: Seconds between two questions whether the caller cancelled.
_POLL_SECONDS = 0.05
#: How much longer than its wall-clock time a document's child may live, if its parent is stopped.
_ALARM_SECONDS = 60
_CHUNK = 2**20
_TOO_LONG = "The page takes longer than is allowed."
#: Reasons by the signal that ended the child; any other is a crash.
_SIGNALS = {
    signal.SIGPROF: (Code.TIMEOUT, _TOO_LONG),
    signal.SIGXCPU: (Code.TIMEOUT, _TOO_LONG),
    signal.SIGALRM: (Code.TIMEOUT, _TOO_LONG),
    signal.SIGKILL: (Code.OUT_OF_RESOURCES, "The page needs more memory than is allowed."),
}
_CRASHED = (Code.CRASHED, "The page is damaged, or needs more memory than is allowed.")


class ChildEnded(Exception):
    """The child ended, or was ended, before it had finished.

    Attributes:
        code: the reason.
        reason: a sentence for people, about a page.
    """

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Child:
    """A child process that reads one file; a context manager that ends it.

    Args:
        descriptor: of the open file.
        limits: of the document.
        task: `pages` or `render` (drawing_engine/decoding.py).

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(self, descriptor: int, limits: Limits, task: dict[str, Any]) -> None:
        order = task | {
            "descriptor": descriptor, "memory_bytes": limits.memory_bytes, "cpu_seconds": limits.cpu_seconds,
            "alarm_seconds": int(limits.document_seconds) + _ALARM_SECONDS,
            "page_cpu_seconds": limits.page_cpu_seconds, "max_pages": limits.pages, "page_side": limits.page_side,
            "segments": limits.segments, "text_characters": limits.text_characters,
            "pixels": limits.pixels,
        }  # fmt: skip
        # -I and -S: nothing of the environment, the current directory or the user's settings is loaded.
        program = f"import sys; sys.path += {_paths()!r}; from drawing_engine.child import main; main()"
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", "-B", "-c", program, json.dumps(order)],
            cwd="/", env={}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
            pass_fds=[descriptor],
        )  # fmt: skip
        self._output = self._process.stdout.fileno()  # type: ignore[union-attr]

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> int:
        """Kill the process if it still runs; return its exit status, negative for a signal."""
        self._process.kill()
        status = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        return status

    def messages(self, seconds: Callable[[], float], cancelled: Callable[[], bool] | None) -> Iterator[dict[str, Any]]:
        """Yield the messages of the child until it ends with status 0.

        Args:
            seconds: returns how long to wait for the next message.
            cancelled: returns whether to stop.

        Raises:
            ChildEnded: it ended otherwise, wrote too much, or took too long.
        """
        output = self._output
        poll = select.poll()
        poll.register(output, select.POLLIN)
        parts: list[bytes] = []
        size = 0
        deadline = time.monotonic() + seconds()
        while True:
            left = deadline - time.monotonic()
            if cancelled and cancelled():
                raise ChildEnded(Code.CANCELLED, "The processing was cancelled.")
            if left <= 0:
                raise ChildEnded(Code.TIMEOUT, _TOO_LONG)
            if not poll.poll(1000 * (min(left, _POLL_SECONDS) if cancelled else left)):
                continue
            chunk = os.read(output, _CHUNK)
            if not chunk:
                self._finish()
                return
            size += len(chunk)
            if size > MAX_LINE_BYTES:
                raise ChildEnded(Code.OUT_OF_RESOURCES, "The page has more content than is allowed.")
            *lines, rest = chunk.split(b"\n")
            for line in lines:
                yield _parsed(b"".join([*parts, line]))
                parts, size = [], len(rest)
                deadline = time.monotonic() + seconds()
            parts.append(rest)

    def _finish(self) -> None:
        """Take note of the end of the output.

        Raises:
            ChildEnded: the exit status is not 0.
        """
        try:
            status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            raise ChildEnded(*_CRASHED) from None
        if status:
            raise ChildEnded(*_SIGNALS.get(signal.Signals(-status), _CRASHED) if status < 0 else _CRASHED)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise ChildEnded(*_CRASHED)
    return message


def _paths() -> list[str]:
    """Return the directories of the packages that the child imports."""
    pdfium = find_spec("pypdfium2_raw")
    return [
        str(Path(__file__).parents[1]),
        *([str(Path(pdfium.origin).parents[1])] if pdfium and pdfium.origin else []),
    ]
