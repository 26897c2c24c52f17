"""Frames of gRPC-Web and Connect: a byte of flags, the length in four bytes, and the data."""

import struct
import zlib

from django.conf import settings

from core.errors import invalid, request_too_large

_COMPRESSED = 0x01
_HEAD = struct.Struct(">BI")
#: Bytes of a frame besides its data.
HEAD_BYTES = _HEAD.size


def frame(data: bytes, flags: int = 0) -> bytes:
    """Return one frame."""
    return _HEAD.pack(flags, len(data)) + data


def only_message(body: bytes, encoding: str) -> bytes:
    """Return the data of a body that has to be one frame with a message.

    Args:
        encoding: of the data, if its flag is set.

    Raises:
        ValidationError: it is not.
        TooLarge: the message is too large.
    """
    if not body:
        raise invalid("", "required", "Send one request message.")
    if len(body) < HEAD_BYTES:
        raise invalid("", "invalid", "The frame of the message is incomplete.")
    flags, length = _HEAD.unpack_from(body)
    if length > settings.MAX_MESSAGE_BYTES:
        raise request_too_large(settings.MAX_MESSAGE_BYTES)
    if flags not in (0, _COMPRESSED):
        raise invalid("", "invalid", f"A frame with the flags 0x{flags:02x} is not a request message.")
    if len(body) < HEAD_BYTES + length:
        raise invalid("", "invalid", "The frame of the message is incomplete.")
    if len(body) > HEAD_BYTES + length:
        raise invalid("", "invalid", "Send one request message, and nothing after it.")
    return decompressed(body[HEAD_BYTES:], encoding) if flags else body[HEAD_BYTES:]


def decompressed(data: bytes, encoding: str) -> bytes:
    """Return data without this encoding.

    Raises:
        ValidationError: it is not in this encoding.
        TooLarge: it is too large without it.
    """
    if encoding == "identity":
        return data
    stream, limit = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), settings.MAX_MESSAGE_BYTES
    try:
        plain = stream.decompress(data, limit + 1)
    except zlib.error as exc:
        raise invalid("", "invalid", "The message is not valid gzip.") from exc
    if len(plain) > limit:
        raise request_too_large(limit)
    if not stream.eof or stream.unused_data:
        raise invalid("", "invalid", "The message is not valid gzip.")
    return plain
