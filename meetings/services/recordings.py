"""Upload of recordings in one request, and the attachment of a recording to a meeting."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.db.fields import checked_line
from core.errors import Conflict, invalid
from core.texts import trimmed
from core.uploads.declared import check_declared, check_received
from core.uploads.files import ABANDONED_AFTER, incoming
from meetings import policies, services
from meetings.models import RUNNING, Meeting, Status
from meetings.services import processing, quotas
from meetings.services.files import RECORDINGS, storage

MAX_TITLE_LENGTH = 200
UNTITLED = "Untitled recording"


@dataclass(frozen=True, slots=True)
class UploadMetadata:
    """The metadata that a client declares before it sends a recording.

    Attributes:
        meeting_id: empty = create a meeting.
        title: of the new meeting; empty = the file's name.
        size: in bytes; 0 = not known.
        sha256: in hex; empty = not known.
        participants, language, starts_at, vocabulary, project_id: of the meeting, as `services.create_meeting` takes
            them; what is empty is not set.
        replace: the recording takes the place of the meeting's.
    """

    meeting_id: str = ""
    title: str = ""
    filename: str = ""
    content_type: str = ""
    size: int = 0
    sha256: str = ""
    participants: Sequence[str] = ()
    language: str = ""
    starts_at: datetime | None = None
    vocabulary: Sequence[str] = ()
    project_id: str = ""
    replace: bool = False

    @property
    def name(self) -> str:
        """The file's name without directories, separated by slashes or backslashes."""
        return PurePosixPath(self.filename.replace("\\", "/")).name

    @property
    def new_title(self) -> str:
        """The title of the meeting that is created for the recording."""
        return trimmed(self.title) or trimmed(self.name)[:MAX_TITLE_LENGTH] or UNTITLED

    @property
    def details(self) -> dict[str, Any]:
        """The fields of the meeting that the client has named, but its title."""
        named = ("participants", "language", "starts_at", "vocabulary", "project_id")
        return {name: value for name in named if (value := getattr(self, name))}


class Target(NamedTuple):
    """The place of a recording: the id of the meeting's owner, and the recording that it replaces.

    Attributes:
        replaces: the name of the file; empty = none; None = the upload replaces nothing.
    """

    owner_id: UUID
    replaces: str | None


class ReceivedFile(NamedTuple):
    """Size and checksum of the received bytes."""

    size: int
    sha256: str


def upload_recording(actor: Actor, metadata: UploadMetadata, chunks: Iterable[bytes]) -> Meeting:
    """Store the recording of a new meeting or of an existing one, and queue it. It is on disk on return.

    If an error is raised, also by `chunks`, the file and the meeting are not kept.

    Raises:
        ValidationError: invalid metadata, or the received bytes do not match it.
        Meeting.DoesNotExist, PermissionDenied
        Conflict: see `meeting_to_record`.
        UnsupportedMediaType, TooLarge, QuotaExceeded
        InsufficientStorage, Unavailable: the disk is full.
    """
    target = verify_metadata(actor, metadata)
    room = quotas.room_for(actor, target.owner_id, metadata.size)
    with incoming(RECORDINGS) as upload:
        for chunk in chunks:
            room.take(len(chunk))
            upload.write(chunk)
        received = ReceivedFile(upload.size, upload.sha256)
        check_received(metadata.size, metadata.sha256, *received)
        name = upload.keep()
    try:
        return attach(actor, metadata, received, name, target.replaces)
    except BaseException:
        # A commit whose response was lost may have succeeded; the file is then in use.
        if not Meeting.objects.filter(recording=name).exists():
            storage().delete(name)
        raise


def prune() -> int:
    """Delete the stored files that no meeting has, and return how many.

    Files that a running upload has not attached to a meeting yet are younger than `ABANDONED_AFTER`.
    """
    abandoned = of_no_meeting(timezone.now() - ABANDONED_AFTER)
    for name in abandoned:
        storage().delete(name)
    return len(abandoned)


def of_no_meeting(before: datetime) -> list[str]:
    """Return the names of the stored files that were written before this time, and are not a meeting's recording."""
    return RECORDINGS.unreferenced(before, _of_meetings)


def _of_meetings(names: list[str]) -> set[str]:
    return set(Meeting.objects.filter(recording__in=names).values_list("recording", flat=True))


def verify_metadata(actor: Actor, metadata: UploadMetadata) -> Target:
    """Validate the metadata before any data is sent.

    Raises:
        ValidationError, Meeting.DoesNotExist, PermissionDenied
        Conflict: see `meeting_to_record`.
    """
    checked_line("filename", metadata.name, 255)
    checked_line("content_type", metadata.content_type, 255)
    check_declared(metadata.size, metadata.sha256)
    if metadata.meeting_id:
        with acting(actor):
            meeting = meeting_to_record(actor, metadata.meeting_id, replace=metadata.replace)
        services.check_fields(actor, meeting, metadata.details)
        return Target(meeting.owner_id, meeting.recording if metadata.replace else None)
    if metadata.replace:
        raise invalid("meeting_id", "required", "Give the id of the meeting whose recording is to be replaced.")
    checked_line("title", metadata.title, MAX_TITLE_LENGTH)
    services.check_fields(actor, Meeting(owner_id=actor.pk), metadata.details)
    return Target(UUID(str(actor.pk)), None)


def attach(
    actor: Actor, metadata: UploadMetadata, received: ReceivedFile, name: str, replaces: str | None = None
) -> Meeting:
    """Attach the stored recording to its meeting, which may be new, and queue it. A recording that it replaces is
    deleted after the commit.

    Args:
        received: size and checksum of the stored file.
        replaces: as in `Target`.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Conflict, ValidationError
    """
    with acting(actor):
        if metadata.meeting_id:
            meeting = meeting_to_record(actor, metadata.meeting_id, replace=metadata.replace)
            if metadata.replace and meeting.recording != replaces:
                raise Conflict("Another recording was attached to this meeting during the upload.")
            services.set_fields(actor, meeting, metadata.details)
        else:
            meeting = services.create_meeting(actor, {"title": metadata.new_title, **metadata.details})
        if meeting.recording:
            RECORDINGS.delete_on_commit(meeting.recording)
        recording = {
            "recording": name,
            "recording_filename": metadata.name,
            "recording_content_type": metadata.content_type,
            "recording_size": received.size,
            "recording_sha256": received.sha256,
            "recording_uploaded_at": timezone.now(),
            "recording_deleted_at": None,
            "duration_ms": 0,
        }
        return processing.submit(actor, meeting, recording=recording)


def meeting_to_record(actor: Actor, meeting_id: str, *, replace: bool) -> Meeting:
    """Return the meeting with its row locked, if the actor may attach a recording to it.

    Raises:
        Meeting.DoesNotExist, PermissionDenied
        Conflict: the meeting has a recording; with `replace`: it has none, or it is being processed.
    """
    meeting = services.meeting_to_change(actor, meeting_id)
    if meeting.live:
        raise Conflict("This meeting is being recorded at present.")
    if not replace:
        if meeting.recording or meeting.status == Status.COMPLETED:
            raise Conflict("This meeting already has a recording. Set `replace` to send another in its place.")
        return meeting
    if meeting.status in RUNNING:
        raise Conflict("The recording is being processed; cancel that, or wait until it ends, before you replace it.")
    if meeting.status == Status.PENDING:
        raise Conflict("This meeting has no recording that could be replaced; send one without `replace`.")
    if not policies.may_replace_recording(actor, meeting):
        raise PermissionDenied("Only the owner of a meeting may replace the recording of a completed one.")
    return meeting
