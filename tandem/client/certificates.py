"""Client certificates whose files are replaced while the client runs: new calls use a channel with the new ones."""

from __future__ import annotations

import logging
import ssl
import threading
import time
import weakref
from pathlib import Path
from typing import Any, Callable, Generic, NamedTuple, TypeVar

import grpc
from grpc import aio

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


Channel = TypeVar("Channel", grpc.Channel, aio.Channel)


class _Renewal(Generic[Channel]):
    """The channel with the present certificate, and the former ones, which close with the last of their streams.

    Args:
        open_channel: returns a channel with these credentials.
    """

    def __init__(self, files: ClientCertificate, open_channel: Callable[[grpc.ChannelCredentials], Channel]) -> None:
        self._files = files
        self._open: Callable[[grpc.ChannelCredentials], Channel] = open_channel
        self._lock = threading.Lock()
        self._stamps = files.stamps()
        self._channel: Channel = open_channel(files.credentials())
        self._former: weakref.WeakSet[Channel] = weakref.WeakSet()
        self._look_at = time.monotonic() + _LOOK_SECONDS

    def present(self) -> Channel:
        """Return the channel for new calls."""
        if time.monotonic() >= self._look_at:
            with self._lock:
                self._look_at = time.monotonic() + _LOOK_SECONDS
                if (stamps := self._files.stamps()) != self._stamps:
                    self._renew(stamps)
        return self._channel

    def channels(self) -> list[Channel]:
        """Return the present channel, and the former ones that still have streams."""
        with self._lock:
            found: list[Channel] = [self._channel]
            found.extend(self._former)
            return found

    def rpc(self, kind: str, *arguments: Any, **options: Any) -> Any:
        """Return a callable of an rpc.

        Args:
            kind: the name of the method of a channel, such as `unary_unary`.
        """
        return _Latest(lambda: getattr(self.present(), kind)(*arguments, **options))

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


class _Rpcs:
    """The rpcs of a renewed channel."""

    _renewal: _Renewal[Any]

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        return self._renewal.rpc("unary_unary", *arguments, **options)

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        return self._renewal.rpc("unary_stream", *arguments, **options)

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        return self._renewal.rpc("stream_unary", *arguments, **options)

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        return self._renewal.rpc("stream_stream", *arguments, **options)


class RenewedChannel(_Rpcs, grpc.Channel):
    """A channel that is made anew when the files of its certificate change, because grpcio's cannot change theirs.

    Streams continue on the channel on which they began, until the server ends them.

    Args:
        open_channel: returns a channel with these credentials.
    """

    def __init__(
        self, files: ClientCertificate, open_channel: Callable[[grpc.ChannelCredentials], grpc.Channel]
    ) -> None:
        self._renewal = _Renewal(files, open_channel)

    def subscribe(self, *arguments: Any, **options: Any) -> None:
        self._renewal.present().subscribe(*arguments, **options)

    def unsubscribe(self, *arguments: Any, **options: Any) -> None:
        self._renewal.present().unsubscribe(*arguments, **options)

    def close(self) -> None:
        """Close the channel, and the former ones that still have streams."""
        for channel in self._renewal.channels():
            channel.close()

    def __enter__(self) -> RenewedChannel:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class RenewedAsyncChannel(_Rpcs, aio.Channel):
    """`RenewedChannel` for asyncio."""

    _renewal: _Renewal[aio.Channel]

    def __init__(
        self, files: ClientCertificate, open_channel: Callable[[grpc.ChannelCredentials], aio.Channel]
    ) -> None:
        self._renewal = _Renewal(files, open_channel)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._renewal.present().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._renewal.present().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._renewal.present().channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Close the channel, and the former ones that still have streams."""
        for channel in self._renewal.channels():
            await channel.close(grace)

    async def __aenter__(self) -> RenewedAsyncChannel:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()


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
