"""Keepalive of TCP connections: the kernel probes a silent peer, and ends the connection if it has vanished."""

import socket

_IDLE_SECONDS, _INTERVAL_SECONDS, _PROBES = 15, 5, 4
#: When a connection ends whose peer no longer answers.
GONE_SECONDS = _IDLE_SECONDS + _INTERVAL_SECONDS * _PROBES
_OPTIONS = {"TCP_KEEPIDLE": _IDLE_SECONDS, "TCP_KEEPINTVL": _INTERVAL_SECONDS, "TCP_KEEPCNT": _PROBES}


def enable(sock: socket.socket) -> None:
    """Probe the peer of this connection. The connections that a listening socket accepts inherit it."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        # Not every system has each.
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
