"""Data of an exported file: one version of a transcript, read in batches."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, Max, Sum

from core.actors import Actor
from meetings.models import ActionItem, Meeting, Segment, Speaker, Status, Summary, Transcript
from meetings.queries import get_meeting, zone_of
from meetings.queries.transcripts import version_of
from users.models import User

_BATCH_SIZE = 500


@dataclass(frozen=True)
class Transcription:
    """One version of a meeting's transcript, with its findings.

    Attributes:
        version: 0 = there is none yet.
        language: of the recording; empty = unknown.
        fingerprint: changes whenever any of the data changes.
        progress: in percent; None = unknown, as it is not kept for earlier versions.
        failure_reason: a sentence for people, if it failed.
        notice: a warning about the recording, as a sentence for people; of the newest version only.
        zone: the time zone of the owner.
        people: the names of the owner and the participants, in their order, of users that the caller may see.
    """

    meeting: Meeting
    version: int
    language: str
    fingerprint: str
    status: Status
    progress: int | None
    failure_reason: str
    notice: str
    people: Sequence[str]
    zone: ZoneInfo
    speakers: Sequence[Speaker]
    summary: Summary | None
    action_items: Sequence[ActionItem]
    _names: Mapping[UUID, str] = field(repr=False)

    def speaker_of(self, segment: Segment) -> str:
        """Return the speaker's name or label; empty = unknown."""
        return self._names.get(segment.speaker_id, "") if segment.speaker_id else ""

    def segments(self) -> Iterator[Segment]:
        """Yield the segments in their order, in batches from one database snapshot."""
        rows = Segment.objects.filter(meeting=self.meeting, transcript_version=self.version)
        with transaction.atomic():
            yield from rows.defer("search_words").order_by("start_ms").iterator(chunk_size=_BATCH_SIZE)


def transcription(actor: Actor, meeting_id: str, version: int) -> Transcription:
    """Return the version with this number; 0 = the current one.

    Raises:
        Meeting.DoesNotExist: also if the actor may not see the meeting.
        Transcript.DoesNotExist: there is no such version.
    """
    meeting = get_meeting(actor, meeting_id)
    version = version_of(meeting, version)
    row = Transcript.objects.filter(meeting=meeting, version=version).first()
    of_version = {"meeting": meeting, "transcript_version": version}
    # Read first: after a concurrent change the file is newer than its fingerprint, and the client fetches it again.
    zone = zone_of(meeting)
    fingerprint = _fingerprint(meeting, of_version, zone)
    speakers = list(Speaker.objects.filter(**of_version).defer("encrypted_print").order_by("place"))
    return Transcription(
        meeting,
        version,
        (row.spoken_language or row.language if row else "") or meeting.language,
        fingerprint,
        *_state(meeting, row),
        _people(actor, meeting),
        zone,
        speakers,
        Summary.objects.filter(**of_version).first(),
        list(ActionItem.objects.filter(**of_version).order_by("place")),
        {speaker.pk: speaker.name or speaker.label for speaker in speakers},
    )


def _state(meeting: Meeting, row: Transcript | None) -> tuple[Status, int | None, str, str]:
    """Return status, progress, failure reason and notice of a version of the transcript.

    The meeting itself holds those of its newest version; of an older one only the status is stored.
    """
    if row is None or not Transcript.objects.filter(meeting=meeting, version__gt=row.version).exists():
        return Status(meeting.status), meeting.progress, meeting.failure_reason, meeting.notice
    return Status(row.status), 100 if row.status == Status.COMPLETED else None, "", ""


def _fingerprint(meeting: Meeting, of_version: Mapping[str, Any], zone: ZoneInfo) -> str:
    state = [str(meeting.pk), meeting.version, zone.key]
    for part in (Segment, Speaker, Summary, ActionItem):
        # Each write increments a version, or changes the number of rows.
        state += (
            part.objects.filter(**of_version).aggregate(a=Count("pk"), b=Sum("version"), c=Max("updated_at")).values()
        )
    return hashlib.sha256(repr(state).encode()).hexdigest()[:32]


def _people(actor: Actor, meeting: Meeting) -> list[str]:
    wanted = list(dict.fromkeys((meeting.owner_id, *meeting.participants)))
    names = dict(User.objects.visible_to(actor).filter(pk__in=wanted).values_list("pk", "display_name"))
    return [names[user_id] for user_id in wanted if user_id in names]
