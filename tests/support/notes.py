"""A logged model of the tests' own, so that the log is tested without any app above it."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.test.utils import isolate_apps

from changes.triggers import logged
from core.actors import Actor
from core.db import ids
from core.db.versioned import Versioned


class NoteQuerySet(models.QuerySet["Note"]):
    def visible_to(self, actor: Actor) -> "NoteQuerySet":
        """Return the notes that the actor sees. Labels name groups; `facts` may limit them to a part."""
        seen = Q(labels__overlap=sorted(actor.groups))
        if ids.parsed(actor.pk):
            seen |= Q(team_id__in=NoteMember.objects.filter(user_id=actor.pk).values("team_id"))
        return self.filter(seen)


# No migration knows it; `conftest.notes_table` makes its table.
with isolate_apps("changes"):

    class Note(Versioned):
        """One row = one note."""

        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        title = models.TextField()
        labels = ArrayField(models.TextField(), blank=True, default=list)
        facts = models.JSONField(blank=True, default=dict)
        remind_at = models.DateTimeField(null=True, blank=True)
        pin = models.TextField(blank=True, default="", db_column="pin's hash")
        team_id = models.UUIDField(null=True, blank=True)
        shouted = models.GeneratedField(expression=Upper("title"), output_field=models.TextField(), db_persist=True)

        objects = NoteQuerySet.as_manager()

        class Meta:
            app_label = "changes"
            db_table = "tests_note"
            triggers = logged("note", exclude=["pin", "shouted"])

    class NoteMember(Versioned):
        """One row = one user is a member of a team, and sees its notes."""

        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        user_id = models.UUIDField()
        team_id = models.UUIDField()

        class Meta:
            app_label = "changes"
            db_table = "tests_note_member"
            triggers = logged("note.member")


def team(team_id: object) -> str:
    """Return the group of the members of a team."""
    return f"team:{team_id}"
