"""Models of tasks and of their origin in other systems."""

from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q

from changes.triggers import logged
from core.actors import Actor
from core.db.fields import Id, MultiLineField, SingleLineField
from core.db.grouped import is_any_of
from core.db.search import words_of
from core.db.versioned import Versioned
from projects.models import Project, ids_of_member
from tasks.fields import LabelsField, MetadataField, RankField


class Status(models.IntegerChoices):
    """Statuses, numbered as in taskservice.TaskStatus."""

    TODO = 1
    IN_PROGRESS = 2
    DONE = 3
    CANCELLED = 4


class Priority(models.IntegerChoices):
    """Priorities, numbered as in taskservice.Priority."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


#: The statuses of unfinished tasks.
OPEN_STATUSES = (Status.TODO, Status.IN_PROGRESS)


class TaskQuerySet(models.QuerySet["Task"]):
    def visible_to(self, actor: Actor) -> "TaskQuerySet":
        """Return the tasks that the actor may see: administrators all, others those that they created or are assigned
        to, and those of the projects of which they are a member.
        """
        if not actor.is_authenticated:
            return self.none()
        if actor.is_administrator:
            return self
        # Unlike EXISTS, each part of this condition is found by an index.
        return self.filter(_people(actor.pk) | Q(is_any_of("project", ids_of_member(actor.pk))))

    def visible_to_member(self, user_id: Any) -> "TaskQuerySet":
        """Return the tasks that the user may see as no administrator, where the tasks are named by their ids.

        For each task the database looks for one membership, instead of reading those of all projects first.
        """
        return self.filter(_people(user_id) | Exists(ids_of_member(user_id).filter(project=OuterRef("project"))))


def _people(user_id: Any) -> Q:
    return Q(created_by=user_id) | Q(assigned_to=user_id)


def _user(**options: Any) -> Any:
    """Return a foreign key to a user. The database clears it with the user: ON DELETE SET NULL (migration 0001)."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False,
        db_constraint=False, **options,
    )  # fmt: skip


def _of_project(name: str, *fields: str, **options: Any) -> models.Index:
    return models.Index(name=name, fields=["project", *fields], condition=Q(project__isnull=False), **options)


class Task(Versioned):
    """One row = one task."""

    already_exists = {"tasks_task_pkey": "Task with ID '{0.pk}' already exists"}

    id = Id()
    title = SingleLineField(max_length=200, error_messages={"blank": "Title is required", "null": "Title is required"})
    description = MultiLineField(max_length=10_000, blank=True, default="")
    status = models.PositiveSmallIntegerField(choices=Status, default=Status.TODO)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.MEDIUM)
    labels = LabelsField(blank=True, default=list)
    due_date = models.DateTimeField(null=True, blank=True)
    metadata = MetadataField(blank=True, default=dict)
    rank = RankField()
    #: When the task became DONE; None = it is not DONE. A trigger sets it for writers that do not.
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: The task's origin, such as `meetings/<id>`; empty = a user created it.
    source = SingleLineField(max_length=100, blank=True, default="", editable=False)

    created_by = _user(editable=False)
    assigned_to = _user()
    #: The database clears it with the project: ON DELETE SET NULL (migration 0005).
    project = models.ForeignKey(
        Project, models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False, db_constraint=False
    )

    search_words = words_of("title", "description")

    objects = TaskQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["created_at", "id"], name="tasks_newest"),
            models.Index(fields=["status", "created_at", "id"], name="tasks_newest_by_status"),
            models.Index(fields=["created_by", "created_at", "id"], name="tasks_newest_by_creator"),
            # Tasks assigned to a user by others are counted from the index alone.
            models.Index(
                fields=["assigned_to", "created_at", "id"], include=["created_by"], name="tasks_newest_by_assignee"
            ),
            models.Index(fields=["updated_at", "id"], name="tasks_by_updated_at"),
            models.Index(fields=["due_date", "id"], name="tasks_by_due_date"),
            models.Index(fields=["priority", "id"], name="tasks_by_priority"),
            models.Index(fields=["completed_at"], name="tasks_completed", condition=Q(completed_at__isnull=False)),
            models.Index(fields=["rank", "id"], name="tasks_by_rank"),
            # All columns that `queries.get_task_stats` reads: a tenth of the table's size.
            models.Index(fields=["status", "priority", "assigned_to", "due_date"], name="tasks_figures"),
            # The lists of projects: in each order, and the columns of the figures. A task without a project is in none.
            # With creator and assignee in it, what a user sees only by the project is counted from the index alone.
            _of_project("tasks_of_project_newest", "created_at", "id", include=["created_by", "assigned_to"]),
            _of_project("tasks_of_project_by_updated_at", "updated_at", "id"),
            _of_project("tasks_of_project_by_due_date", "due_date", "id"),
            _of_project("tasks_of_project_by_priority", "priority", "id"),
            _of_project("tasks_of_project_by_rank", "rank", "id"),
            _of_project(
                "tasks_of_project_figures", "status", "priority", "assigned_to", "due_date", include=["created_by"]
            ),
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
    """One row = one imported task of another system, and digests of its fields at the last import.

    A further import of the same source writes only the fields that have changed there since, and keeps changes made
    here. The row of a task that was deleted here stays, so that the task is not imported again.
    """

    id = models.BigAutoField(primary_key=True)
    #: As `Task.source`.
    source = models.CharField(max_length=100)
    #: The task's id in the source.
    external_id = models.CharField(max_length=300)
    #: The database clears it when the task is deleted (migration 0004).
    task = models.ForeignKey(Task, models.DO_NOTHING, null=True, related_name="+", db_constraint=False)
    #: A hash of each field's value.
    digests = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="tasks_origin_unique")]

    def __str__(self) -> str:
        return f"{self.source} {self.external_id}"
