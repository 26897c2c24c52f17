"""Addresses of peers in the notation of grpcio."""

from urllib.parse import unquote


def address_of_peer(peer: str) -> str:
    """Return the address, with its port, that grpcio writes as `ipv4:host:port` or `ipv6:%5Bhost%5D:port`.

    Returns:
        Empty for a peer without an address, such as a Unix socket.
    """
    kind, _, rest = peer.partition(":")
    return unquote(rest) if kind in ("ipv4", "ipv6") else ""
