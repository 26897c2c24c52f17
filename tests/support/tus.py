"""A plain client of tus 1.0 over a real connection, for tests: it sends what it is given, and adds nothing but the
version.
"""

import base64
import http.client
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PIECE = "application/offset+octet-stream"


@dataclass(frozen=True)
class Answer:
    """An answer of the server; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Of what was created."""
        return urlsplit(self.headers["location"]).path

    @property
    def offset(self) -> int:
        return int(self.headers["upload-offset"])


class TusClient:
    """Calls one server; each call has a connection of its own.

    Args:
        headers: sent with every call.
    """

    def __init__(self, http_url: str, **headers: str) -> None:
        self._place = urlsplit(http_url).netloc
        self._headers = {"Tus-Resumable": "1.0.0", **named(headers)}

    def __call__(
        self, method: str, path: str = "/api/v1/uploads", body: bytes | Iterable[bytes] = b"", **headers: str
    ) -> Answer:
        """Make a call. A body that is an iterable is sent in chunks; an empty header is left out."""
        connection = http.client.HTTPConnection(self._place, timeout=60)
        sent = {name: value for name, value in {**self._headers, **named(headers)}.items() if value}
        in_chunks = not isinstance(body, bytes)
        if in_chunks:
            sent["Transfer-Encoding"] = "chunked"
        elif not body and method in ("POST", "PATCH"):
            sent["Content-Length"] = "0"
        body_or_none: Any = body or None
        try:
            connection.request(method, path, body_or_none, sent, encode_chunked=in_chunks)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def create(self, length: int, **headers: str) -> Answer:
        """Begin an upload of a new meeting."""
        wanted = {"Upload_Length": str(length), "Upload_Metadata": metadata(title="Talk")} | headers
        return self("POST", **wanted)

    def patch(self, path: str, offset: int, piece: bytes | Iterable[bytes], **headers: str) -> Answer:
        return self("PATCH", path, piece, **{"Content_Type": PIECE, "Upload_Offset": str(offset)} | headers)

    def head(self, path: str) -> Answer:
        return self("HEAD", path)


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def metadata(**texts: str) -> str:
    """Return the value of `Upload-Metadata`."""
    return ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in texts.items())
