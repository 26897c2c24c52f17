"""Upload of recordings in one request, and the attachment of a recording to a meeting."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.db.fields import checked_line
from core.errors import Conflict, invalid
from meetings import services
from meetings.models import Meeting
from meetings.services import files, processing, quotas
from meetings.services.files import incoming, storage

MAX_TITLE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class UploadMetadata:
    """The metadata that a client declares before it sends a recording.

    Attributes:
        meeting_id: empty = create a meeting.
        title: of the new meeting; empty = the file's name.
        size: in bytes; 0 = not known.
        sha256: in hex; empty = not known.
    """

    meeting_id: str = ""
    title: str = ""
    filename: str = ""
    content_type: str = ""
    size: int = 0
    sha256: str = ""

    @property
    def name(self) -> str:
        """The file's name without directories, separated by slashes or backslashes."""
        return PurePosixPath(self.filename.replace("\\", "/")).name

    @property
    def new_title(self) -> str:
        """The title of the meeting that is created for the recording."""
        return self.title.strip() or self.name[:MAX_TITLE_LENGTH]


class ReceivedFile(NamedTuple):
    """Size and checksum of the received bytes."""

    size: int
    sha256: str


def upload_recording(actor: Actor, metadata: UploadMetadata, chunks: Iterable[bytes]) -> Meeting:
    """Store the recording of a new meeting, or of one without a recording, and queue it. It is on disk on return.

    If an error is raised, also by `chunks`, the file and the meeting are not kept.

    Raises:
        ValidationError: invalid metadata, or the received bytes do not match it.
        Meeting.DoesNotExist, PermissionDenied
        Conflict: the meeting already has a recording.
        UnsupportedMediaType, TooLarge, QuotaExceeded
        InsufficientStorage, Unavailable: the disk is full.
    """
    room = quotas.room_for(actor, verify_metadata(actor, metadata), metadata.size)
    with incoming() as upload:
        for chunk in chunks:
            room.take(len(chunk))
            upload.write(chunk)
        received = ReceivedFile(upload.size, upload.sha256)
        verify_received(metadata, received)
        name = upload.keep()
    try:
        return attach(actor, metadata, received, name)
    except BaseException:
        # A commit whose response was lost may have succeeded; the file is then in use.
        if not Meeting.objects.filter(recording=name).exists():
            storage().delete(name)
        raise


def prune() -> int:
    """Delete the files of uploads whose process died, and return how many.

    Files of running uploads, or not yet attached to a meeting, are younger than `files.ABANDONED_AFTER`.
    """
    return files.prune_partial_uploads() + _prune_kept()


def _prune_kept() -> int:
    kept = storage()
    long_ago = timezone.now() - files.ABANDONED_AFTER
    names = kept.listdir("")[1] if kept.exists("") else []
    old = [name for name in names if kept.get_modified_time(name) < long_ago]
    needed = set(Meeting.objects.filter(recording__in=old).values_list("recording", flat=True))
    abandoned = [name for name in old if name not in needed]
    for name in abandoned:
        kept.delete(name)
    return len(abandoned)


def verify_metadata(actor: Actor, metadata: UploadMetadata) -> UUID:
    """Validate the metadata before any data is sent. Return the id of the meeting's owner."""
    checked_line("filename", metadata.name, 255)
    checked_line("content_type", metadata.content_type, 255)
    if metadata.size < 0:
        raise invalid("size", "range", "The size is negative.")
    if metadata.sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", metadata.sha256):
        raise invalid("sha256", "sha256", "Give the SHA-256 in 64 hexadecimal digits.")
    if metadata.meeting_id:
        with acting(actor):
            owner_id: UUID = meeting_to_record(actor, metadata.meeting_id).owner_id
        return owner_id
    if not (metadata.title.strip() or metadata.name):
        raise invalid("title", "required", "Give the meeting's id, or the title of a new one.")
    checked_line("title", metadata.title, MAX_TITLE_LENGTH)
    return UUID(str(actor.pk))


def verify_received(metadata: UploadMetadata, received: ReceivedFile) -> None:
    """Raise ValidationError if size or checksum differ from the declared ones."""
    if metadata.size not in (0, received.size):
        raise invalid("size", "mismatch", f"Expected {metadata.size} bytes, received {received.size}.")
    if metadata.sha256.lower() not in ("", received.sha256):
        raise invalid("sha256", "mismatch", "SHA-256 mismatch: the received data differs from the declared recording.")


def attach(actor: Actor, metadata: UploadMetadata, received: ReceivedFile, name: str) -> Meeting:
    """Attach the stored recording to its meeting, which may be new, and queue it.

    Args:
        received: size and checksum of the stored file.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Conflict, ValidationError
    """
    with acting(actor):
        if metadata.meeting_id:
            meeting = meeting_to_record(actor, metadata.meeting_id)
        else:
            meeting = services.create_meeting(actor, {"title": metadata.new_title})
        recording = {
            "recording": name,
            "recording_filename": metadata.name,
            "recording_content_type": metadata.content_type,
            "recording_size": received.size,
            "recording_sha256": received.sha256,
            "recording_uploaded_at": timezone.now(),
        }
        return processing.submit(actor, meeting, recording=recording)


def meeting_to_record(actor: Actor, meeting_id: str) -> Meeting:
    """Return the meeting with its row locked, if the actor may change it and it has no recording."""
    meeting = services.meeting_to_change(actor, meeting_id)
    if meeting.recording:
        raise Conflict("This meeting already has a recording.")
    return meeting
