"""Recordings that come in piece by piece, and go on where they were after whatever broke off: today or tomorrow.

What the upload's row counts is on disk: a piece is flushed before it is counted, which is done every second while it
comes in. A process that dies leaves a file that is longer than the row says; it is cut there before it goes on.
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
from core.db import ids
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
from core.models import save_clean
from meetings import services
from meetings.models import Meeting, Status, Upload
from meetings.services import files, quotas, recordings
from meetings.services.files import Resumed
from meetings.services.quotas import RETENTION, Room
from meetings.services.recordings import ReceivedFile, UploadMetadata

ALGORITHMS = ("sha1", "sha256")
#: While a piece comes in, what has come is counted this often.
_NOTE_EVERY_SECONDS = 1.0


class Checksum(NamedTuple):
    """What a piece must have: an algorithm of `ALGORITHMS`, and the digest in Base64."""

    algorithm: str
    digest: str


def create_upload(actor: Any, announced: UploadMetadata, *, deferred: bool = False, metadata: str = "") -> Upload:
    """An upload of the recording of a meeting that has none, or of a new one, which is there from now on.

    Args:
        deferred: how many bytes will come is not known yet.
        metadata: as the client sent it, which is given back as it is.

    Raises:
        ValidationError, Meeting.DoesNotExist, PermissionDenied, Conflict, TooLarge, QuotaExceeded, InsufficientStorage
    """
    if not deferred:
        _check_length(announced.size)
    owner_id = recordings.verify_metadata(actor, announced)
    with acting(actor):
        quotas.check_upload(actor, owner_id, None if deferred else announced.size)
        if announced.meeting_id:
            meeting = recordings.meeting_to_record(actor, announced.meeting_id)
        else:
            meeting = services.create_meeting(actor, {"title": announced.new_title})
        return Upload.objects.create(
            meeting=meeting,
            created_by=actor,
            filename=announced.name,
            content_type=announced.content_type,
            sha256=announced.sha256.lower(),
            length=None if deferred else announced.size,
            metadata=metadata,
        )


def get_upload(actor: Any, upload_id: str) -> Upload:
    """The actor's upload as it is now: waits for no request that is bringing a piece of it.

    One of which all has come, but whose end a process did not live to see, is ended now.

    Raises:
        Upload.DoesNotExist
    """
    with suppress(Locked):
        _end_if_whole(actor, upload_id)
    return _get(actor, upload_id)


def expires_at(upload: Upload) -> datetime | None:
    """Return until when the upload may go on, unless another piece comes; None = it has ended."""
    return None if upload.ended_at else upload.updated_at + RETENTION


def append(
    actor: Any,
    upload_id: str,
    offset: int,
    chunks: Iterable[bytes],
    *,
    checksum: Checksum | None = None,
    length: int | None = None,
) -> Upload:
    """Adds a piece. Where it breaks off, what came of it is kept, unless a checksum should have told that it is right.

    With the last piece the meeting is QUEUED, or FAILED with the reason if that is no recording.

    Args:
        length: how many bytes will come in all, where that was not known before.

    Raises:
        Upload.DoesNotExist
        Conflict: it does not go on at this offset; or the meeting has another recording by now.
        Locked, ChecksumMismatch, Unavailable, InsufficientStorage
        ValidationError: more came than was announced; or `length` is not what it was.
        TooLarge, QuotaExceeded: more came, or is announced, than may.
    """
    _end_if_whole(actor, upload_id)
    with files.resumed(_get(actor, upload_id).pk) as file:
        upload = _get(actor, upload_id)
        if offset != upload.offset:
            raise Conflict(f"The upload goes on at {upload.offset}.")
        _announce(actor, upload, length)
        if upload.ended_at:
            if any(chunks):
                raise _more(upload)
        else:
            _write(upload, file, chunks, checksum, _room(actor, upload))
            if upload.offset == upload.length:
                _finish(actor, upload, file)
    return upload


def delete_upload(actor: Any, upload_id: str) -> None:
    """Gives the upload up, with what came of it; its meeting stays.

    Raises:
        Upload.DoesNotExist, Locked
    """
    upload = _get(actor, upload_id)
    with files.resumed(upload.pk) as file:
        upload.delete()
        file.drop()


def take_back(actor: Any, upload: Upload, *, made_meeting: bool) -> None:
    """Undo the creation of an upload whose first piece, which came with it, cannot be its beginning.

    Args:
        made_meeting: its meeting was made for it, and goes too.
    """
    delete_upload(actor, str(upload.pk))
    if made_meeting:
        services.delete_meeting(actor, str(upload.meeting_id))


def prune() -> int:
    """Deletes uploads that nobody goes on with, and files of uploads that are gone; gives how many files."""
    Upload.objects.filter(updated_at__lt=timezone.now() - RETENTION).delete()
    there = set(files.resumed_ids())
    gone = there - set(Upload.objects.filter(pk__in=there, ended_at=None).values_list("pk", flat=True))
    for upload_id in gone:
        files.resumed_path(upload_id).unlink(missing_ok=True)
    return len(gone)


def _get(actor: Any, upload_id: str) -> Upload:
    wanted = ids.parsed(upload_id)
    upload = Upload.objects.filter(pk=wanted, created_by=actor.pk).first() if wanted else None
    if upload is None or ((until := expires_at(upload)) and until <= timezone.now()):
        raise Upload.DoesNotExist(f"Upload with ID '{upload_id}' not found")
    return upload


def _end_if_whole(actor: Any, upload_id: str) -> None:
    upload = _get(actor, upload_id)
    if upload.offset == upload.length and not upload.ended_at:
        with files.resumed(upload.pk) as file:
            upload = _get(actor, upload_id)
            if not upload.ended_at:
                _finish(actor, upload, file)


def _check_length(length: int) -> None:
    if length < 1:
        raise invalid("upload-length", "required", "Say how many bytes will come: at least one, as a recording has.")
    # Before anything else that may be wrong: tus 1.0 demands 413 (Creation, POST).
    if length > settings.MAX_RECORDING_BYTES:
        raise quotas.too_large()


def _announce(actor: Any, upload: Upload, length: int | None) -> None:
    """Take over how long the upload will be, which may be said once."""
    if length is None or length == upload.length:
        return
    if upload.length is not None:
        raise invalid("upload-length", "mismatch", f"{upload.length} bytes were announced; that cannot be changed.")
    _check_length(length)
    if length < upload.offset:
        raise invalid("upload-length", "range", f"{upload.offset} bytes have come already.")
    if length > quotas.max_deferred(actor):
        raise _beyond(actor)
    _update(upload, length=length)


def _room(actor: Any, upload: Upload) -> Room:
    if upload.length is None:
        return Room(quotas.max_deferred(actor) - upload.offset, _beyond(actor))
    return Room(upload.length - upload.offset, _more(upload))


def _beyond(actor: Any) -> Exception:
    """The refusal of an upload that turns out to be longer than may be."""
    limit = quotas.max_deferred(actor)
    if limit < settings.MAX_RECORDING_BYTES:
        return QuotaExceeded(f"You may send at most {limit:,} bytes.")
    return quotas.too_large()


def _write(upload: Upload, file: Resumed, chunks: Iterable[bytes], checksum: Checksum | None, room: Room) -> None:
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
    began_at, noted = upload.offset, time.monotonic()
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
            elif time.monotonic() - noted >= _NOTE_EVERY_SECONDS:
                _note(upload, file)
                noted = time.monotonic()
    except BaseException:
        if not checksum:
            _note(upload, file)
        raise
    if checksum and digest and base64.b64encode(digest.digest()).decode() != checksum.digest:
        file.cut(began_at)
        raise ChecksumMismatch("What came is not what was sent: its checksum is another.")
    _note(upload, file)


def _more(upload: Upload) -> ValidationError:
    return invalid("upload-length", "mismatch", f"More than the {upload.length} bytes came that were announced.")


def _note(upload: Upload, file: Resumed) -> None:
    _update(upload, offset=file.flush(), updated_at=timezone.now())


def _update(upload: Upload, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(upload, name, value)
    if not Upload.objects.filter(pk=upload.pk).update(**fields):
        raise Upload.DoesNotExist(f"Upload with ID '{upload.pk}' not found")


def _finish(actor: Any, upload: Upload, file: Resumed) -> None:
    """Gives the whole file to the meeting, if it is a recording and the one that was announced."""
    announced = UploadMetadata(
        meeting_id=str(upload.meeting_id),
        filename=upload.filename,
        content_type=upload.content_type,
        size=upload.offset,
        sha256=upload.sha256,
    )
    try:
        head, sha256 = file.look()
        came = ReceivedFile(upload.offset, sha256)
        try:
            files.check_is_recording(head)
            recordings.verify_received(announced, came)
        except (UnsupportedMediaType, ValidationError) as exc:
            _fail(actor, upload, problem_of(exc).message)
        else:
            recordings.attach(actor, announced, came, file.keep(), also=lambda: _end(upload))
    except (Conflict, PermissionDenied, Meeting.DoesNotExist):
        # It never will be this meeting's recording.
        upload.delete()
        file.drop(kept=False)
        raise
    file.drop()


def _fail(actor: Any, upload: Upload, why: str) -> None:
    with acting(actor):
        meeting = recordings.meeting_to_record(actor, str(upload.meeting_id))
        save_clean(meeting, status=Status.FAILED, failure_reason=why)
        _end(upload)


def _end(upload: Upload) -> None:
    _update(upload, ended_at=timezone.now())
