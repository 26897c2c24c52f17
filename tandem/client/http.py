"""Requests over HTTP, of uploads that resume. They block, with the standard library alone."""

from __future__ import annotations

import http.client
import socket
import ssl
from contextlib import suppress
from typing import Any, Mapping, NamedTuple
from urllib.parse import urlsplit

from tandem.client.certificates import ClientCertificate
from tandem.client.errors import Unavailable


class Answer(NamedTuple):
    """A response, of any status. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotConnected(Unavailable):
    """The server could not be reached, so that it has not received the request."""


class HttpConnection:
    """A connection that opens with the first request, and again after each error. For one thread at a time.

    Args:
        url: of the server, such as `https://tandem.example.com`.
        timeout: seconds without a byte after which a request fails.

    Raises:
        ValueError: the URL is not one of http or https.
        OSError: a file of the certificate cannot be read.
    """

    def __init__(self, url: str, tls: Any, timeout: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is not the address of a server, such as https://tandem.example.com.")
        #: The path below which the server is.
        self.prefix = parts.path.rstrip("/")
        self._is_interrupted = False
        self._connection: http.client.HTTPConnection
        if parts.scheme == "https":
            self._connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout, context=_context(tls)
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send a request, and read the response.

        Raises:
            NotConnected: no connection could be opened.
            Unavailable: the connection broke off.
        """
        if self._connection.sock is None:
            try:
                self._connection.connect()
            except OSError as error:
                self._connection.close()
                raise NotConnected(f"The server cannot be reached: {error}.") from error
        try:
            if self._is_interrupted:
                raise OSError("the request was cancelled")
            self._connection.request(method, path, body or None, dict(headers))
            response = self._connection.getresponse()
            return Answer(response.status, _lower(response.getheaders()), response.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unavailable(f"The connection broke off: {error or type(error).__name__}.") from error

    def interrupt(self) -> None:
        """Have the request of another thread fail, and all further ones."""
        self._is_interrupted = True
        connected = self._connection.sock
        if connected is not None:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _context(tls: Any) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if isinstance(tls, ClientCertificate):
        if tls.ca:
            context = ssl.create_default_context(cafile=str(tls.ca))
        context.load_cert_chain(tls.cert, tls.key)
    return context


def _lower(headers: list[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}
