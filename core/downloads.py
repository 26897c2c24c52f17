"""Files as answers: what an rpc returns whose stream of responses is a file, and how both transports read it.

Its messages are first `metadata` (filename, content_type, size, sha256), then the bytes of the file from the `offset`
of the request on, each message a `chunk`. Over HTTP it is an ordinary download with ranges (`core.rest.downloads`).
"""

import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from django.core.exceptions import ObjectDoesNotExist
from google.protobuf.message import Message

from core.actors import Actor
from core.errors import RangeNotSatisfiable, Unavailable, invalid
from core.feeds import Event, FeedOver, Payload

CHUNK_BYTES = 64 * 1024
#: How much is read, and kept in memory, at a time.
READ_BYTES = 4 * CHUNK_BYTES
#: Types that browsers play and never run as a page.
_PLAYABLE = re.compile(r"(audio|video)/[\w.+-]{1,100}", re.ASCII)
OTHER_TYPE = "application/octet-stream"
GONE = "The file is no longer in the storage."


def playable_type(content_type: str) -> str:
    """Return this media type if it is one of sound or film, else that of any bytes: a page, or a drawing with scripts,
    must not run as part of this site.
    """
    kind = content_type.partition(";")[0].strip().lower()
    return kind if _PLAYABLE.fullmatch(kind) else OTHER_TYPE


class OpenFile(Protocol):
    """A file of a storage."""

    def seek(self, position: int, /) -> Any: ...
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class Download:
    """A file to be sent, or a part of it: a `core.feeds.Feed`. It is opened when it is first read.

    Args:
        response_class: the rpc's response.
        metadata: of the file, as its first message has it.
        open_file: opens the file. An OSError means that the storage cannot be read at present.
        offset: where the part begins.

    Raises:
        ValidationError, RangeNotSatisfiable: on `offset`.
    """

    #: Reading may wait for the storage, so the transports do it in other threads than those of live streams.
    behind = True

    def __init__(
        self, response_class: type[Message], metadata: Any, open_file: Callable[[], OpenFile], offset: int = 0
    ) -> None:
        if offset < 0:
            raise invalid("offset", "range", "The offset is negative.")
        self._response_class: Any = response_class
        self.metadata = metadata
        self._open_file = open_file
        self._file: OpenFile | None = None
        self._ahead = b""
        self._has_begun = False
        self._is_closed = False
        self._failure: Any = None
        self._wake: Callable[[], None] = lambda: None
        self._reading = threading.Lock()
        if offset > metadata.size:
            raise RangeNotSatisfiable(metadata.size)
        self.select(offset, metadata.size)

    def select(self, start: int, end: int) -> None:
        """Send the bytes from `start` up to, not including, `end`. Only before the first read."""
        self._at, self._left = start, end - start

    def read_ahead(self) -> None:
        """Read the first bytes, so that a missing file is found before the answer has begun."""
        try:
            self._ahead = self.read()
        except BaseException:
            self.close()
            raise

    def read(self) -> bytes:
        """Return the next bytes; empty at the end, and after `close`. One thread at a time calls it.

        Raises:
            ObjectDoesNotExist: the file is gone.
            Unavailable: the storage cannot be read, or has less than it should.
            Failure: why the download has ended.
        """
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            return ahead
        try:
            with self._reading:
                return self._read()
        finally:
            self._close_if_wanted()

    def _read(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        if self._is_closed or not self._left:
            return b""
        try:
            if self._file is None:
                self._file = self._open_file()
                self._file.seek(self._at)
            data = self._file.read(min(READ_BYTES, self._left))
        except FileNotFoundError as exc:  # Some storages open a file when it is read.
            raise ObjectDoesNotExist(GONE) from exc
        except OSError as exc:
            raise Unavailable("The storage cannot be read at present; try again.") from exc
        if not data:
            raise Unavailable("The file in the storage is incomplete.")
        self._left -= len(data)
        return data

    def start(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        wake()

    def take(self, limit: int) -> Sequence[Event]:
        """Take the metadata, then the next chunks.

        Raises:
            Exception: as `read`. FeedOver: the file has ended.
        """
        if not self._has_begun:
            self.read_ahead()
            self._has_begun = True
            return [self._event(metadata=self.metadata)]
        data = self.read()
        if not data:
            raise FeedOver
        return [self._event(chunk=data[at : at + CHUNK_BYTES]) for at in range(0, len(data), CHUNK_BYTES)]

    def _event(self, **part: Any) -> Event:
        return Event("", Payload(self._response_class(**part)), "")

    def authorize(self, actor: Actor) -> None:
        """Do nothing: a download that has begun may be completed."""

    def end(self, failure: Any) -> None:
        self._failure = failure
        self._wake()

    def close(self) -> None:
        """Close the file, or have the thread that reads it do so. Never waits for the storage."""
        self._is_closed = True
        self._close_if_wanted()

    def _close_if_wanted(self) -> None:
        if self._is_closed and self._reading.acquire(blocking=False):
            try:
                if self._file is not None:
                    self._file.close()
            finally:
                self._reading.release()
