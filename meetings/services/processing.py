"""Processing of recordings: submission, repetition, cancellation. The job `meetings.process` does the work."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max
from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.db.saving import clean, save_clean
from core.errors import Conflict
from core.jobs import enqueue
from core.preconditions import ANY_VERSION, ExpectedVersion
from meetings.models import RUNNING, Meeting, Segment, Stage, StageRun, Status, Transcript
from meetings.queries import local_time, zone_of
from meetings.services import meeting_to_change

MAX_SPEAKERS = 20
#: The progress at which the last stage begins, in percent.
SUMMARIZING_FROM = 95
#: A meeting's fields before processing has begun.
NOT_BEGUN: Mapping[str, Any] = {
    "progress": 0,
    "stage": None,
    "estimated_end_at": None,
    "failure_reason": "",
    "notice": "",
    "missing": [],
    "transcript_deleted_at": None,
}


def submit(
    actor: Actor,
    meeting: Meeting,
    *,
    language: str = "",
    speaker_count: int = 0,
    recording: Mapping[str, Any] | None = None,
    live: bool = False,
) -> Meeting:
    """Queue the meeting's recording for processing, which produces the next version of its transcript.

    Runs in the caller's transaction, which must have locked or created the meeting's row.

    Args:
        language: of the recording; empty = the meeting's language.
        speaker_count: the number of speakers; 0 = to be detected.
        recording: the meeting's fields of a new recording, written together with the status.
        live: the recording has just begun, and is processed while it grows.
    """
    new = recording or {}
    shown = meeting.transcript_version if _has_completed(meeting) else newest_version(meeting) + 1
    save_clean(meeting, status=Status.QUEUED, transcript_version=shown, **NOT_BEGUN, **new)
    held_at = meeting.starts_at or meeting.recording_uploaded_at or timezone.now()
    transcript = Transcript.objects.create(
        meeting=meeting,
        version=newest_version(meeting) + 1,
        recording=meeting.recording,
        recording_sha256=meeting.recording_sha256,
        language=language or meeting.language,
        vocabulary=meeting.vocabulary,
        speaker_count=speaker_count,
        held_on=local_time(held_at, zone_of(meeting)).date(),
        requested_by_id=actor.pk,
    )
    enqueue("meetings.process", fairness_key=str(meeting.owner_id), live=live, transcript_id=str(transcript.pk))
    return meeting


def retranscribe(
    actor: Actor,
    meeting_id: str,
    *,
    language: str = "",
    speaker_count: int = 0,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> Meeting:
    """Process the recording again. Existing versions are kept.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Stale
        Conflict: there is no recording, or it is being processed.
        ValidationError: on `language` or `speaker_count`.
    """
    with acting(actor):
        meeting = meeting_to_change(actor, meeting_id, expected_version)
        check(language, speaker_count)
        if meeting.status in RUNNING:
            raise Conflict("The recording is already being processed; cancel that, or wait until it ends.")
        if meeting.recording_deleted_at:
            raise Conflict("The recording of this meeting was deleted, as its retention has ended; upload it again.")
        if not meeting.recording:
            raise Conflict("This meeting has no recording yet; upload one.")
        return submit(actor, meeting, language=language, speaker_count=speaker_count)


def summarize(actor: Actor, meeting_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> Meeting:
    """Queue the complete current version for another summary. What it has is readable until then.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Stale
        Conflict: the recording is being processed, or there is no complete transcript with text.
    """
    with acting(actor):
        meeting = meeting_to_change(actor, meeting_id, expected_version)
        if meeting.status in RUNNING:
            raise Conflict("The recording is being processed; cancel that, or wait until it ends.")
        transcript = Transcript.objects.filter(meeting=meeting, version=meeting.transcript_version).first()
        segments = Segment.objects.filter(meeting=meeting, transcript_version=meeting.transcript_version)
        is_complete = transcript is not None and {transcript.status, meeting.status} == {Status.COMPLETED}
        if transcript is None or not is_complete or not segments.exists():
            raise Conflict("There is nothing to summarise: this meeting has no complete transcript with text.")
        transcript.status, transcript.summarizing_again = Status.QUEUED, True
        transcript.save(update_fields=["status", "summarizing_again"])
        StageRun.objects.filter(transcript=transcript, stage=Stage.SUMMARIZING).update(ended_at=None, tries=0)
        enqueue("meetings.process", fairness_key=str(meeting.owner_id), transcript_id=str(transcript.pk))
        return save_clean(meeting, status=Status.QUEUED, progress=SUMMARIZING_FROM)


def cancel_processing(actor: Actor, meeting_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> Meeting:
    """Cancel the processing. The worker notices within two seconds, and commits no further results. A version whose
    summary was being made anew is complete as before.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Stale
        Conflict: the recording is not being processed.
    """
    with acting(actor):
        meeting = meeting_to_change(actor, meeting_id, expected_version)
        if meeting.status not in RUNNING:
            raise Conflict("The recording is not being processed.")
        if meeting.live:
            raise Conflict("The meeting is being recorded; end the recording first.")
        running = Transcript.objects.filter(meeting=meeting, status__in=RUNNING)
        if running.filter(summarizing_again=True).update(status=Status.COMPLETED, summarizing_again=False):
            done: dict[str, Any] = {"status": Status.COMPLETED, "progress": 100}
        else:
            running.update(status=Status.CANCELLED, ended_at=timezone.now())
            done = {"status": Status.CANCELLED}
        return save_clean(meeting, stage=None, estimated_end_at=None, **done)


def check(language: str, speaker_count: int) -> None:
    errors: dict[str, Any] = {}
    if not 0 <= speaker_count <= MAX_SPEAKERS:
        errors["speaker_count"] = ValidationError(
            f"Give a number from 1 to {MAX_SPEAKERS}, or 0 to detect it.", code="range"
        )
    try:
        clean(Transcript(language=language), only={"language": language})
    except ValidationError as exc:
        errors |= exc.error_dict
    if errors:
        raise ValidationError(errors)


def newest_version(meeting: Meeting) -> int:
    return Transcript.objects.filter(meeting=meeting).aggregate(newest=Max("version"))["newest"] or 0


def _has_completed(meeting: Meeting) -> bool:
    """Return whether there is a complete version, which is shown until the next one is complete."""
    return Transcript.objects.filter(meeting=meeting, status=Status.COMPLETED).exists()
