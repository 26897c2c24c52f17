"""Retention: deletes recordings and transcripts when their time is over, and verifies that nothing is left of them.

A transcript is deleted with all that was found in it, in all versions: segments, speakers with their voice prints,
summaries and action items. The meeting stays, and shows when each was deleted. Tasks of accepted items are independent.
"""

import datetime
import logging
from collections.abc import Callable, Iterator
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.forms.models import model_to_dict
from django.utils import timezone

from changes.models import Change
from changes.services import acting
from changes.triggers import subject_type_of
from core.actors import Actor
from core.db.saving import clean, save_clean
from core.errors import Conflict
from core.models import IdempotencyRecord
from meetings import services
from meetings.models import RUNNING, Meeting, RetentionPolicy, Status, Waveform
from meetings.services import recordings
from meetings.services.files import RECORDINGS

logger = logging.getLogger(__name__)

#: The writer in the change log.
ACTOR = "retention"
#: A younger file of no meeting may belong to an upload whose transaction has not committed yet.
_MAY_BE_NEW = datetime.timedelta(hours=1)
_NEVER = Q(pk__in=())


def policy() -> RetentionPolicy:
    """Return the policy of the installation."""
    return RetentionPolicy.objects.get_or_create(project=None)[0]


def set_policy(actor: Actor, rules: RetentionPolicy) -> None:
    """Store a policy. The next run follows it, also for older recordings and transcripts."""
    clean(rules)
    rules.save()
    logger.warning("%s has set the retention policy to %s.", actor.pk, model_to_dict(rules))


def delete_policy(actor: Actor, rules: RetentionPolicy) -> None:
    """Delete the policy of a project, whose meetings then follow that of the installation.

    Raises:
        Conflict: it is that of the installation.
    """
    if rules.project_id is None:
        raise Conflict("The policy of the installation cannot be deleted: empty its fields to keep everything.")
    rules.delete()
    logger.warning("%s has deleted the retention policy of project %s.", actor.pk, rules.project_id)


def due_recordings() -> QuerySet[Meeting]:
    """Return the meetings whose recordings are to be deleted. One that is being processed is not."""
    rows = Meeting.objects.exclude(recording="").exclude(status__in=RUNNING)
    return rows.filter(_by_policies(_recording_is_due))


def due_transcripts() -> QuerySet[Meeting]:
    """Return the meetings whose transcripts are to be deleted."""
    rows = Meeting.objects.filter(transcript_version__gt=0, transcript_deleted_at=None).exclude(status__in=RUNNING)
    return rows.alias(since=Coalesce("recording_uploaded_at", "created_at")).filter(_by_policies(_transcript_is_due))


def _by_policies(is_due: Callable[[RetentionPolicy], Q]) -> Q:
    """Return the condition by which a meeting is due: by the policy of its project, or else of the installation."""
    of_projects = list(RetentionPolicy.objects.exclude(project=None))
    others = ~Q(project__in=[rules.project_id for rules in of_projects])
    wanted = others & is_due(policy())
    for rules in of_projects:
        wanted |= Q(project=rules.project_id) & is_due(rules)
    return wanted


def _recording_is_due(rules: RetentionPolicy) -> Q:
    wanted = _NEVER
    if rules.recordings_after_success:
        wanted |= Q(status=Status.COMPLETED)
    if rules.recordings_after_days:
        wanted |= Q(recording_uploaded_at__lte=_ago(rules.recordings_after_days))
    return wanted


def _transcript_is_due(rules: RetentionPolicy) -> Q:
    return Q(since__lte=_ago(rules.transcripts_after_days)) if rules.transcripts_after_days else _NEVER


def delete_due() -> dict[str, int]:
    """Delete all recordings and transcripts that are due, each in a transaction. Return how many of each kind."""
    return {
        "recordings": sum(map(_delete_recording, _ids(due_recordings()))),
        "transcripts": sum(map(_delete_transcript, _ids(due_transcripts()))),
    }


def remains() -> Iterator[str]:
    """Yield a sentence for each thing that should have been deleted, in the storage and in the database."""
    for meeting_id in _ids(due_recordings()):
        yield f"The recording of meeting {meeting_id} is due, and was not deleted."
    for meeting_id in _ids(due_transcripts()):
        yield f"The transcript of meeting {meeting_id} is due, and was not deleted."
    for name in recordings.of_no_meeting(timezone.now() - _MAY_BE_NEW):
        yield f"The file {name} in the storage belongs to no meeting."
    deleted = _ids(Meeting.objects.exclude(transcript_deleted_at=None))
    as_text = [str(meeting_id) for meeting_id in deleted]
    for model in services.PARTS:
        kind = str(model._meta.verbose_name)
        count = model.objects.filter(meeting__in=deleted).count()
        if count:
            yield f"{count} rows of the kind {kind} belong to deleted transcripts."
        logged = Change.objects.filter(subject_type=subject_type_of(model))
        count = logged.filter(Q(new__meeting_id__in=as_text) | Q(old__meeting_id__in=as_text)).count()
        if count:
            yield f"{count} changes of the kind {kind} contain parts of deleted transcripts."
    for meeting in Meeting.objects.exclude(transcript_deleted_at=None).iterator():
        answers = IdempotencyRecord.objects.filter(
            subject=meeting.pk, answer__isnull=False, created_at__lt=meeting.transcript_deleted_at
        )
        if answers.exists():
            yield f"Answers to repeated requests about meeting {meeting.pk} are older than the deletion."


def _delete_recording(meeting_id: UUID) -> bool:
    """Delete the recording of this meeting, if that is still due. Return whether it was."""
    with acting(ACTOR):
        meeting = _locked(due_recordings(), meeting_id)
        if meeting is None:
            return False
        RECORDINGS.delete_on_commit(meeting.recording)
        Waveform.objects.filter(meeting=meeting).delete()
        save_clean(meeting, recording="", recording_deleted_at=timezone.now())
        return True


def _delete_transcript(meeting_id: UUID) -> bool:
    """Delete all versions of the transcript of this meeting, if that is still due. Return whether it was."""
    with acting(ACTOR):
        meeting = _locked(due_transcripts(), meeting_id)
        if meeting is None:
            return False
        services.delete_parts(meeting)
        save_clean(meeting, transcript_deleted_at=timezone.now())
        return True


def _locked(due: QuerySet[Meeting], meeting_id: UUID) -> Meeting | None:
    return due.defer("search_words").select_for_update(of=("self",), no_key=True).filter(pk=meeting_id).first()


def _ids(meetings: QuerySet[Meeting]) -> list[UUID]:
    return list(meetings.order_by("pk").values_list("pk", flat=True))


def _ago(days: int) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(days=days)
