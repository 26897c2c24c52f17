"""Resumable uploads of recordings, sent in pieces; an interrupted upload resumes at its stored offset.

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

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.db import ids
from core.db.saving import save_clean
from core.errors import (
    ChecksumMismatch,
    Conflict,
    Locked,
    QuotaExceeded,
    TooLarge,
    UnsupportedMediaType,
    invalid,
    problem_of,
)
from meetings import services
from meetings.models import Meeting, Status, Upload
from meetings.services import files, quotas, recordings
from meetings.services.files import Resumed
from meetings.services.quotas import RETENTION, Room
from meetings.services.recordings import ReceivedFile, UploadMetadata

ALGORITHMS = ("sha1", "sha256")
#: The writer in the change log when expired uploads are deleted.
ACTOR = "uploads"
#: How often the offset is stored while a piece arrives.
_STORE_EVERY_SECONDS = 1.0


class Checksum(NamedTuple):
    """The expected checksum of a piece: an algorithm of `ALGORITHMS`, and the digest in Base64."""

    algorithm: str
    digest: str


def create_upload(actor: Actor, declared: UploadMetadata, *, deferred: bool = False, metadata: str = "") -> Upload:
    """Create an upload for an existing meeting, or for a new one, which is created at once. The declared fields of the
    meeting are set at once, too.

    Args:
        deferred: the length is not known yet.
        metadata: as the client sent it; returned unchanged.

    Raises:
        ValidationError, Meeting.DoesNotExist, PermissionDenied, Conflict, TooLarge, QuotaExceeded, InsufficientStorage
    """
    if not deferred:
        _check_length(declared.size)
    target = recordings.verify_metadata(actor, declared)
    with acting(actor):
        quotas.check_upload(actor, target.owner_id, None if deferred else declared.size)
        if declared.meeting_id:
            meeting = recordings.meeting_to_record(actor, declared.meeting_id, replace=declared.replace)
            services.set_fields(actor, meeting, declared.details)
        else:
            meeting = services.create_meeting(actor, {"title": declared.new_title, **declared.details})
        return Upload.objects.create(
            meeting=meeting,
            created_by_id=actor.pk,
            filename=declared.name,
            content_type=declared.content_type,
            sha256=declared.sha256.lower(),
            length=None if deferred else declared.size,
            replaces=target.replaces,
            made_meeting=not declared.meeting_id,
            metadata=metadata,
        )


def get_upload(actor: Actor, upload_id: str) -> Upload:
    """Return the actor's upload in its current state, without waiting for a request that is writing to it.

    If all bytes are stored but a process died before it finished the upload, it is finished now.

    Raises:
        Upload.DoesNotExist
    """
    with suppress(Locked):
        _end_if_whole(actor, upload_id)
    return _get(actor, upload_id)


def expires_at(upload: Upload) -> datetime | None:
    """Return when the upload expires unless another piece arrives; None = it has ended."""
    return None if upload.ended_at else upload.updated_at + RETENTION


def append(
    actor: Actor,
    upload_id: str,
    offset: int,
    chunks: Iterable[bytes],
    *,
    checksum: Checksum | None = None,
    length: int | None = None,
) -> Upload:
    """Append a piece. The received part of an interrupted piece is kept, unless the piece has a checksum.

    After the last piece the meeting is QUEUED, or FAILED with the reason if the file is not a recording. A file that
    replaces a recording is refused in that case.

    Args:
        length: the total number of bytes, if it was deferred.

    Raises:
        Upload.DoesNotExist
        Conflict: the upload's offset differs; or the meeting has another recording by now.
        Locked, ChecksumMismatch, Unavailable, InsufficientStorage
        ValidationError: more bytes than declared; or `length` differs from the declared one; or see above.
        UnsupportedMediaType: see above.
        TooLarge, QuotaExceeded: the received bytes or the declared length exceed the limit.
    """
    _end_if_whole(actor, upload_id)
    with files.resumed(_get(actor, upload_id).pk) as file:
        upload = _get(actor, upload_id)
        if offset != upload.offset:
            raise Conflict(f"The upload continues at offset {upload.offset}.")
        _declare_length(actor, upload, length)
        if upload.ended_at:
            if any(chunks):
                raise _too_many(upload)
        else:
            _write(upload, file, chunks, checksum, _room(actor, upload))
            if upload.offset == upload.length:
                _finish(actor, upload, file)
    return upload


def delete_upload(actor: Actor, upload_id: str) -> None:
    """Delete the upload, its file, and the meeting that was created for it, unless that was changed since.

    Raises:
        Upload.DoesNotExist, Locked
    """
    upload = _get(actor, upload_id)
    with files.resumed(upload.pk) as file:
        _give_up(actor, upload)
        file.drop()


def prune() -> int:
    """Delete expired uploads as `delete_upload` does, and the files of uploads that no longer exist. Return how many
    files.
    """
    expired = Upload.objects.filter(updated_at__lt=timezone.now() - RETENTION, live_format=None)
    expired.exclude(ended_at=None).delete()
    for upload in expired:
        with suppress(Locked), files.resumed(upload.pk):
            _give_up(ACTOR, upload)
    stored = set(files.resumed_ids())
    abandoned = stored - set(Upload.objects.filter(pk__in=stored, ended_at=None).values_list("pk", flat=True))
    for upload_id in abandoned:
        files.resumed_path(upload_id).unlink(missing_ok=True)
    return len(abandoned)


def _give_up(actor: Actor | str, upload: Upload) -> None:
    """Delete the upload, and its meeting if that was created for it, is as it was created, and has no other upload."""
    with acting(actor):
        upload.delete()
        if upload.made_meeting and not Upload.objects.filter(meeting=upload.meeting_id).exists():
            services.delete_untouched(upload.meeting_id)


def _get(actor: Actor, upload_id: str) -> Upload:
    parsed = ids.parsed(upload_id)
    mine = Upload.objects.filter(created_by=actor.pk, live_format=None)
    upload = mine.filter(pk=parsed).first() if parsed else None
    if upload is None or ((until := expires_at(upload)) and until <= timezone.now()):
        raise Upload.DoesNotExist(f"Upload with ID '{upload_id}' not found")
    return upload


def _end_if_whole(actor: Actor, upload_id: str) -> None:
    upload = _get(actor, upload_id)
    if upload.offset == upload.length and not upload.ended_at:
        with files.resumed(upload.pk) as file:
            upload = _get(actor, upload_id)
            if not upload.ended_at:
                _finish(actor, upload, file)


def _check_length(length: int) -> None:
    if length < 1:
        raise invalid("upload-length", "required", "Give the number of bytes, at least 1.")
    # Checked before all else: tus 1.0 requires status 413 (Creation, POST).
    if length > settings.MAX_RECORDING_BYTES:
        raise quotas.too_large()


def _declare_length(actor: Actor, upload: Upload, length: int | None) -> None:
    """Store the length of the upload, which a client may declare once."""
    if length is None or length == upload.length:
        return
    if upload.length is not None:
        raise invalid(
            "upload-length", "mismatch", f"The length {upload.length} was declared before, and cannot be changed."
        )
    _check_length(length)
    if length < upload.offset:
        raise invalid("upload-length", "range", f"{upload.offset} bytes were already received.")
    if length > quotas.max_deferred(actor):
        raise _beyond(actor)
    _update(upload, length=length)


def _room(actor: Actor, upload: Upload) -> Room:
    if upload.length is None:
        return Room(quotas.max_deferred(actor) - upload.offset, _beyond(actor))
    return Room(upload.length - upload.offset, _too_many(upload))


def _beyond(actor: Actor) -> Exception:
    """Return the error for an upload that exceeds the limit of its user or of a recording."""
    limit = quotas.max_deferred(actor)
    if limit < settings.MAX_RECORDING_BYTES:
        return QuotaExceeded(f"You may send at most {limit:,} bytes.")
    return quotas.too_large()


def _write(upload: Upload, file: Resumed, chunks: Iterable[bytes], checksum: Checksum | None, room: Room) -> None:
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


def _too_many(upload: Upload) -> ValidationError:
    return invalid("upload-length", "mismatch", f"The upload has more than the declared {upload.length} bytes.")


def _store_offset(upload: Upload, file: Resumed) -> None:
    _update(upload, offset=file.flush(), updated_at=timezone.now())


def _update(upload: Upload, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(upload, name, value)
    if not Upload.objects.filter(pk=upload.pk).update(**fields):
        raise Upload.DoesNotExist(f"Upload with ID '{upload.pk}' not found")


def _finish(actor: Actor, upload: Upload, file: Resumed) -> None:
    """Attach the complete file to the meeting, or mark the meeting FAILED if the file is not the declared recording.
    Such a file is refused if it was to replace a recording, which then stays.
    """
    declared = UploadMetadata(
        meeting_id=str(upload.meeting_id),
        filename=upload.filename,
        content_type=upload.content_type,
        size=upload.offset,
        sha256=upload.sha256,
        replace=upload.replaces is not None,
    )
    try:
        head, sha256 = file.look()
        received = ReceivedFile(upload.offset, sha256)
        try:
            files.check_is_recording(head)
            recordings.verify_received(declared, received)
        except (UnsupportedMediaType, ValidationError) as exc:
            if declared.replace:
                raise
            _fail(actor, upload, problem_of(exc).message)
        else:
            name = file.keep()
            with acting(actor):
                recordings.attach(actor, declared, received, name, upload.replaces)
                _end(upload)
    except (Conflict, PermissionDenied, Meeting.DoesNotExist, UnsupportedMediaType, ValidationError):
        # The file can never become this meeting's recording.
        upload.delete()
        file.drop(kept=False)
        raise
    file.drop()


def _fail(actor: Actor, upload: Upload, reason: str) -> None:
    with acting(actor):
        meeting = recordings.meeting_to_record(actor, str(upload.meeting_id), replace=False)
        save_clean(meeting, status=Status.FAILED, failure_reason=reason)
        _end(upload)


def _end(upload: Upload) -> None:
    _update(upload, ended_at=timezone.now())
