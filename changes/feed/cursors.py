"""Cursors: where in the feed a client goes on, signed.

A cursor is good for the operation and the filter that it was made for, with any of this server's keys, until what
follows it is pruned. It grants nothing: what its bearer sees is asked anew.
"""

import base64
import binascii
import hashlib
import json
import struct
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from changes.feed.log import Head
from core.errors import CursorExpired, CursorInvalid, EpochChanged
from core.hmac_digests import hmac_digests

_FORM = struct.Struct(">16sQ8s")
_SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the cursors of one stream have in common.

    Attributes:
        binding: of the operation and the filter.
        rights: of what the caller is allowed beyond what is their own.
    """

    binding: bytes
    rights: bytes


def stamp(operation: str, bound_to: Any, rights: Collection[Any]) -> Stamp:
    """The stamp of a stream.

    Args:
        bound_to: the filter, as JSON values.
        rights: what decides which subjects the caller sees, beside which ones are their own.
    """
    filtered = json.dumps([operation, bound_to], sort_keys=True, default=str)
    return Stamp(_short(f"cursor:{filtered}", 32), _short(repr(sorted(rights)), 8))


def write(stamp: Stamp, epoch: uuid.UUID, seq: int) -> str:
    """The cursor that goes on after this number: base64url characters only."""
    position = _FORM.pack(epoch.bytes, seq, stamp.rights)
    signature = hmac_digests(stamp.binding + position)[0][:_SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(position + signature).decode()


def read(cursor: str, stamp: Stamp, head: Head) -> int:
    """The number after which the cursor goes on.

    Raises:
        CursorInvalid: it is not ours, of another operation or filter, or ahead of the head.
        EpochChanged: it is of another log; or its bearer's rights were others, so that there may be subjects that came
            into view or left it without having changed.
        CursorExpired: what follows it is not kept any more.
    """
    try:
        decoded = base64.b64decode(cursor, altchars=b"-_", validate=True)
        position, signature = decoded[: _FORM.size], decoded[_FORM.size :]
        epoch, seq, rights = _FORM.unpack(position)
    except (binascii.Error, ValueError, struct.error) as exc:
        raise CursorInvalid("This is no cursor of ours.") from exc
    if not any(
        compare_digest(digest[:_SIGNATURE_BYTES], signature) for digest in hmac_digests(stamp.binding + position)
    ):
        raise CursorInvalid("This cursor is not of this operation with this filter.")
    if epoch != head.epoch.bytes:
        raise EpochChanged("This cursor is of a log that is no more: start over from the initial state.")
    if rights != stamp.rights:
        raise EpochChanged("What you may see has changed since: start over from the initial state.")
    if seq > head.seq:
        raise CursorInvalid("This cursor is ahead of the log.")
    check_kept(seq, head)
    return int(seq)


def check_kept(seq: int, head: Head) -> None:
    """Refuses to go on after a number whose successor is pruned.

    Raises:
        CursorExpired
    """
    if seq + 1 < head.oldest:
        raise CursorExpired("What follows this cursor is no longer kept: start over from the initial state.")


def _short(text: str, size: int) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:size]
