"""Base model of the rows that belong to a meeting."""

from typing import Any

from django.conf import settings
from django.db import models

from core.actors import Actor
from core.db.fields import Id
from core.db.versioned import Versioned
from meetings.models.meetings import Meeting


class PartQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> "PartQuerySet":
        """Return the rows of all meetings that the actor may see."""
        if actor.is_authenticated and actor.is_administrator:
            return self
        return self.filter(meeting__in=Meeting.objects.visible_to(actor))


def of_meeting() -> Any:
    """Return a foreign key to the meeting. The database deletes the row with it: ON DELETE CASCADE (migration 0004)."""
    return models.ForeignKey(Meeting, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)


def of_user() -> Any:
    """Return a foreign key to a user. The database clears it with the user: ON DELETE SET NULL (migration 0004)."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False
    )


class MeetingChild(Versioned):
    """Base of the rows that belong to one version of a meeting's transcript, and are in the change log."""

    id = Id()
    meeting = of_meeting()
    transcript_version = models.PositiveIntegerField(editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        abstract = True
