"""Recordings: taking one in, and what belongs to it going with the meeting."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from changes.services import acting
from core.db.fields import checked_line
from core.errors import Conflict, invalid
from meetings import services
from meetings.models import Meeting
from meetings.services import files, processing, quotas
from meetings.services.files import incoming, storage

MAX_TITLE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class UploadMetadata:
    """What a client says of a recording before it sends it.

    Attributes:
        meeting_id: empty = of a new meeting.
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
        """The file's name without folders, in either spelling."""
        return PurePosixPath(self.filename.replace("\\", "/")).name

    @property
    def new_title(self) -> str:
        """The title of the meeting that is made for it."""
        return self.title.strip() or self.name[:MAX_TITLE_LENGTH]


class ReceivedFile(NamedTuple):
    """What came of a recording."""

    size: int
    sha256: str


def upload_recording(actor: Any, announced: UploadMetadata, chunks: Iterable[bytes]) -> Meeting:
    """Stores the recording of a meeting that has none, or of a new one, which is then QUEUED. On disk when it returns.

    Whatever is raised, by `chunks` too, leaves nothing behind.

    Raises:
        ValidationError: on what was announced, or what came is something else.
        Meeting.DoesNotExist, PermissionDenied
        Conflict: the meeting has a recording.
        UnsupportedMediaType, TooLarge, QuotaExceeded
        InsufficientStorage, Unavailable: there is no room for it.
    """
    room = quotas.room_for(actor, verify_metadata(actor, announced), announced.size)
    with incoming() as part:
        for chunk in chunks:
            room.take(len(chunk))
            part.write(chunk)
        came = ReceivedFile(part.size, part.sha256)
        verify_received(announced, came)
        name = part.keep()
    try:
        return attach(actor, announced, came, name)
    except BaseException:
        # A commit whose answer was lost may have been one: then the file is needed.
        if not Meeting.objects.filter(recording=name).exists():
            storage().delete(name)
        raise


def prune() -> int:
    """Deletes what uploads left behind whose process died in the middle; gives how many files.

    Nothing that is still coming in, or was just kept, is as old as that.
    """
    return files.prune_parts() + _prune_kept()


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


def verify_metadata(actor: Any, announced: UploadMetadata) -> UUID:
    """Refuses before anything is sent what would be refused in the end; gives the owner's id of the meeting."""
    checked_line("filename", announced.name, 255)
    checked_line("content_type", announced.content_type, 255)
    if announced.size < 0:
        raise invalid("size", "range", "A size is not negative.")
    if announced.sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", announced.sha256):
        raise invalid("sha256", "sha256", "Give the SHA-256 in 64 hexadecimal digits.")
    if announced.meeting_id:
        with acting(actor):
            owner_id: UUID = meeting_to_record(actor, announced.meeting_id).owner_id
        return owner_id
    if not (announced.title.strip() or announced.name):
        raise invalid("title", "required", "Name the meeting, by its id or by the title of a new one.")
    checked_line("title", announced.title, MAX_TITLE_LENGTH)
    return UUID(str(actor.pk))


def verify_received(announced: UploadMetadata, came: ReceivedFile) -> None:
    """Refuses what is not what was announced."""
    if announced.size not in (0, came.size):
        raise invalid("size", "mismatch", f"{announced.size} bytes were announced, and {came.size} came.")
    if announced.sha256.lower() not in ("", came.sha256):
        raise invalid("sha256", "mismatch", "What came is not what was announced: its SHA-256 is another.")


def attach(
    actor: Any, announced: UploadMetadata, came: ReceivedFile, name: str, also: Callable[[], object] = bool
) -> Meeting:
    """Has the meeting name the recording, which is in the storage, and has it worked on.

    Args:
        came: what is in the storage.
        also: done in the same transaction.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Conflict, ValidationError
    """
    with acting(actor):
        if announced.meeting_id:
            meeting = meeting_to_record(actor, announced.meeting_id)
        else:
            meeting = services.create_meeting(actor, {"title": announced.new_title})
        also()
        recording = {
            "recording": name,
            "recording_filename": announced.name,
            "recording_content_type": announced.content_type,
            "recording_size": came.size,
            "recording_sha256": came.sha256,
            "recording_uploaded_at": timezone.now(),
        }
        return processing.submit(actor, meeting, recording=recording)


def meeting_to_record(actor: Any, meeting_id: str) -> Meeting:
    """The meeting, for who may change it, if it has no recording; its row is locked."""
    meeting = services.meeting_to_change(actor, meeting_id)
    if meeting.recording:
        raise Conflict("This meeting has a recording.")
    return meeting
