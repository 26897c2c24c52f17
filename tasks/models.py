"""What a task is."""

from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from changes.triggers import logged
from core.db.fields import Id, MultiLineField, SingleLineField
from core.db.search import words_of
from core.models import Versioned
from tasks.fields import LabelsField, MetadataField


class Status(models.IntegerChoices):
    """Numbers as in taskservice.TaskStatus."""

    TODO = 1
    IN_PROGRESS = 2
    DONE = 3
    CANCELLED = 4


class Priority(models.IntegerChoices):
    """Numbers as in taskservice.Priority."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


#: What is still to be done.
OPEN = (Status.TODO, Status.IN_PROGRESS)


class TaskQuerySet(models.QuerySet["Task"]):
    def visible_to(self, actor: Any) -> "TaskQuerySet":
        """What this actor may see: administrators every task, others what they made and what they are to do."""
        if not actor.is_authenticated:
            return self.none()
        return self if actor.is_administrator else self.visible_to_member(actor.pk)

    def visible_to_member(self, user_id: Any) -> "TaskQuerySet":
        return self.filter(Q(created_by=user_id) | Q(assigned_to=user_id))


def _user(**options: Any) -> Any:
    """A reference that empties when the user is deleted, by whatever writer: ON DELETE SET NULL (migration 0001)."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False,
        db_constraint=False, **options,
    )  # fmt: skip


class Task(Versioned):
    """One row = one thing to do, by whoever it is assigned to."""

    already_exists = {"tasks_task_pkey": "Task with ID '{0.pk}' already exists"}

    id = Id()
    title = SingleLineField(max_length=200, error_messages={"blank": "Title is required", "null": "Title is required"})
    description = MultiLineField(max_length=10_000, blank=True, default="")
    status = models.PositiveSmallIntegerField(choices=Status, default=Status.TODO)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.MEDIUM)
    labels = LabelsField(blank=True, default=list)
    due_date = models.DateTimeField(null=True, blank=True)
    metadata = MetadataField(blank=True, default=dict)
    #: When it became DONE; None while it is not. The database keeps it for writers that do not know of it.
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: What it came from, as `meetings/<id>`; empty if somebody made it.
    source = SingleLineField(max_length=100, blank=True, default="", editable=False)

    created_by = _user(editable=False)
    assigned_to = _user()

    search_words = words_of("title", "description")

    objects = TaskQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["created_at", "id"], name="tasks_newest"),
            models.Index(fields=["status", "created_at", "id"], name="tasks_newest_by_status"),
            models.Index(fields=["created_by", "created_at", "id"], name="tasks_newest_by_creator"),
            # What one has to do but did not make is counted without a look at the table.
            models.Index(
                fields=["assigned_to", "created_at", "id"], include=["created_by"], name="tasks_newest_by_assignee"
            ),
            models.Index(fields=["updated_at", "id"], name="tasks_by_updated_at"),
            models.Index(fields=["due_date", "id"], name="tasks_by_due_date"),
            models.Index(fields=["priority", "id"], name="tasks_by_priority"),
            # All that `queries.figures` reads: a tenth of the table.
            models.Index(fields=["status", "priority", "assigned_to", "due_date"], name="tasks_figures"),
            GinIndex(fields=["labels"], name="tasks_labels"),
            GinIndex(fields=["search_words"], name="tasks_words"),
        ]
        triggers = [
            *logged("task", exclude=["search_words"]),
            pgtrigger.Trigger(
                name="completed_at",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                condition=pgtrigger.Condition(f"((NEW.status = {Status.DONE}) = (NEW.completed_at IS NULL))"),
                func=f"NEW.completed_at := CASE NEW.status WHEN {Status.DONE} THEN clock_timestamp() END; RETURN NEW;",
            ),
        ]

    def __str__(self) -> str:
        return str(self.title)


class TaskOrigin(models.Model):
    """One row = one task of another system that was brought in, and what it was like there at the last import.

    So a further import of the same source writes only what has changed there since, and what was changed here meanwhile
    stays. Of a task that was deleted here the row stays, too: it is not brought in again.
    """

    id = models.BigAutoField(primary_key=True)
    #: As the task's.
    source = models.CharField(max_length=100)
    #: What the source calls the task.
    external_id = models.CharField(max_length=300)
    #: The database empties it with the task (migration 0004).
    task = models.ForeignKey(Task, models.DO_NOTHING, null=True, related_name="+", db_constraint=False)
    #: A hash of each field's value.
    digests = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="tasks_origin_unique")]

    def __str__(self) -> str:
        return f"{self.source} {self.external_id}"
