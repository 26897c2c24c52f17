"""HTTP as bytes on a connection, for what clients' libraries never send."""

import json
import socket
from dataclasses import dataclass
from email.parser import BytesParser
from typing import Any
from urllib.parse import urlsplit

PATIENCE_SECONDS = 20


@dataclass
class Answered:
    """An answer as it was sent: its interim answers' statuses, its status, headers (names in lower case) and body."""

    interim: list[int]
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        return str(self.document["reason"])

    @property
    def pointers(self) -> dict[str, str]:
        return {error["pointer"]: error["code"] for error in self.document["errors"]}


class Connection:
    """A connection to an HTTP server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS)
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(
        self, verb: str, target: str, body: bytes | None = None, *, chunked: bool = False, version: str = "1.1",
        **headers: str,
    ) -> Answered:  # fmt: skip
        """Make a request. Underscores in the names of headers are sent as hyphens."""
        self.send(framed(verb, target, self.host, body, chunked=chunked, version=version, **headers))
        return self.answer(verb)

    def answer(self, verb: str = "GET") -> Answered:
        """Read an answer to its end."""
        interim = []
        while True:
            status, headers = self.head()
            if status >= 200:
                break
            interim.append(status)
        if verb == "HEAD" or status in (204, 304):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self._chunk, b""))
        elif "content-length" in headers:
            body = self.file.read(int(headers["content-length"]))
        else:
            body = self.file.read()
        return Answered(interim, status, headers, body)

    def is_closed(self, seconds: float = PATIENCE_SECONDS) -> bool:
        """Return whether the server closes the connection within this time, without sending more."""
        self.socket.settimeout(seconds)
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def head(self) -> tuple[int, dict[str, str]]:
        first = self.file.readline()
        assert first.startswith(b"HTTP/1.1 "), first
        lines = list(iter(self.file.readline, b"\r\n"))
        headers = BytesParser().parsebytes(b"".join(lines))
        return int(first.split()[1]), {name.lower(): value for name, value in headers.items()}

    def _chunk(self) -> bytes:
        data = self.file.read(int(self.file.readline(), 16))
        self.file.readline()
        return data


def framed(
    verb: str, target: str, host: str, body: bytes | None, *, chunked: bool = False, version: str = "1.1",
    **headers: str,
) -> bytes:  # fmt: skip
    """Return a request as bytes; its body in chunks of different sizes, or with its length."""
    lines = [f"{verb} {target} HTTP/{version}", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (in_chunks(body) if chunked and body is not None else body or b"")


def in_chunks(body: bytes) -> bytes:
    """Return the body in chunks of one byte, two bytes, four …"""
    chunks, size = [], 1
    while body:
        chunks.append(b"%x\r\n%b\r\n" % (len(body[:size]), body[:size]))
        body, size = body[size:], size * 2
    return b"".join(chunks) + b"0\r\n\r\n"
