"""Resumable uploads, sent in pieces; an interrupted upload resumes at its stored offset.

The bytes counted in the upload's row are on disk: a piece is flushed before it is counted, every second while it
arrives. After a crash the file may be longer than the row's offset; it is truncated there before the upload resumes.
"""

import base64
import hashlib
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.utils import timezone

from core.actors import Actor
from core.db import ids
from core.errors import ChecksumMismatch, Conflict, Locked, QuotaExceeded, TooLarge, UnsupportedMediaType, invalid
from core.uploads import files, quotas
from core.uploads.files import Resumed
from core.uploads.purposes import Purpose, purposes
from core.uploads.quotas import RETENTION, Room
from core.uploads.rows import ResumableUpload

ALGORITHMS = ("sha1", "sha256")
#: The writer in the change log when expired uploads are deleted.
ACTOR = "uploads"
#: How often the offset is stored while a piece arrives.
_STORE_EVERY_SECONDS = 1.0


class Checksum(NamedTuple):
    """The expected checksum of a piece: an algorithm of `ALGORITHMS`, and the digest in Base64."""

    algorithm: str
    digest: str


def create_upload(
    purpose: Purpose, actor: Actor, declared: Any, *, length: int | None, metadata: str = ""
) -> ResumableUpload:
    """Create an upload.

    Args:
        declared: the metadata, as the purpose reads it.
        length: in bytes; None = not known yet.
        metadata: as the client sent it; returned unchanged.

    Raises:
        ValidationError, TooLarge
        Exception: see `Purpose.create`.
    """
    if length is not None:
        _check_length(purpose, length)
    return purpose.create(actor, declared, length, metadata)


def purpose_of(upload_id: str) -> Purpose | None:
    """Return the purpose of an upload, whose user is not checked; None = there is no such upload."""
    parsed = ids.parsed(upload_id)
    if parsed is None:
        return None
    return next((one for one in purposes() if one.resumable().filter(pk=parsed).exists()), None)


def get_upload(purpose: Purpose, actor: Actor, upload_id: str) -> ResumableUpload:
    """Return the actor's upload in its current state, without waiting for a request that is writing to it.

    If all bytes are stored but a process died before it finished the upload, it is finished now.

    Raises:
        ResumableUpload.DoesNotExist
    """
    with suppress(Locked):
        _end_if_whole(purpose, actor, upload_id)
    return _get(purpose, actor, upload_id)


def expires_at(upload: ResumableUpload) -> datetime | None:
    """Return when the upload expires unless another piece arrives; None = it has ended."""
    return None if upload.ended_at else upload.updated_at + RETENTION


def append(
    purpose: Purpose,
    actor: Actor,
    upload_id: str,
    offset: int,
    chunks: Iterable[bytes],
    *,
    checksum: Checksum | None = None,
    length: int | None = None,
) -> ResumableUpload:
    """Append a piece. The received part of an interrupted piece is kept, unless the piece has a checksum. The last
    piece finishes the upload (`Purpose.finish`).

    Args:
        length: the total number of bytes, if it was deferred.

    Raises:
        ResumableUpload.DoesNotExist
        Conflict: the upload's offset differs.
        Locked, ChecksumMismatch, Unavailable, InsufficientStorage
        ValidationError: more bytes than declared; or `length` differs from the declared one.
        TooLarge, QuotaExceeded: the received bytes or the declared length exceed the limit.
        Exception: see `Purpose.finish`.
    """
    _end_if_whole(purpose, actor, upload_id)
    with files.resumed(purpose.kind, _get(purpose, actor, upload_id).pk) as file:
        upload = _get(purpose, actor, upload_id)
        if offset != upload.offset:
            raise Conflict(f"The upload continues at offset {upload.offset}.")
        _declare_length(purpose, actor, upload, length)
        if upload.ended_at:
            if any(chunks):
                raise _too_many(upload)
        else:
            _write(upload, file, chunks, checksum, _room(purpose, actor, upload))
            if upload.offset == upload.length:
                _finish(purpose, actor, upload, file)
    return upload


def delete_upload(purpose: Purpose, actor: Actor, upload_id: str) -> None:
    """Delete the upload and its file; its purpose also deletes what was created only for it.

    Raises:
        ResumableUpload.DoesNotExist, Locked
    """
    upload = _get(purpose, actor, upload_id)
    with files.resumed(purpose.kind, upload.pk) as file:
        purpose.give_up(actor, upload)
        file.drop()


def update(upload: ResumableUpload, **fields: Any) -> None:
    """Write these fields of the upload.

    Raises:
        ResumableUpload.DoesNotExist: it was deleted.
    """
    for name, value in fields.items():
        setattr(upload, name, value)
    if not type(upload)._default_manager.filter(pk=upload.pk).update(**fields):
        raise _not_found(type(upload), str(upload.pk))


def prune() -> int:
    """Delete expired uploads as `delete_upload` does, and the files of uploads that no longer exist. Return how many
    files.
    """
    stored = set(files.resumed_ids())
    needed = set()
    for purpose in purposes():
        expired = purpose.resumable().filter(updated_at__lt=timezone.now() - RETENTION)
        expired.exclude(ended_at=None).delete()
        for upload in expired:
            with suppress(Locked), files.resumed(purpose.kind, upload.pk):
                purpose.give_up(ACTOR, upload)
        rows = purpose.model._default_manager.filter(pk__in=stored, ended_at=None)
        needed |= set(rows.values_list("pk", flat=True))
    for upload_id in stored - needed:
        files.resumed_path(upload_id).unlink(missing_ok=True)
    return len(stored - needed) + files.prune_partial_uploads()


def _get(purpose: Purpose, actor: Actor, upload_id: str) -> ResumableUpload:
    parsed = ids.parsed(upload_id)
    upload: ResumableUpload | None = (
        purpose.resumable().filter(created_by=actor.pk, pk=parsed).first() if parsed else None
    )
    if upload is None or ((until := expires_at(upload)) and until <= timezone.now()):
        raise _not_found(purpose.model, upload_id)
    return upload


def _not_found(model: type[ResumableUpload], upload_id: str) -> ObjectDoesNotExist:
    return model.DoesNotExist(f"Upload with ID '{upload_id}' not found")


def _end_if_whole(purpose: Purpose, actor: Actor, upload_id: str) -> None:
    upload = _get(purpose, actor, upload_id)
    if upload.offset == upload.length and not upload.ended_at:
        with files.resumed(purpose.kind, upload.pk) as file:
            upload = _get(purpose, actor, upload_id)
            if not upload.ended_at:
                _finish(purpose, actor, upload, file)


def _check_length(purpose: Purpose, length: int) -> None:
    if length < 1:
        raise invalid("upload-length", "required", "Give the number of bytes, at least 1.")
    # Checked before all else: tus 1.0 requires status 413 (Creation, POST).
    if length > purpose.max_bytes:
        raise purpose.too_large()


def _declare_length(purpose: Purpose, actor: Actor, upload: ResumableUpload, length: int | None) -> None:
    """Store the length of the upload, which a client may declare once."""
    if length is None or length == upload.length:
        return
    if upload.length is not None:
        raise invalid(
            "upload-length", "mismatch", f"The length {upload.length} was declared before, and cannot be changed."
        )
    _check_length(purpose, length)
    if length < upload.offset:
        raise invalid("upload-length", "range", f"{upload.offset} bytes were already received.")
    if length > quotas.max_deferred(purpose, actor):
        raise _beyond(purpose, actor)
    update(upload, length=length)


def _room(purpose: Purpose, actor: Actor, upload: ResumableUpload) -> Room:
    if upload.length is None:
        return Room(quotas.max_deferred(purpose, actor) - upload.offset, _beyond(purpose, actor))
    return Room(upload.length - upload.offset, _too_many(upload))


def _beyond(purpose: Purpose, actor: Actor) -> Exception:
    """Return the error for an upload that exceeds the limit of its user or of a file."""
    limit = quotas.max_deferred(purpose, actor)
    if limit < purpose.max_bytes:
        return QuotaExceeded(f"You may send at most {limit:,} bytes.")
    return purpose.too_large()


def _write(
    upload: ResumableUpload, file: Resumed, chunks: Iterable[bytes], checksum: Checksum | None, room: Room
) -> None:
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
    began_at, stored_at = upload.offset, time.monotonic()
    file.cut(began_at)
    try:
        for chunk in chunks:
            try:
                room.take(len(chunk))
            except (ValidationError, TooLarge, QuotaExceeded):
                file.cut(began_at)
                raise
            file.write(chunk)
            if digest:
                digest.update(chunk)
            elif time.monotonic() - stored_at >= _STORE_EVERY_SECONDS:
                _store_offset(upload, file)
                stored_at = time.monotonic()
    except BaseException:
        if not checksum:
            _store_offset(upload, file)
        raise
    if checksum and digest and base64.b64encode(digest.digest()).decode() != checksum.digest:
        file.cut(began_at)
        raise ChecksumMismatch("Checksum mismatch. The piece was discarded; send it again.")
    _store_offset(upload, file)


def _too_many(upload: ResumableUpload) -> ValidationError:
    return invalid("upload-length", "mismatch", f"The upload has more than the declared {upload.length} bytes.")


def _store_offset(upload: ResumableUpload, file: Resumed) -> None:
    update(upload, offset=file.flush(), updated_at=timezone.now())


def _finish(purpose: Purpose, actor: Actor, upload: ResumableUpload, file: Resumed) -> None:
    try:
        purpose.finish(actor, upload, file)
    except (Conflict, PermissionDenied, ObjectDoesNotExist, UnsupportedMediaType, ValidationError):
        # The file can never be used.
        upload.delete()
        file.drop(kept=False)
        raise
    file.drop()
