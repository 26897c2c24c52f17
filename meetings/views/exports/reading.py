"""What a file is made of: one version of a transcript, read a part at a time."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Sum

from meetings.models import ActionItem, Meeting, Segment, Speaker, Status, Summary, Transcript
from meetings.queries import get_meeting
from meetings.queries.transcripts import version_of
from users.models import User

_BATCH_SIZE = 500


@dataclass(frozen=True)
class Transcription:
    """One version of a meeting's transcript, and what was found in it.

    Attributes:
        version: 0 = there is none yet.
        language: what is spoken, as far as is known.
        fingerprint: another one, if anything of it is another.
        progress: in percent; None = that of an earlier version, which is not kept.
        failure_reason: a sentence for people, if it failed.
        notice: a sentence for people about what is odd with the recording; of the newest version only.
        people: the names of the owner and the participants, in their order, as far as the caller may see them.
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
    speakers: Sequence[Speaker]
    summary: Summary | None
    action_items: Sequence[ActionItem]
    _names: Mapping[UUID, str] = field(repr=False)

    def speaker_of(self, segment: Segment) -> str:
        """Who speaks: a name, or a label; empty if that is not known."""
        return self._names.get(segment.speaker_id, "") if segment.speaker_id else ""

    def segments(self) -> Iterator[Segment]:
        """What was said, in the order in which it was; of one moment, and few at a time."""
        rows = Segment.objects.filter(meeting=self.meeting, transcript_version=self.version)
        with transaction.atomic():
            yield from rows.defer("search_words").order_by("start_ms").iterator(chunk_size=_BATCH_SIZE)


def transcription(actor: Any, meeting_id: str, version: int) -> Transcription:
    """The version with this number; 0 = the current one.

    Raises:
        Meeting.DoesNotExist: also if the actor may not see it.
        Transcript.DoesNotExist: there is no such version.
    """
    meeting = get_meeting(actor, meeting_id)
    version = version_of(meeting, version)
    made = Transcript.objects.filter(meeting=meeting, version=version).first()
    of_version = {"meeting": meeting, "transcript_version": version}
    # First: if something changes meanwhile, the file is newer than this says, and is asked for again.
    fingerprint = _fingerprint(meeting, of_version)
    speakers = list(Speaker.objects.filter(**of_version).defer("voice_print").order_by("place"))
    return Transcription(
        meeting,
        version,
        (made.spoken_language or made.language if made else "") or meeting.language,
        fingerprint,
        *_state(meeting, made),
        _people(actor, meeting),
        speakers,
        Summary.objects.filter(**of_version).first(),
        list(ActionItem.objects.filter(**of_version).order_by("place")),
        {speaker.pk: speaker.name or speaker.label for speaker in speakers},
    )


def _state(meeting: Meeting, made: Transcript | None) -> tuple[Status, int | None, str, str]:
    """How far the version is, and what is to be said of it: the meeting tells that of its newest version."""
    if made is None or not Transcript.objects.filter(meeting=meeting, version__gt=made.version).exists():
        return Status(meeting.status), meeting.progress, meeting.failure_reason, meeting.notice
    return Status(made.status), 100 if made.status == Status.COMPLETED else None, "", ""


def _fingerprint(meeting: Meeting, of_version: Mapping[str, Any]) -> str:
    told = [str(meeting.pk), meeting.version]
    for part in (Segment, Speaker, Summary, ActionItem):
        # Each write makes one version more, or one row more or less.
        told += (
            part.objects.filter(**of_version).aggregate(a=Count("pk"), b=Sum("version"), c=Max("updated_at")).values()
        )
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def _people(actor: Any, meeting: Meeting) -> list[str]:
    wanted = list(dict.fromkeys((meeting.owner_id, *meeting.participants)))
    names = dict(User.objects.visible_to(actor).filter(pk__in=wanted).values_list("pk", "display_name"))
    return [names[user_id] for user_id in wanted if user_id in names]
