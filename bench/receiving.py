"""A client for thousands of event streams, in its own process, whose cost is hardly more than the kernel's.

It implements only the necessary part of HTTP/2, because a real client (20 to 50 us per message in Python) would
dominate the measurement. It reads only the mark of each message; tests check the rest.
"""

import multiprocessing
import re
import selectors
import socket
import struct
import time
from array import array
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

#: Marks a measured event, with its number.
MARK = "bench-%08d"
_MARK = re.compile(rb"bench-(\d{8})")

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 4, 6, 7, 8
_ACK = _END_STREAM = 0x1
_END_HEADERS = 0x4
_INITIAL_WINDOW_SIZE = 4
#: Larger than all data that will be sent, so that no window update is needed.
_WIDE = 2**31 - 1
#: Smaller than the first event.
_NARROW = 64


class Receiver:
    """The receiving process. Its streams stay open until it ends."""

    def __init__(self, address: str, path: str, message: bytes | None, headers: dict[str, str]) -> None:
        """Start the process.

        Args:
            message: of the gRPC call; None = server-sent events over HTTP/1.1, a connection for each stream.
        """
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        arguments = (other, address, path, message, headers)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        other.close()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def open(self, streams: int, *, reading: bool = True) -> None:
        """Open another connection with this many streams. Without `reading`, they receive no events."""
        self._ask("open", streams, reading)

    def seen(self) -> int:
        """Return how many events were received since the last `take`."""
        return self._ask("seen")

    def take(self) -> tuple["array[int]", "array[float]"]:
        """Return the numbers of the events received since the last `take`, and the time of each, by `time.monotonic`.

        Raises:
            RuntimeError: a stream or a connection has ended.
        """
        return self._ask("take")

    def _ask(self, *command: Any) -> Any:
        self._pipe.send(command)
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


class _EventSource:
    """A stream of server-sent events that reports the number of each event."""

    def __init__(self, address: str, path: str, headers: dict[str, str]) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        lines = [f"GET {path} HTTP/1.1", f"host: {address}", *(f"{name}: {text}" for name, text in headers.items())]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._rest = b""
        self.ended = 0

    def receive(self, numbers: "array[int]") -> None:
        received = self.socket.recv(1 << 20)
        if not received:
            raise RuntimeError("The server has closed a stream.")
        *lines, self._rest = (self._rest + received).split(b"\n")
        numbers.extend(int(mark[1]) for line in lines if (mark := _MARK.search(line)))


class _Connection:
    """An HTTP/2 connection that reports the number of each event."""

    def __init__(self, address: str, request: tuple[bytes, bytes], streams: int, reading: bool) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        window = struct.pack(">HI", _INITIAL_WINDOW_SIZE, _WIDE if reading else _NARROW)
        self.socket.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, window))
        self.socket.sendall(_frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", _WIDE - 65_535)))
        headers, data = request
        for number in range(1, 2 * streams, 2):
            self.socket.sendall(
                _frame(_HEADERS, _END_HEADERS, number, headers) + _frame(_DATA, _END_STREAM, number, data)
            )
        self._rest = b""
        self._parts: dict[int, bytes] = {}
        self.ended = 0

    def receive(self, numbers: "array[int]") -> None:
        received = self.socket.recv(1 << 20)
        if not received:
            raise RuntimeError("The server has closed a connection.")
        data, at = self._rest + received, 0
        while len(data) - at >= 9:
            size = int.from_bytes(data[at : at + 3])
            if len(data) - at - 9 < size:
                break
            kind, flags, stream = data[at + 3], data[at + 4], int.from_bytes(data[at + 5 : at + 9])
            payload = data[at + 9 : at + 9 + size]
            at += 9 + size
            if kind == _DATA:
                self._messages(stream, payload, numbers)
            elif kind in (_PING, _SETTINGS) and not flags & _ACK:
                self.socket.sendall(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
            elif kind == _GOAWAY or (kind == _HEADERS and flags & _END_STREAM):
                self.ended += 1
        self._rest = data[at:]

    def _messages(self, stream: int, payload: bytes, numbers: "array[int]") -> None:
        data, at = self._parts.pop(stream, b"") + payload, 0
        while len(data) - at >= 5 and len(data) - at - 5 >= (size := int.from_bytes(data[at + 1 : at + 5])):
            if mark := _MARK.search(data, at, at + 5 + size):
                numbers.append(int(mark[1]))
            at += 5 + size
        if at < len(data):
            self._parts[stream] = data[at:]


def _serve(pipe: Connection, address: str, path: str, message: bytes | None, headers: dict[str, str]) -> None:
    def opened(streams: int, reading: bool) -> Sequence[_Connection | _EventSource]:
        if message is None:
            return [_EventSource(address, path, headers) for _ in range(streams)]
        return [_Connection(address, _call(address, path, message, headers), streams, reading)]

    numbers, times = array("q"), array("d")
    connections: list[_Connection | _EventSource] = []
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not pipe:
                    key.data.receive(numbers)
                    times.extend([time.monotonic()] * (len(numbers) - len(times)))
                    continue
                asked, *arguments = pipe.recv()
                answer: Any = None
                if asked == "open":
                    for connection in opened(*arguments):
                        connections.append(connection)
                        selector.register(connection.socket, selectors.EVENT_READ, connection)
                elif asked == "seen":
                    answer = len(numbers)
                elif ended := sum(connection.ended for connection in connections):
                    answer = RuntimeError(f"{ended} streams have ended.")
                else:
                    answer = numbers, times
                    numbers, times = array("q"), array("d")
                pipe.send(answer)


def _call(address: str, path: str, message: bytes, headers: dict[str, str]) -> tuple[bytes, bytes]:
    """Return the headers and the data of a gRPC call."""
    every = {
        ":method": "POST", ":scheme": "http", ":path": path, ":authority": address,
        "te": "trailers", "content-type": "application/grpc", **headers,
    }  # fmt: skip
    return b"".join(map(_header, every, every.values())), b"\0" + struct.pack(">I", len(message)) + message


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def _header(name: str, value: str) -> bytes:
    """Encode a header as an HPACK literal that is not in a table."""
    return b"\0" + _text(name) + _text(value)


def _text(text: str) -> bytes:
    rest = len(text) - 127
    if rest < 0:
        return bytes([len(text)]) + text.encode()
    length = [127]
    while rest >= 128:
        length.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*length, rest]) + text.encode()
