"""Files that commands read: opened, and how far they were read shown on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click


class Counted:
    """A file, how much of which was read the bar shows."""

    def __init__(self, file: BinaryIO, bar: Any) -> None:
        self._file = file
        self._bar = bar
        self._read = 0

    def read(self, size: int) -> bytes:
        # As much as is there, of a pipe: its rows are not kept waiting for others.
        part: bytes = self._file.read1(size)  # type: ignore[attr-defined]
        self._read += len(part)
        return part

    def show(self) -> None:
        self._bar.update(self._read - self._bar.pos)


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """The file at this path; `-` is standard input."""
    if path == "-":
        yield sys.stdin.buffer
        return
    with Path(path).open("rb") as file:
        yield file


def progress(label: str, total: int) -> Any:
    """A bar on standard error, if that is a terminal and the total is known."""
    hidden = not (total and sys.stderr.isatty())
    return click.progressbar(length=total, label=label, file=sys.stderr, hidden=hidden)
