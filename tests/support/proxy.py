"""A wire that can be cut: a TCP proxy between a client and a server."""

import socket
import struct
import threading
from contextlib import suppress

#: Closing then sends "connection reset", as a killed process does.
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on a port of its own.

    Attributes:
        swallows: answers get lost.
        swallowed_bytes: how much of them did.
        connections: how many there were.
        cuts: how often one was broken.
    """

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = host, int(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._left: dict[bool, int | None] = {True: None, False: None}
        self.connections = self.cuts = 0
        self.swallows = False
        self.swallowed_bytes = 0
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Break the present connections."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
            self.cuts += bool(pairs)
        for ends in pairs:
            for end in ends:
                with suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def cut_after(self, answered_bytes: int) -> None:
        """Break the present connections after this many more bytes of answers."""
        self._left[True] = answered_bytes

    def cut_after_sent(self, sent_bytes: int) -> None:
        """Break the present connections after this many more bytes of requests."""
        self._left[False] = sent_bytes

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._upstream)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._pairs.add((near, far))
                self.connections += 1
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, target, source is far), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while passed := source.recv(4096):
                if answers and self.swallows:
                    self.swallowed_bytes += len(passed)
                    continue
                target.sendall(passed)
                left = self._left[answers]
                if left is not None:
                    self._left[answers] = left - len(passed) if left > len(passed) else None
                    if self._left[answers] is None:
                        self.cut()
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
