"""Opening of files that commands read, and their progress on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click


class Counted:
    """A file whose read bytes a progress bar shows."""

    def __init__(self, file: BinaryIO, bar: Any) -> None:
        self._file = file
        self._bar = bar
        self._read = 0

    def read(self, size: int) -> bytes:
        # Of a pipe, reads the available bytes only, so that rows do not wait for later ones.
        part: bytes = self._file.read1(size)  # type: ignore[attr-defined]
        self._read += len(part)
        return part

    def show(self) -> None:
        self._bar.update(self._read - self._bar.pos)


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open the file at this path; `-` is standard input."""
    if path == "-":
        yield sys.stdin.buffer
        return
    with Path(path).open("rb") as file:
        yield file


def progress(label: str, total: int) -> Any:
    """Return a progress bar on standard error, hidden unless that is a terminal and the total is known."""
    hidden = not (total and sys.stderr.isatty())
    return click.progressbar(length=total, label=label, file=sys.stderr, hidden=hidden)
