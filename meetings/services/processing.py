"""Having a recording worked on: asked for, asked for again, called off. What does it is `meetings.jobs.process`."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max
from django.utils import timezone

from changes.services import acting
from core.errors import Conflict
from core.jobs import enqueue
from core.models import clean, save_clean
from core.preconditions import ANY_VERSION, ExpectedVersion
from meetings.models import RUNNING, Meeting, Status, Transcript
from meetings.services import meeting_to_change

MAX_SPEAKERS = 20
#: What a meeting says of work that has not begun.
_NOT_BEGUN: Mapping[str, Any] = {
    "progress": 0,
    "stage": None,
    "estimated_end_at": None,
    "failure_reason": "",
    "notice": "",
}


def submit(
    actor: Any,
    meeting: Meeting,
    *,
    language: str = "",
    speaker_count: int = 0,
    recording: Mapping[str, Any] | None = None,
) -> Meeting:
    """Has the meeting's recording worked on, which makes the next version of its transcript: the meeting is QUEUED.

    Belongs to the caller's transaction, which has locked the meeting's row or made it.

    Args:
        language: what is spoken; empty = what the meeting says.
        speaker_count: how many people speak; 0 = to be found out.
        recording: fields of the meeting that are written with it: those of a new recording.
    """
    new = recording or {}
    shown = meeting.transcript_version if _has_completed(meeting) else _newest_version(meeting) + 1
    save_clean(meeting, status=Status.QUEUED, transcript_version=shown, **_NOT_BEGUN, **new)
    held_at = meeting.starts_at or meeting.recording_uploaded_at
    transcript = Transcript.objects.create(
        meeting=meeting,
        version=_newest_version(meeting) + 1,
        recording=meeting.recording,
        recording_sha256=meeting.recording_sha256,
        language=language or meeting.language,
        speaker_count=speaker_count,
        held_on=held_at.date() if held_at else None,
        requested_by_id=actor.pk,
    )
    enqueue("meetings.process", fairness_key=str(meeting.owner_id), transcript_id=str(transcript.pk))
    return meeting


def retranscribe(
    actor: Any,
    meeting_id: str,
    *,
    language: str = "",
    speaker_count: int = 0,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> Meeting:
    """Has the recording worked on once more; the versions that there are stay.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Stale
        Conflict: there is no recording, or it is being worked on.
        ValidationError: on `language` or `speaker_count`.
    """
    with acting(actor):
        meeting = meeting_to_change(actor, meeting_id, expected_version)
        _check(language, speaker_count)
        if meeting.status in RUNNING:
            raise Conflict("The recording is being worked on already; cancel that first, or wait for it.")
        if not meeting.recording:
            raise Conflict("This meeting has no recording yet; upload one.")
        return submit(actor, meeting, language=language, speaker_count=speaker_count)


def cancel_processing(actor: Any, meeting_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> Meeting:
    """Stops working on the recording. Whoever works on it notices within two seconds, and commits nothing more.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Stale
        Conflict: it is not being worked on.
    """
    with acting(actor):
        meeting = meeting_to_change(actor, meeting_id, expected_version)
        if meeting.status not in RUNNING:
            raise Conflict("The recording is not being worked on.")
        running = Transcript.objects.filter(meeting=meeting, status__in=RUNNING)
        running.update(status=Status.CANCELLED, ended_at=timezone.now())
        return save_clean(meeting, status=Status.CANCELLED, stage=None, estimated_end_at=None)


def _check(language: str, speaker_count: int) -> None:
    errors: dict[str, Any] = {}
    if not 0 <= speaker_count <= MAX_SPEAKERS:
        errors["speaker_count"] = ValidationError(
            f"Between 1 and {MAX_SPEAKERS} people, or 0 if that is to be found out.", code="range"
        )
    try:
        clean(Transcript(language=language), only={"language": language})
    except ValidationError as exc:
        errors |= exc.error_dict
    if errors:
        raise ValidationError(errors)


def _newest_version(meeting: Meeting) -> int:
    return Transcript.objects.filter(meeting=meeting).aggregate(newest=Max("version"))["newest"] or 0


def _has_completed(meeting: Meeting) -> bool:
    """Whether there is a version that is shown until the next is complete."""
    return Transcript.objects.filter(meeting=meeting, status=Status.COMPLETED).exists()
