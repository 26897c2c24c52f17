"""Findings in a transcript: speakers, a summary, action items."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from changes.triggers import logged
from core.db.fields import MultiLineField, SingleLineField
from meetings.fields import Language
from meetings.models.parts import MeetingChild, of_user
from meetings.models.voices import HasVoicePrint


class Speaker(HasVoicePrint, MeetingChild):
    """One row = one speaker in one version of a transcript."""

    #: `S1`, `S2`, …: in the order of their first utterances.
    label = models.CharField(max_length=20, editable=False)
    place = models.PositiveSmallIntegerField(editable=False)
    #: The speaker's name, as entered by a user.
    name = SingleLineField(max_length=200, blank=True, default="")
    user = of_user()
    speech_ms = models.BigIntegerField(default=0, editable=False)
    #: The user whose enrolled voice is similar, and the similarity. Naming the speaker confirms or rejects it.
    suggested_user = of_user()
    similarity = models.FloatField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meeting", "transcript_version", "label"], name="meetings_speaker_unique"),
        ]
        triggers = logged("meeting.speaker", exclude=["encrypted_print"])

    def __str__(self) -> str:
        return self.name or self.label

    @property
    def has_suggestion(self) -> bool:
        """True while a user is suggested and no name or user was given."""
        return bool(self.suggested_user_id and not self.user_id and not self.name)


class Summary(MeetingChild):
    """One row = the summary of one version. Statements are [{"text", "segment_ids"}]."""

    overview = models.JSONField(default=list, blank=True)
    topics = models.JSONField(default=list, blank=True)
    decisions = models.JSONField(default=list, blank=True)
    language = Language()
    #: Empty if the recording contains no speech.
    engine = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meeting", "transcript_version"], name="meetings_summary_unique"),
        ]
        triggers = logged("meeting.summary")

    def __str__(self) -> str:
        return " ".join(statement["text"] for statement in self.overview)


class ActionItemStatus(models.IntegerChoices):
    """Numbers as in meeting.v1.ActionItemStatus."""

    PROPOSED = 1
    ACCEPTED = 2
    REJECTED = 3


class ActionItem(MeetingChild):
    """One row = a commitment made in the meeting: a draft until a user accepts or rejects it."""

    place = models.PositiveIntegerField(editable=False)
    text = MultiLineField(max_length=10_000)
    #: The assignee's name, as uttered in the meeting.
    owner_name = SingleLineField(max_length=200, blank=True, default="")
    #: The user that the name refers to.
    assigned_to = of_user()
    #: The due date, as uttered in the meeting.
    due = SingleLineField(max_length=200, blank=True, default="")
    due_on = models.DateField(null=True, blank=True)
    segment_ids = ArrayField(models.UUIDField(), default=list)
    #: 0 to 1.
    confidence = models.FloatField()
    status = models.PositiveSmallIntegerField(choices=ActionItemStatus, default=ActionItemStatus.PROPOSED)
    #: ACCEPTED only. No foreign key: the meeting keeps the id after the task is deleted.
    task_id = models.UUIDField(null=True, blank=True)
    decided_by = of_user()
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # Places may be exchanged within a transaction.
            models.UniqueConstraint(
                fields=["meeting", "transcript_version", "place"],
                name="meetings_action_item_unique",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ]
        triggers = logged("meeting.action_item")

    def __str__(self) -> str:
        return str(self.text)
