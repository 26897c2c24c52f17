"""Frames of gRPC-Web and Connect: a byte of flags, the length in four bytes, and the data."""

import struct

from django.conf import settings

from core.errors import invalid, request_too_large
from core.web_rpc.wire import Unimplemented

COMPRESSED = 0x01
_HEAD = struct.Struct(">BI")
#: Bytes of a frame besides its data.
HEAD_BYTES = _HEAD.size


def frame(data: bytes, flags: int = 0) -> bytes:
    """Return one frame."""
    return _HEAD.pack(flags, len(data)) + data


def only_message(body: bytes) -> bytes:
    """Return the data of a body that has to be one frame with a message.

    Raises:
        ValidationError: it is not.
        TooLarge: the message is too large.
        Unimplemented: the message is compressed.
    """
    if not body:
        raise invalid("", "required", "Send one request message.")
    if len(body) < HEAD_BYTES:
        raise invalid("", "invalid", "The frame of the message is incomplete.")
    flags, length = _HEAD.unpack_from(body)
    if length > settings.MAX_MESSAGE_BYTES:
        raise request_too_large(settings.MAX_MESSAGE_BYTES)
    if flags == COMPRESSED:
        raise Unimplemented("The server does not read compressed messages; send them uncompressed (identity).")
    if flags:
        raise invalid("", "invalid", f"A frame with the flags 0x{flags:02x} is not a request message.")
    if len(body) < HEAD_BYTES + length:
        raise invalid("", "invalid", "The frame of the message is incomplete.")
    if len(body) > HEAD_BYTES + length:
        raise invalid("", "invalid", "Send one request message, and nothing after it.")
    return body[HEAD_BYTES:]
