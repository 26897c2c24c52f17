"""HTTP/2 as frames on a connection, for what clients' libraries never send."""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

PATIENCE_SECONDS = 20
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
CANCEL, ENHANCE_YOUR_CALM = 8, 11
#: Of GOAWAY and RST_STREAM.
ERRORS = {
    0: "NO_ERROR", 1: "PROTOCOL_ERROR", 2: "INTERNAL_ERROR", 7: "REFUSED_STREAM", 8: "CANCEL", 9: "COMPRESSION_ERROR",
    11: "ENHANCE_YOUR_CALM",
}  # fmt: skip
_NAMES = {DATA: "DATA", HEADERS: "HEADERS", PING: "PING", SETTINGS: "SETTINGS", 8: "WINDOW_UPDATE"}
_LENGTH = struct.Struct(">I")


class Http2:
    """A connection whose client sends any frames, and counts those that it receives.

    Attributes:
        received: how many frames of each type; GOAWAY and RST_STREAM with the name of their error.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.received: Counter[str] = Counter()
        self._socket = socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS)
        self._closed = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))
        self._reader.start()

    def send(self, data: bytes) -> bool:
        """Send frames; return False if the server has closed the connection."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def is_closed(self, seconds: float = PATIENCE_SECONDS) -> bool:
        """Return whether the server closes the connection within this time."""
        return self._closed.wait(seconds)

    def __enter__(self) -> "Http2":
        return self

    def __exit__(self, *raised: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # It stays open while it is being read otherwise.
        self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        file = self._socket.makefile("rb")
        try:
            while len(head := file.read(9)) == 9:
                kind, flags = head[3], head[4]
                length = int.from_bytes(head[:3], "big")
                payload = file.read(length)
                if len(payload) < length:
                    break  # The connection was closed within a frame.
                if kind == SETTINGS and not flags & ACK:
                    self.send(frame(SETTINGS, ACK, 0))
                if kind in (RST_STREAM, GOAWAY):
                    (code,) = _LENGTH.unpack(payload[4 * (kind == GOAWAY) :][:4])
                    name = f"{'GOAWAY' if kind == GOAWAY else 'RST_STREAM'} {ERRORS.get(code, code)}"
                else:
                    name = _NAMES.get(kind, str(kind))
                self.received[name] += 1
        except (OSError, ValueError):
            pass
        finally:
            file.close()
            self._closed.set()


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return one frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + _LENGTH.pack(stream) + payload


def call_of(path: str, metadata: Mapping[str, str] = {}) -> bytes:
    """Return the header block of a call over gRPC."""
    fields = {
        ":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost", "te": "trailers",
        "content-type": "application/grpc", **metadata,
    }  # fmt: skip
    return b"".join(literal(name, text) for name, text in fields.items())


def literal(name: str, text: str, *, kept: bool = False) -> bytes:
    """Return a header field without compression (RFC 7541, 6.2).

    Args:
        kept: the receiver keeps it in its table, so that `REPEATED` repeats it.
    """
    return bytes((0x40 if kept else 0x00,)) + _text(name) + _text(text)


#: The field that was kept last, in one byte.
REPEATED = bytes((0x80 | 62,))


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) < 127:
        return bytes((len(data),)) + data
    rest, encoded = len(data) - 127, bytearray((127,))
    while rest >= 128:
        encoded.append(rest % 128 | 128)
        rest //= 128
    return bytes((*encoded, rest)) + data
