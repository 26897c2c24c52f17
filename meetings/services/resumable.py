"""Recordings that come in piece by piece, and go on where they were after whatever broke off: today or tomorrow.

What is told to be there is on disk: a piece is flushed before the upload's row counts it. A process that dies leaves a
file that is longer than the row says; it is cut there before it goes on.
"""

import base64
import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from changes.services import acting
from core import ids
from core.errors import ChecksumMismatch, Conflict, TooLarge, UnsupportedMediaType, invalid, problem_of
from core.models import save_clean
from meetings import services
from meetings.models import Meeting, Status, Upload
from meetings.services import files, recordings
from meetings.services.files import Resumed
from meetings.services.recordings import Announced, Came

#: After the last piece; then it is given up.
KEPT_FOR = timedelta(days=7)
#: How long who asks how far it is waits for a piece that is just coming in.
NOTED_WITHIN_SECONDS = 2
ALGORITHMS = ("sha1", "sha256")


class Checksum(NamedTuple):
    """What a piece must have: an algorithm of `ALGORITHMS`, and the digest in Base64."""

    algorithm: str
    digest: str


def create_upload(actor: Any, announced: Announced) -> Upload:
    """An upload of the recording of a meeting that has none, or of a new one, which is there from now on.

    Raises:
        ValidationError, Meeting.DoesNotExist, PermissionDenied, Conflict, TooLarge
    """
    if announced.size < 1:
        raise invalid("upload-length", "required", "Say how many bytes will come: at least one.")
    if announced.size > settings.MAX_RECORDING_BYTES:
        raise TooLarge(f"A recording has at most {settings.MAX_RECORDING_BYTES:,} bytes.")
    recordings.check_announced(actor, announced)
    with acting(actor):
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
            length=announced.size,
        )


def get_upload(actor: Any, upload_id: str) -> Upload:
    """The actor's upload; one of which all has come, but whose end a process did not live to see, is ended now.

    Whoever asks right after a cut hears of what came before it: the request that was cut is given time to note it.

    Raises:
        Upload.DoesNotExist
    """
    files.wait_until_idle(_get(actor, upload_id).pk, NOTED_WITHIN_SECONDS)
    return _ended(actor, upload_id)


def _ended(actor: Any, upload_id: str) -> Upload:
    upload = _get(actor, upload_id)
    if upload.offset == upload.length and not upload.ended_at:
        with files.resumed(upload.pk) as file:
            upload = _get(actor, upload_id)
            if not upload.ended_at:
                _finish(actor, upload, file)
    return upload


def append(
    actor: Any, upload_id: str, offset: int, chunks: Iterable[bytes], checksum: Checksum | None = None
) -> Upload:
    """Adds a piece. Where it breaks off, what came of it is kept, unless a checksum should have told that it is right.

    With the last piece the meeting is QUEUED, or FAILED with the reason if that is no recording.

    Raises:
        Upload.DoesNotExist
        Conflict: it does not go on at this offset; or the meeting has another recording by now.
        RequestInProgress, ChecksumMismatch, Unavailable
        ValidationError: more came than was announced.
    """
    _ended(actor, upload_id)
    with files.resumed(_get(actor, upload_id).pk) as file:
        upload = _get(actor, upload_id)
        if offset != upload.offset:
            raise Conflict(f"The upload goes on at {upload.offset}.")
        if upload.ended_at:
            if any(chunks):
                raise _more(upload)
        else:
            _write(upload, file, chunks, checksum)
            if upload.offset == upload.length:
                _finish(actor, upload, file)
    return upload


def delete_upload(actor: Any, upload_id: str) -> None:
    """Gives the upload up, with what came of it; its meeting stays.

    Raises:
        Upload.DoesNotExist, RequestInProgress
    """
    upload = _get(actor, upload_id)
    with files.resumed(upload.pk) as file:
        upload.delete()
        file.drop()


def prune() -> int:
    """Deletes uploads that nobody goes on with, and files of uploads that are gone; gives how many files."""
    Upload.objects.filter(updated_at__lt=timezone.now() - KEPT_FOR).delete()
    there = set(files.resumed_ids())
    gone = there - set(Upload.objects.filter(pk__in=there, ended_at=None).values_list("pk", flat=True))
    for upload_id in gone:
        files.resumed_path(upload_id).unlink(missing_ok=True)
    return len(gone)


def _get(actor: Any, upload_id: str) -> Upload:
    wanted = ids.parsed(upload_id)
    upload = Upload.objects.filter(pk=wanted, created_by=actor.pk).first() if wanted else None
    if upload is None:
        raise Upload.DoesNotExist(f"Upload with ID '{upload_id}' not found")
    return upload


def _write(upload: Upload, file: Resumed, chunks: Iterable[bytes], checksum: Checksum | None) -> None:
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
    left = upload.length - upload.offset
    file.cut(upload.offset)
    try:
        for chunk in chunks:
            if len(chunk) > left:
                file.cut(upload.offset)
                raise _more(upload)
            file.write(chunk)
            left -= len(chunk)
            if digest:
                digest.update(chunk)
    except BaseException:
        if not checksum:
            _note(upload, file)
        raise
    if checksum and digest and base64.b64encode(digest.digest()).decode() != checksum.digest:
        file.cut(upload.offset)
        raise ChecksumMismatch("What came is not what was sent: its checksum is another.")
    _note(upload, file)


def _more(upload: Upload) -> ValidationError:
    return invalid("upload-length", "mismatch", f"More than the {upload.length} bytes came that were announced.")


def _note(upload: Upload, file: Resumed) -> None:
    upload.offset, upload.updated_at = file.flush(), timezone.now()
    upload.save(update_fields=["offset", "updated_at"])


def _finish(actor: Any, upload: Upload, file: Resumed) -> None:
    """Gives the whole file to the meeting, if it is a recording and the one that was announced."""
    announced = Announced(
        meeting_id=str(upload.meeting_id),
        filename=upload.filename,
        content_type=upload.content_type,
        size=upload.length,
        sha256=upload.sha256,
    )
    try:
        head, sha256 = file.look()
        came = Came(upload.length, sha256)
        try:
            files.check_is_recording(head)
            recordings.check_came(announced, came)
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
    upload.ended_at = timezone.now()
    upload.save(update_fields=["ended_at"])
