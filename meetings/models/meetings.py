"""Meetings and uploads of their recordings."""

from uuid import UUID

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, UUIDField, Value

from changes.triggers import logged
from core.actors import Actor
from core.db.fields import Id, MultiLineField, SingleLineField
from core.db.grouped import is_any_of
from core.db.search import words_of
from core.db.versioned import Versioned
from core.uploads.rows import ResumableUpload
from meetings.fields import Language, ParticipantsField, VocabularyField
from projects.models import Project, ids_of_member


class Status(models.IntegerChoices):
    """Statuses, numbered as in meeting.v1.MeetingStatus."""

    PENDING = 1
    QUEUED = 2
    PROCESSING = 3
    COMPLETED = 4
    FAILED = 5
    CANCELLED = 6


#: The recording is being processed, or is queued.
RUNNING = (Status.QUEUED, Status.PROCESSING)
#: Processing has ended.
OVER = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class Stage(models.IntegerChoices):
    """Stages of processing in their order, numbered as in meeting.v1.MeetingStage."""

    TRANSCRIBING = 1
    DIARIZING = 2
    SUMMARIZING = 3


class MeetingQuerySet(models.QuerySet["Meeting"]):
    def visible_to(self, actor: Actor) -> "MeetingQuerySet":
        """Return the meetings that the actor may see: administrators all, others those that they own or take part in,
        and those of the projects of which they are a member.
        """
        if not actor.is_authenticated:
            return self.none()
        if actor.is_administrator:
            return self
        # Unlike EXISTS, each part of this condition is found by an index.
        return self.filter(_held_with(actor.pk) | Q(is_any_of("project", ids_of_member(actor.pk))))

    def visible_to_member(self, user_id: UUID) -> "MeetingQuerySet":
        """Return the meetings that the user may see as no administrator, where the meetings are named by their ids.

        For each meeting the database looks for one membership, instead of reading those of all projects first.
        """
        of_project = Exists(ids_of_member(user_id).filter(project=OuterRef("project")))
        return self.filter(_held_with(user_id) | of_project)

    def held_with(self, user_id: UUID) -> "MeetingQuerySet":
        """Return the meetings that the user owns or takes part in, without those seen only because of a project."""
        return self.filter(_held_with(user_id))


def _held_with(user_id: UUID) -> Q:
    return Q(owner=user_id) | Q(takes_part(user_id))


def takes_part(user: UUID | OuterRef) -> Func:
    """Return a condition for `filter`: the user is a participant. Passes an id as a separate query parameter."""
    return Func(
        F("participants"),
        Value(user, UUIDField()) if isinstance(user, UUID) else user,
        template="(%(expressions)s])",
        arg_joiner=" @> ARRAY[",
        output_field=BooleanField(),
    )


class Meeting(Versioned):
    """One row = one past or future meeting.

    The row holds the participants' ids, so each image in the change log shows which users may see it. Triggers maintain
    both references to users (migration 0001): a deleted participant is removed, an owner cannot be deleted.
    """

    #: Constraint name → the message for a caller whose deletion of a user would violate it.
    kept_by = {"meetings_owner_user": "A meeting is owned by this account; give it another owner or delete it first."}

    id = Id()
    title = SingleLineField(max_length=200, error_messages={"blank": "Title is required", "null": "Title is required"})
    starts_at = models.DateTimeField(null=True, blank=True)
    participants = ParticipantsField(blank=True, default=list)
    language = Language()
    vocabulary = VocabularyField(blank=True, default=list)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    #: The database clears it with the project: ON DELETE SET NULL (migration 0019).
    project = models.ForeignKey(
        Project, models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False, db_constraint=False
    )
    status = models.PositiveSmallIntegerField(choices=Status, default=Status.PENDING, editable=False)
    #: In percent.
    progress = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)], editable=False)
    #: PROCESSING only.
    stage = models.PositiveSmallIntegerField(choices=Stage, null=True, blank=True, editable=False)
    #: PROCESSING only; None while it cannot be estimated.
    estimated_end_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: FAILED only: the reason, as a sentence for people.
    failure_reason = MultiLineField(max_length=1000, blank=True, default="", editable=False)
    #: A warning about the recording, as a sentence for people.
    notice = MultiLineField(max_length=1000, blank=True, default="", editable=False)
    #: Stages that could not be carried out: {"stage", "reason"}, in the order of the stages.
    missing = models.JSONField(blank=True, default=list, editable=False)
    #: Length of the recording; 0 = not known yet.
    duration_ms = models.BigIntegerField(default=0, editable=False)
    #: The version that is shown by default; 0 = there is none yet.
    transcript_version = models.PositiveIntegerField(default=0, editable=False)
    #: The file's name in the storage `recordings`; empty = there is no recording yet.
    recording = models.CharField(max_length=100, blank=True, default="", editable=False)
    recording_filename = SingleLineField(max_length=255, blank=True, default="", editable=False)
    recording_content_type = SingleLineField(max_length=255, blank=True, default="", editable=False)
    #: In bytes.
    recording_size = models.BigIntegerField(default=0, editable=False)
    #: In lower-case hex.
    recording_sha256 = models.CharField(max_length=64, blank=True, default="", editable=False)
    recording_uploaded_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: When the retention of the recording, or of the transcript, ended; None = it has not.
    recording_deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    transcript_deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Its audio arrives at present, by StreamAudio.
    live = models.BooleanField(default=False, editable=False)

    search_words = words_of("title")

    objects = MeetingQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["created_at", "id"], name="meetings_newest"),
            models.Index(fields=["status", "created_at", "id"], name="meetings_newest_by_status"),
            models.Index(fields=["owner", "created_at", "id"], name="meetings_newest_by_owner"),
            models.Index(fields=["starts_at", "id"], name="meetings_by_starts_at"),
            models.Index(
                fields=["project", "created_at", "id"],
                name="meetings_newest_of_project",
                condition=Q(project__isnull=False),
            ),
            GinIndex(fields=["participants"], name="meetings_participants"),
            GinIndex(fields=["search_words"], name="meetings_words"),
        ]
        triggers = logged("meeting", exclude=["search_words"])

    def __str__(self) -> str:
        return str(self.title)


class LiveFormat(models.IntegerChoices):
    """Formats of live audio, numbered as in meeting.v1.LiveAudioFormat."""

    PCM = 1
    WEBM = 2


class Upload(ResumableUpload):
    """One row = one recording that arrives in pieces: a resumable upload (tus 1.0), or live audio. It has ended when
    the recording was attached to the meeting, or was found not to be a recording.
    """

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="+")
    #: The recording that it replaces, by its name in the storage; empty = none; None = it replaces nothing.
    replaces = models.CharField(max_length=100, null=True)
    #: The meeting was created for the upload.
    made_meeting = models.BooleanField(default=False)
    #: Of live audio; None = the upload is resumable.
    live_format = models.PositiveSmallIntegerField(choices=LiveFormat, null=True)
    #: Live samples per second; 0 = the file states it.
    sample_rate = models.PositiveIntegerField(default=0)
    #: The number of the last live part that is on disk; 0 = none.
    seq = models.BigIntegerField(default=0)
    #: The connection that sends the live audio; a newer one replaces it.
    source = models.UUIDField(null=True)
    #: The version of the transcript that is made of the live audio.
    transcript_id = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["meeting"],
                condition=Q(live_format__isnull=False, ended_at=None),
                name="meetings_upload_live_unique",
            ),
        ]
