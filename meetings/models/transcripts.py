"""Versions of a transcript, the stages that produce them, and their segments."""

from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from changes.triggers import logged
from core.db.fields import Id, MultiLineField
from core.db.search import words_of
from meetings.fields import Language, VocabularyField
from meetings.models.findings import Speaker
from meetings.models.meetings import Stage, Status
from meetings.models.parts import MeetingChild, of_meeting, of_user

MAX_SEGMENT_TEXT_LENGTH = 10_000


class Transcript(models.Model):
    """One row = one version: one processing of the recording from submission to end, including all retries.

    The parameters are frozen here at submission, so that each retry uses the same ones.
    """

    id = Id()
    meeting = of_meeting()
    #: Counts from 1 in each meeting.
    version = models.PositiveIntegerField()
    #: The file's name in the storage.
    recording = models.CharField(max_length=100)
    recording_sha256 = models.CharField(max_length=64)
    #: The requested language; empty = to be detected.
    language = Language()
    vocabulary = VocabularyField(default=list)
    #: The number of speakers; 0 = to be detected.
    speaker_count = models.PositiveSmallIntegerField(default=0)
    #: The day that relative dates such as "by Friday" refer to; None = they are not resolved.
    held_on = models.DateField(null=True)
    requested_by = of_user()
    #: As for the meeting: QUEUED to COMPLETED, FAILED or CANCELLED.
    status = models.PositiveSmallIntegerField(choices=Status, default=Status.QUEUED)
    #: The version is complete, and its summary is being made anew: RUNNING, and COMPLETED again afterwards.
    summarizing_again = models.BooleanField(default=False)
    #: The detected language, or the requested one.
    spoken_language = Language()
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meeting", "version"], name="meetings_transcript_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.meeting_id} version {self.version}"


class StageRun(models.Model):
    """One row = one run of a stage of a version, with this input and this engine."""

    id = Id()
    #: The database deletes the row with it: ON DELETE CASCADE (migration 0004).
    transcript = models.ForeignKey(Transcript, models.DO_NOTHING, related_name="stages", db_constraint=False)
    stage = models.PositiveSmallIntegerField(choices=Stage)
    #: SHA-256 of the input: the recording and the parameters, or the text.
    input_hash = models.CharField(max_length=64)
    #: SHA-256 of the engine's description.
    engine_hash = models.CharField(max_length=64)
    engine = models.JSONField(default=dict)
    #: Attempts since the last progress. Limited, so that a recording that kills its worker or node each time fails.
    tries = models.PositiveSmallIntegerField(default=0)
    #: Everything before this time of the recording is committed.
    done_ms = models.BigIntegerField(default=0)
    #: Where the engine is to begin in order to resume after the last segment; None = it has not named a time.
    resume_ms = models.BigIntegerField(null=True)
    #: CPU time of the engine, over all attempts.
    cpu_ms = models.BigIntegerField(default=0)
    begun_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["transcript", "stage", "input_hash", "engine_hash"], name="meetings_stage_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.transcript_id} {Stage(self.stage).label}"


class Segment(MeetingChild):
    """One row = an utterance without a pause.

    `text` is shown; `recognized_text` keeps what the engine recognised, and `SegmentEdit` each correction.
    """

    NO_SUCH_SPEAKER = "There is no such speaker in this version of the transcript."

    start_ms = models.BigIntegerField(editable=False)
    end_ms = models.BigIntegerField(editable=False)
    text = MultiLineField(max_length=MAX_SEGMENT_TEXT_LENGTH)
    recognized_text = models.TextField(editable=False)
    #: A speaker of the same version; None = unknown. No foreign key: speakers are only deleted with their meeting.
    speaker_id = models.UUIDField(null=True, blank=True)
    #: 0 to 1.
    confidence = models.FloatField(editable=False)
    #: [{"text", "start_ms", "end_ms", "confidence"}], as recognised.
    words = models.JSONField(default=list, blank=True, editable=False)
    #: {"name", "version", "model_id", "model_sha256"}.
    engine = models.JSONField(default=dict, editable=False)
    degraded = models.BooleanField(default=False, editable=False)
    #: The vocabulary corrected the text, and no user has changed it since.
    by_vocabulary = models.BooleanField("corrected by the vocabulary", default=False, editable=False)
    #: Where the segment was divided, and its second part; 0 = it was not.
    split_at_ms = models.BigIntegerField(default=0, editable=False)
    second_part_id = models.UUIDField(null=True, blank=True, editable=False)
    edited_by = of_user()
    edited_at = models.DateTimeField(null=True, blank=True, editable=False)

    search_words = words_of("text")

    class Meta:
        constraints = [
            # A segment that is transcribed again after an interruption is the same row.
            models.UniqueConstraint(
                fields=["meeting", "transcript_version", "start_ms"], name="meetings_segment_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="meetings_segments_newest"),
            GinIndex(fields=["search_words"], name="meetings_segments_words"),
        ]
        triggers = logged("meeting.segment", exclude=["search_words"])

    def __str__(self) -> str:
        return str(self.text)

    def clean(self) -> None:
        """Check that the speaker belongs to the same version."""
        same = {"meeting": self.meeting_id, "transcript_version": self.transcript_version}
        if self.speaker_id and not Speaker.objects.filter(pk=self.speaker_id, **same).exists():
            raise ValidationError({"speaker_id": ValidationError(self.NO_SUCH_SPEAKER, code="unknown")})


class EditSource(models.IntegerChoices):
    """Origin of a correction."""

    USER = 1
    VOCABULARY = 2


class SegmentEdit(models.Model):
    """One row = one correction of a segment: its new text, speaker and end. The segment itself keeps the first text."""

    id = Id()
    #: The database deletes the row with it: ON DELETE CASCADE (migration 0004).
    segment = models.ForeignKey(Segment, models.DO_NOTHING, related_name="edits", db_constraint=False)
    text = models.TextField()
    speaker_id = models.UUIDField(null=True)
    source = models.PositiveSmallIntegerField(choices=EditSource, default=EditSource.USER)
    #: It set the speaker.
    speaker_changed = models.BooleanField(default=False)
    #: Set if the segment was divided, or joined with its second part.
    end_ms = models.BigIntegerField(null=True)
    edited_by = of_user()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.text
