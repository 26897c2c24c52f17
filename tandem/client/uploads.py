"""Uploads of files: over gRPC in one piece, over HTTP in pieces that resume after a cut (tus 1.0)."""

from __future__ import annotations

import base64
import json
import logging
import random
from pathlib import Path
from typing import Any, BinaryIO, Callable, Iterator, Mapping
from urllib.parse import urlsplit

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tandem.client.errors import TandemError, Unauthenticated, problem_of
from tandem.client.http import Answer, HttpConnection, NotConnected
from tandem.client.runtime import Runtime
from tandem.client.tokens import Credentials

logger = logging.getLogger("tandem.client.uploads")

#: Called with the bytes that the server has, and those of the file.
OnProgress = Callable[[int, int], None]

#: How much of the file one message over gRPC has.
_CHUNK_BYTES = 64 * 1024
#: How much of it one request over HTTP has.
_PIECE_BYTES = 1024 * 1024
_PATH = "/api/v1/uploads"
#: Attempts without a byte that the server stores, before an upload fails; the pauses between them add up to a minute.
_TRIES = 8
_LONGEST_PAUSE_SECONDS = 15.0
#: Reasons after which the upload continues from where the server is. CONFLICT: if that is not where the client was.
_TEMPORARY = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "RATE_LIMITED", "LOCKED", "CONFLICT"})


def parts(request: Any, metadata: Any, path: Path, on_progress: OnProgress | None) -> Iterator[Any]:
    """Return the messages of an upload over gRPC.

    Args:
        request: the type of the messages.
        metadata: for the first one, without the file's name and size.

    Raises:
        OSError: the file cannot be opened.
    """
    return _parts(request, _complete(metadata, path), path.open("rb"), on_progress)


def _parts(request: Any, metadata: Any, opened: BinaryIO, on_progress: OnProgress | None) -> Iterator[Any]:
    with opened as file:
        yield request(metadata=metadata)
        sent = 0
        while chunk := file.read(_CHUNK_BYTES):
            yield request(chunk=chunk)
            sent += len(chunk)
            if on_progress is not None:
                on_progress(sent, metadata.size)


class ResumedUpload:
    """An upload in pieces, which continues after a cut from where the server is.

    The file must not change while it lasts.

    Args:
        metadata: `RecordingMetadata` or `DocumentMetadata`, without the file's name and size.
        purpose: `recording` or `document`.
    """

    def __init__(
        self,
        runtime: Runtime,
        credentials: Credentials,
        connection: HttpConnection,
        path: Path,
        metadata: Any,
        purpose: str,
        on_progress: OnProgress | None,
    ) -> None:
        self._runtime = runtime
        self._credentials = credentials
        self._connection = connection
        self._path = path
        self._metadata = _complete(metadata, path)
        self._purpose = purpose
        self._on_progress = on_progress

    async def run(self) -> Mapping[str, str]:
        """Upload the file. Returns the headers of the last answer, which name what it became.

        Raises:
            OSError: the file cannot be read.
            TandemError: the server refuses it, or cannot be reached for a minute.
        """
        try:
            with self._path.open("rb") as file:
                return await self._send_pieces(file, await self._create())
        finally:
            self._connection.close()

    async def _create(self) -> str:
        """Begin the upload. Returns its path."""
        headers = {"Upload-Length": str(self._metadata.size), "Upload-Metadata": self._encoded_metadata()}
        for tries_left in reversed(range(_TRIES)):
            try:
                answer = await self._request("POST", self._connection.prefix + _PATH, headers)
            # Not after another error: the server may have begun an upload.
            except NotConnected as error:  # noqa: PERF203
                if not tries_left:
                    raise
                await self._pause(_TRIES - tries_left, error)
            else:
                return urlsplit(answer.headers["location"]).path
        raise AssertionError("the last try returns or raises")

    async def _send_pieces(self, file: BinaryIO, path: str) -> Mapping[str, str]:
        size, offset, failures = self._metadata.size, 0, 0
        failure: TandemError | None = None
        answer: Answer | None = None
        while answer is None or offset < size:
            try:
                if failure is None:
                    answer = await self._send_piece(file, path, offset)
                else:
                    answer = await self._request("HEAD", path, {})
            except TandemError as error:
                failures += 1
                if error.reason not in _TEMPORARY or failures >= _TRIES:
                    raise
                failure = error
                await self._pause(failures, error)
                continue
            stored = int(answer.headers["upload-offset"])
            if failure is not None and failure.reason == "CONFLICT" and stored == offset:
                raise failure
            failure = None
            if stored > offset:
                failures = 0
                if self._on_progress is not None:
                    self._on_progress(stored, size)
            offset = stored
        return answer.headers

    async def _send_piece(self, file: BinaryIO, path: str, offset: int) -> Answer:
        file.seek(offset)
        headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        return await self._request("PATCH", path, headers, file.read(_PIECE_BYTES))

    async def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        token = await self._credentials.current()
        try:
            return await self._request_with(token, method, path, headers, body)
        except Unauthenticated:
            if token is None or not await self._credentials.renew(token):
                raise
        return await self._request_with(await self._credentials.current(), method, path, headers, body)

    async def _request_with(
        self, token: str | None, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        sent = {"Tus-Resumable": "1.0.0", **headers}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        answer = await self._runtime.blocking(
            lambda: self._connection.request(method, path, sent, body), self._connection.interrupt
        )
        if answer.status >= 300:
            raise problem_of(answer.status, answer.headers, answer.body)
        return answer

    async def _pause(self, failures: int, error: TandemError) -> None:
        longest = min(_LONGEST_PAUSE_SECONDS, 0.25 * 2.0**failures)
        delay = max(random.uniform(longest / 2, longest), error.retry_after or 0)  # noqa: S311
        logger.info("The upload was cut (%s); resuming in %.1f s.", error, delay)
        await self._runtime.sleep(delay)

    def _encoded_metadata(self) -> str:
        texts = {"purpose": self._purpose}
        for field, value in self._metadata.ListFields():
            if field.name != "size":
                texts["filetype" if field.name == "content_type" else field.name] = _text(value)
        return ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in texts.items())


def _complete(metadata: Any, path: Path) -> Any:
    """Return the metadata with the file's size, and its name unless there is one."""
    complete: Any = type(metadata)()
    complete.CopyFrom(metadata)
    complete.size = path.stat().st_size
    complete.filename = metadata.filename or path.name
    return complete


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Timestamp):
        return str(value.ToJsonString())
    if isinstance(value, (str, int, Message)):
        return str(value)
    return json.dumps(list(value))
