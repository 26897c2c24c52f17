"""Files that consist of several, one after the other, as `cat` or a recorder that continues a file makes them.

FFmpeg reads some of them as one. Of others it decodes the first only, or takes the second for damage.
"""

import io
import os
from collections.abc import Callable, Iterator
from typing import BinaryIO

_BLOCK_BYTES = 1 << 20
#: The longest part of a beginning that is checked.
_LOOK_BYTES = 300
#: Maximum number of files in one; the last of them has the rest.
_MAX_PARTS = 1000


class View(io.RawIOBase):
    """A part of a file, with its own position. Several views may be read in turn.

    Args:
        file: seekable.
        start: first byte of the part.
        end: byte after the last one.
    """

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        super().__init__()
        self._file = file
        self._start = start
        self.size = max(0, end - start)
        self._at = 0

    def again(self) -> "View":
        """Return another view of the same part."""
        return View(self._file, self._start, self._start + self.size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self.size - self._at)
        self._file.seek(self._start + self._at)
        data = self._file.read(left if size is None or size < 0 else min(size, left))
        self._at += len(data)
        return data


def views(file: BinaryIO) -> list[View]:
    """Return the files that a file consists of; itself, if it is one."""
    end = file.seek(0, os.SEEK_END)
    starts = [0, *_later_starts(file, end)]
    return [View(file, start, until) for start, until in zip(starts, [*starts[1:], end], strict=True)]


def _later_starts(file: BinaryIO, end: int) -> list[int]:
    file.seek(0)
    head = file.read(_LOOK_BYTES)
    if head[4:8] == b"ftyp":
        found = _movies(file, end)
    elif begins := next((begins for mark, begins in _BEGINNINGS if head.startswith(mark) and begins(head)), None):
        mark = next(mark for mark, known in _BEGINNINGS if known is begins)
        places = _places(file, mark, begins)
        found = _chain_starts(file, places) if mark == _OGG else (place for place in places if place)
    else:
        return []
    return [start for start, _ in zip(found, range(_MAX_PARTS - 1), strict=False)]


def _places(file: BinaryIO, mark: bytes, begins: Callable[[bytes], bool]) -> Iterator[int]:
    """Yield the places of a mark at which a file begins."""
    block, at = b"", 0
    while True:
        file.seek(at + len(block))
        more = file.read(_BLOCK_BYTES)
        block += more
        # A mark near the end is found again with what follows it.
        last = len(block) - (_LOOK_BYTES if more else 0)
        place = block.find(mark)
        while 0 <= place < last:
            if begins(block[place : place + _LOOK_BYTES]):
                yield at + place
            place = block.find(mark, place + 1)
        if not more:
            return
        kept = max(0, last)
        block, at = block[kept:], at + kept


def _chain_starts(file: BinaryIO, first_pages: Iterator[int]) -> Iterator[int]:
    """Yield where chained Ogg streams begin. Streams side by side have their first pages side by side."""
    expected = 0
    for place in first_pages:
        if place and place != expected:
            yield place
        file.seek(place)
        header = file.read(27 + 255)
        expected = place + 27 + header[26] + sum(header[27 : 27 + header[26]])


def _movies(file: BinaryIO, end: int) -> Iterator[int]:
    """Yield where a movie begins after the boxes of another."""
    at = 0
    while at + 8 <= end:
        file.seek(at)
        header = file.read(16)
        if at and header[4:8] == b"ftyp":
            yield at
        size = int.from_bytes(header[:4], "big")
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        if size < 8:
            return
        at += size


_OGG = b"OggS\x00\x02"
#: The beginning of a file in each format, and what else is true of it.
_BEGINNINGS: tuple[tuple[bytes, Callable[[bytes], bool]], ...] = (
    (b"RIFF", lambda head: head[8:12] == b"WAVE"),
    (b"fLaC", lambda head: len(head) > 8 and head[4] & 0x7F == 0 and head[5:8] == b"\x00\x00\x22"),
    (b"\x1a\x45\xdf\xa3", lambda head: b"webm" in head[:64] or b"matroska" in head[:64]),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", lambda head: True),
    (b"FORM", lambda head: head[8:12] in (b"AIFF", b"AIFC")),
    (b"FLV\x01", lambda head: head[5:9] == b"\x00\x00\x00\x09"),
    (b"caff\x00\x01\x00\x00", lambda head: True),
    (b"#!AMR", lambda head: head[5:6] in (b"\n", b"-")),
    (_OGG, lambda head: len(head) > 27),
)
