"""Cursors: signed positions in the feed from which clients resume.

A cursor is valid for the operation and the filter that it was issued for, under any of this server's keys, until the
changes after it are pruned. It grants nothing: the server checks anew what its bearer may see.
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
from typing import Any, NamedTuple

from changes.feed.log import Head
from changes.feed.view import Subscription
from core.actors import Actor
from core.errors import CursorExpired, CursorInvalid, EpochChanged
from core.hmac_digests import hmac_digests

_FORM = struct.Struct(">16sQ8s")
_SIGNATURE_BYTES = 16


class Position(NamedTuple):
    """A position in the feed.

    Attributes:
        seq: number of the last change before it.
        inside: how far the next change has been shown, if that change moves many subjects into the view or out of it
            (`crossing`); empty = it has not begun.
    """

    seq: int
    inside: bytes = b""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The part that all cursors of a stream have in common.

    Attributes:
        binding: digest of the operation and the filter.
        rights: digest of the caller's rights beyond their own subjects.
    """

    binding: bytes
    rights: bytes


def stamp(operation: str, bound_to: Any, rights: Collection[Any]) -> Stamp:
    """Return the stamp of a stream.

    Args:
        bound_to: the filter, as JSON values.
        rights: what decides which subjects the caller sees, apart from their own.
    """
    text = json.dumps([operation, bound_to], sort_keys=True, default=str)
    return Stamp(_digest(f"cursor:{text}", 32), _digest(repr(sorted(rights)), 8))


def stamp_of(view: Subscription, actor: Actor) -> Stamp:
    """Return the part that all cursors of this view and this actor have in common.

    It does not depend on the actor's own subjects, nor on memberships, whose changes are in the log. It depends on the
    types of subjects in the view, even without a filter: subjects of a type that a new release adds enter the view
    without a change.
    """
    of_actor = str(actor.pk)
    rights = {(name, "") for name in view.subject_types}
    for name in view.subject_types:
        rights |= {(name, group) for group in view.groups(name, actor) - {of_actor}}
    return stamp(view.operation, view.bound_to, rights)


def write(stamp: Stamp, epoch: uuid.UUID, seq: int, inside: bytes = b"") -> str:
    """Return the cursor that resumes at this position, in base64url characters."""
    position = _FORM.pack(epoch.bytes, seq, stamp.rights) + inside
    signature = hmac_digests(stamp.binding + position)[0][:_SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(position + signature).decode()


def read(cursor: str, stamp: Stamp, head: Head) -> Position:
    """Return the position at which the cursor resumes.

    Raises:
        CursorInvalid: it is malformed, of another operation or filter, or ahead of the head.
        EpochChanged: it is of another log; or its bearer's rights have changed, so that subjects may have entered or
            left the view without a change.
        CursorExpired: the changes after it are no longer kept.
    """
    try:
        decoded = base64.b64decode(cursor, altchars=b"-_", validate=True)
        position, signature = decoded[:-_SIGNATURE_BYTES], decoded[-_SIGNATURE_BYTES:]
        inside = position[_FORM.size :]
        epoch, seq, rights = _FORM.unpack(position[: _FORM.size])
    except (binascii.Error, ValueError, struct.error) as exc:
        raise CursorInvalid("Invalid cursor: send one that this server gave, or none to start over.") from exc
    if not any(
        compare_digest(digest[:_SIGNATURE_BYTES], signature) for digest in hmac_digests(stamp.binding + position)
    ):
        raise CursorInvalid("This cursor belongs to another operation or filter.")
    if epoch != head.epoch.bytes:
        raise EpochChanged("This cursor belongs to a change log that was replaced; start over from the initial state.")
    if rights != stamp.rights:
        raise EpochChanged("Your access has changed since this cursor; start over from the initial state.")
    if seq > head.seq:
        raise CursorInvalid("This cursor is ahead of the log.")
    check_kept(seq, head)
    return Position(int(seq), inside)


def check_kept(seq: int, head: Head) -> None:
    """Check that the changes after a number are still kept.

    Raises:
        CursorExpired: the next change was pruned.
    """
    if seq + 1 < head.oldest:
        raise CursorExpired("The changes after this cursor are no longer kept; start over from the initial state.")


def _digest(text: str, size: int) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:size]
