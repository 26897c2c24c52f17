"""The child process that decodes one PDF file.

PDFium is written in C++ and reads untrusted files: some abort it, some could take it over. So it runs here only, with
an empty environment and the limits of `restrict`, which are set before PDFium is loaded. The file is an open
descriptor; the results are lines of JSON on the standard output. The process ends when its standard input is closed,
which the kernel does if the parent is killed.
"""

import json
import os
import resource
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

#: Open descriptors, of which PDFium uses some for fonts.
MAX_DESCRIPTORS = 16
#: Bytes written to a pipe at once.
_CHUNK = 2**20


def restrict(memory_bytes: int, cpu_seconds: int) -> None:
    """Limit what this process may use, for good. Leave out limits that the platform lacks."""
    for name, limit in (
        ("RLIMIT_AS", memory_bytes),
        ("RLIMIT_CPU", cpu_seconds),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NOFILE", MAX_DESCRIPTORS),
        ("RLIMIT_CORE", 0),
    ):
        with suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (limit, limit))
    # Beyond its processor time this process ends, even within C++; Python ignores the signal of a file that is written.
    for number in (signal.SIGPROF, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    # Ctrl-C signals the whole process group, but the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_with_parent() -> None:
    """End this process once the standard input is closed."""

    def wait() -> None:
        with suppress(OSError):
            while os.read(0, 1024):
                pass
        os._exit(0)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def write(message: dict[str, Any]) -> None:
    """Write a message as one line. End the process if the parent is gone."""
    line = memoryview(json.dumps(message, separators=(",", ":")).encode() + b"\n")
    try:
        while line:
            line = line[os.write(1, line[:_CHUNK]) :]
    except OSError:
        os._exit(0)


def main() -> None:
    """Run the order in the first argument on the descriptor that it names."""
    order = json.loads(sys.argv[1])
    end_with_parent()
    restrict(order["memory_bytes"], order["cpu_seconds"])
    signal.alarm(order["alarm_seconds"])

    # Only now, under the limits.
    from drawing_engine.decoding import run

    run(order, write)
    # Without freeing what PDFium holds, which a damaged file may have corrupted.
    os._exit(0)
