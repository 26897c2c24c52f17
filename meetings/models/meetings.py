"""Meetings and uploads of their recordings."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import BooleanField, F, Func, UUIDField, Value
from django.utils import timezone

from changes.triggers import logged
from core.db.fields import Id, MultiLineField, SingleLineField
from core.db.search import words_of
from core.models import Versioned
from meetings.fields import Language, ParticipantsField


class Status(models.IntegerChoices):
    """Numbers as in meeting.v1.MeetingStatus."""

    PENDING = 1
    QUEUED = 2
    PROCESSING = 3
    COMPLETED = 4
    FAILED = 5
    CANCELLED = 6


#: The recording is worked on, or will be.
RUNNING = (Status.QUEUED, Status.PROCESSING)
#: Nothing more comes of the recording by itself.
OVER = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class Stage(models.IntegerChoices):
    """Numbers as in meeting.v1.MeetingStage, in the order in which they follow each other."""

    TRANSCRIBING = 1
    DIARIZING = 2
    SUMMARIZING = 3


class MeetingQuerySet(models.QuerySet["Meeting"]):
    def visible_to(self, actor: Any) -> "MeetingQuerySet":
        """What this actor may see: administrators every meeting, others what they own and what they take part in."""
        if not actor.is_authenticated:
            return self.none()
        return self if actor.is_administrator else self.visible_to_member(actor.pk)

    def visible_to_member(self, user_id: UUID) -> "MeetingQuerySet":
        return self.filter(models.Q(owner=user_id) | models.Q(takes_part(user_id)))


def takes_part(user_id: UUID) -> Func:
    """A condition for `filter`: the user is a participant. Said so that the user's id is a parameter of its own."""
    return Func(
        F("participants"),
        Value(user_id, UUIDField()),
        template="(%(expressions)s])",
        arg_joiner=" @> ARRAY[",
        output_field=BooleanField(),
    )


class Meeting(Versioned):
    """One row = one meeting, that was or will be.

    Who takes part stands in the row itself, so the change log's images say who may see it. The database keeps the two
    references to users (migration 0001): a participant who is deleted is left out, an owner cannot be deleted.
    """

    #: Constraint name → what is told to who would break it by deleting the user.
    kept_by = {"meetings_owner_user": "A meeting is owned by this account; give it another owner or delete it first."}

    id = Id()
    title = SingleLineField(max_length=200, error_messages={"blank": "Title is required", "null": "Title is required"})
    starts_at = models.DateTimeField(null=True, blank=True)
    participants = ParticipantsField(blank=True, default=list)
    language = Language()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    status = models.PositiveSmallIntegerField(choices=Status, default=Status.PENDING, editable=False)
    #: In percent.
    progress = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)], editable=False)
    #: PROCESSING only.
    stage = models.PositiveSmallIntegerField(choices=Stage, null=True, blank=True, editable=False)
    #: PROCESSING only; None while it cannot be told.
    estimated_end_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: FAILED only: a sentence for people.
    failure_reason = MultiLineField(max_length=1000, blank=True, default="", editable=False)
    #: A sentence for people about what is odd with the recording.
    notice = MultiLineField(max_length=1000, blank=True, default="", editable=False)
    #: Of the recording; 0 while it is not known.
    duration_ms = models.BigIntegerField(default=0, editable=False)
    #: The version that is shown where none is asked for; 0 while there is none.
    transcript_version = models.PositiveIntegerField(default=0, editable=False)
    #: Its name in the storage `recordings`; empty while there is none.
    recording = models.CharField(max_length=100, blank=True, default="", editable=False)
    recording_filename = SingleLineField(max_length=255, blank=True, default="", editable=False)
    recording_content_type = SingleLineField(max_length=255, blank=True, default="", editable=False)
    #: In bytes.
    recording_size = models.BigIntegerField(default=0, editable=False)
    #: In lower-case hex.
    recording_sha256 = models.CharField(max_length=64, blank=True, default="", editable=False)
    recording_uploaded_at = models.DateTimeField(null=True, blank=True, editable=False)

    search_words = words_of("title")

    objects = MeetingQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["created_at", "id"], name="meetings_newest"),
            models.Index(fields=["status", "created_at", "id"], name="meetings_newest_by_status"),
            models.Index(fields=["owner", "created_at", "id"], name="meetings_newest_by_owner"),
            models.Index(fields=["starts_at", "id"], name="meetings_by_starts_at"),
            GinIndex(fields=["participants"], name="meetings_participants"),
            GinIndex(fields=["search_words"], name="meetings_words"),
        ]
        triggers = logged("meeting", exclude=["search_words"])

    def __str__(self) -> str:
        return str(self.title)


class Upload(models.Model):
    """One row = one recording that comes in piece by piece (tus 1.0), and how much of it is on disk."""

    id = Id()
    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="+")
    #: Nobody else goes on with it.
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    #: What was announced of it.
    filename = models.CharField(max_length=255, blank=True)
    content_type = models.CharField(max_length=255, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    #: `Upload-Metadata` as it was sent.
    metadata = models.TextField(blank=True)
    #: In bytes; None while the client has not announced it.
    length = models.BigIntegerField(null=True)
    #: So many bytes, from the first, are on disk. What the file has beyond them is not counted yet.
    offset = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now, db_index=True)
    #: When the meeting had it, or it turned out to be no recording.
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.filename} {self.pk}"
