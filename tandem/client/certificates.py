"""Client certificates whose files are replaced while the client runs: new calls use a channel with the new ones."""

from __future__ import annotations

import logging
import ssl
import threading
import time
import weakref
from pathlib import Path
from typing import Any, Callable, NamedTuple

import grpc

logger = logging.getLogger("tandem.client")

#: How often a call looks whether the files have changed.
_LOOK_SECONDS = 1.0


class ClientCertificate(NamedTuple):
    """Files of a client's TLS, in PEM. After a change of any of them, new calls use them.

    Attributes:
        cert: the client's certificate, followed by those between it and its authority.
        key: the private key of the certificate.
        ca: certificates of the authorities of the server; None = the system's.
    """

    cert: Path
    key: Path
    ca: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Read the files.

        Raises:
            OSError: a file cannot be read.
            ValueError: the certificate and the key do not belong together, or are not in PEM.
        """
        cert, key = Path(self.cert).read_bytes(), Path(self.key).read_bytes()
        ca = Path(self.ca).read_bytes() if self.ca else None
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(self.cert, self.key, password="")
        except ssl.SSLError as exc:
            raise ValueError(f"{self.cert} and {self.key} are not a certificate and its key in PEM.") from exc
        return grpc.ssl_channel_credentials(ca, key, cert)

    def stamps(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Return what changes when a file is replaced."""
        return tuple(_stamp(path) for path in self if path is not None)


class RenewedChannel(grpc.Channel):
    """A channel that is made anew when the files of its certificate change, because grpcio's cannot change theirs.

    Streams continue on the channel on which they began, until the server ends them.

    Args:
        open_channel: returns a channel with these credentials.
    """

    def __init__(
        self, files: ClientCertificate, open_channel: Callable[[grpc.ChannelCredentials], grpc.Channel]
    ) -> None:
        self._files = files
        self._open = open_channel
        self._lock = threading.Lock()
        self._stamps = files.stamps()
        self._channel = open_channel(files.credentials())
        self._former: weakref.WeakSet[grpc.Channel] = weakref.WeakSet()
        self._look_at = time.monotonic() + _LOOK_SECONDS

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        return _Latest(lambda: self._current().unary_unary(*arguments, **options))

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        return _Latest(lambda: self._current().unary_stream(*arguments, **options))

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        return _Latest(lambda: self._current().stream_unary(*arguments, **options))

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        return _Latest(lambda: self._current().stream_stream(*arguments, **options))

    def subscribe(self, *arguments: Any, **options: Any) -> None:
        self._current().subscribe(*arguments, **options)

    def unsubscribe(self, *arguments: Any, **options: Any) -> None:
        self._current().unsubscribe(*arguments, **options)

    def close(self) -> None:
        """Close the channel, and the former ones that still have streams."""
        with self._lock:
            channels = [self._channel, *self._former]
        for channel in channels:
            channel.close()

    def __enter__(self) -> RenewedChannel:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _current(self) -> grpc.Channel:
        if time.monotonic() >= self._look_at:
            with self._lock:
                self._look_at = time.monotonic() + _LOOK_SECONDS
                if (stamps := self._files.stamps()) != self._stamps:
                    self._renew(stamps)
        return self._channel

    def _renew(self, stamps: tuple[tuple[int, int, int] | None, ...]) -> None:
        self._stamps = stamps
        try:
            credentials = self._files.credentials()
        except (OSError, ValueError) as exc:
            logger.warning("The former client certificate stays in use: %s", exc)
            return
        # Not closed, which would cut its streams: it ends with the last of them.
        self._former.add(self._channel)
        self._channel = self._open(credentials)
        logger.info("The client certificate was read again.")


class _Latest:
    """A callable of an rpc that is taken from the present channel at each call."""

    def __init__(self, present: Callable[[], Any]) -> None:
        self._present = present

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._present()(*arguments, **options)

    def with_call(self, *arguments: Any, **options: Any) -> Any:
        return self._present().with_call(*arguments, **options)

    def future(self, *arguments: Any, **options: Any) -> Any:
        return self._present().future(*arguments, **options)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
