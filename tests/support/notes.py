"""A logged model of the tests' own, so that the log is tested without any app above it."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Upper
from django.test.utils import isolate_apps

from changes.triggers import logged
from core.actors import Actor
from core.db.versioned import Versioned


class NoteQuerySet(models.QuerySet["Note"]):
    def visible_to(self, actor: Actor) -> "NoteQuerySet":
        """Return the notes that the actor sees. Labels name groups; `facts` may limit them to a part."""
        return self.filter(labels__overlap=sorted(actor.groups))


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
        shouted = models.GeneratedField(expression=Upper("title"), output_field=models.TextField(), db_persist=True)

        objects = NoteQuerySet.as_manager()

        class Meta:
            app_label = "changes"
            db_table = "tests_note"
            triggers = logged("note", exclude=["pin", "shouted"])
