"""Resumable uploads of recordings: what becomes of a file that arrives in pieces (`core.uploads.resumable`)."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.db.saving import save_clean
from core.errors import TooLarge, UnsupportedMediaType, problem_of
from core.uploads.declared import check_received
from core.uploads.files import Resumed
from core.uploads.purposes import Purpose
from core.uploads.resumable import update
from meetings import services
from meetings.models import Status, Upload
from meetings.services import files, quotas, recordings
from meetings.services.recordings import ReceivedFile, UploadMetadata


class Recordings(Purpose):
    """Uploads of recordings, for an existing meeting or for a new one.

    After the last piece the meeting is QUEUED, or FAILED with the reason if the file is not a recording. A file that
    replaces a recording is refused in that case.
    """

    name = "recording"
    model = Upload
    kind = files.RECORDINGS

    @property
    def max_bytes(self) -> int:
        return int(settings.MAX_RECORDING_BYTES)

    def too_large(self) -> TooLarge:
        return quotas.too_large()

    def resumable(self) -> QuerySet[Upload]:
        return Upload.objects.filter(live_format=None)

    def create(self, actor: Actor, declared: UploadMetadata, length: int | None, metadata: str) -> Upload:
        """Create the upload, and its meeting if that is new. Declared fields of the meeting are set at once, too."""
        target = recordings.verify_metadata(actor, declared)
        with acting(actor):
            quotas.check_upload(actor, target.owner_id, length)
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
                length=length,
                replaces=target.replaces,
                made_meeting=not declared.meeting_id,
                metadata=metadata,
            )

    def finish(self, actor: Actor, upload: Upload, file: Resumed) -> None:
        """Attach the file to the meeting, or mark the meeting FAILED if the file is not the declared recording. Such a
        file is refused if it was to replace a recording, which then stays.

        Raises:
            Conflict: the meeting has another recording by now.
            Exception: see `Purpose.finish`.
        """
        declared = UploadMetadata(
            meeting_id=str(upload.meeting_id),
            filename=upload.filename,
            content_type=upload.content_type,
            size=upload.offset,
            sha256=upload.sha256,
            replace=upload.replaces is not None,
        )
        head, sha256 = file.look()
        received = ReceivedFile(upload.offset, sha256)
        try:
            files.check_is_recording(head)
            check_received(declared.size, declared.sha256, *received)
        except (UnsupportedMediaType, ValidationError) as exc:
            if declared.replace:
                raise
            self._fail(actor, upload, problem_of(exc).message)
            return
        name = file.keep()
        with acting(actor):
            recordings.attach(actor, declared, received, name, upload.replaces)
            update(upload, ended_at=timezone.now())

    def give_up(self, actor: Actor | str, upload: Upload) -> None:
        """Delete the upload; also its meeting, if that was created for it, is as it was created, and has no other
        upload.
        """
        with acting(actor):
            upload.delete()
            if upload.made_meeting and not Upload.objects.filter(meeting=upload.meeting_id).exists():
                services.delete_untouched(upload.meeting_id)

    def _fail(self, actor: Actor, upload: Upload, reason: str) -> None:
        with acting(actor):
            meeting = recordings.meeting_to_record(actor, str(upload.meeting_id), replace=False)
            fields: dict[str, Any] = {"status": Status.FAILED, "failure_reason": reason}
            save_clean(meeting, **fields)
            update(upload, ended_at=timezone.now())


RECORDINGS = Recordings()
