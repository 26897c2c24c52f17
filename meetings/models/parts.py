"""What the rows have in common that belong to a meeting."""

from typing import Any

from django.conf import settings
from django.db import models

from core.db.fields import Id
from core.models import Versioned
from meetings.models.meetings import Meeting


class PartQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Any) -> "PartQuerySet":
        """Who sees a meeting sees all that belongs to it."""
        if actor.is_authenticated and actor.is_administrator:
            return self
        return self.filter(meeting__in=Meeting.objects.visible_to(actor))


def of_meeting() -> Any:
    """A reference to the meeting, with which the row goes, whoever deletes it: ON DELETE CASCADE (migration 0004)."""
    return models.ForeignKey(Meeting, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)


def of_user() -> Any:
    """A reference that empties when the user is deleted, by whatever writer: ON DELETE SET NULL (migration 0004)."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False
    )


class MeetingChild(Versioned):
    """A row that belongs to one version of a meeting's transcript, and is logged."""

    id = Id()
    meeting = of_meeting()
    transcript_version = models.PositiveIntegerField(editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        abstract = True
