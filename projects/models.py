"""Models of projects and of their members."""

from typing import Any
from uuid import UUID

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower

from changes.triggers import logged
from core.actors import Actor
from core.db.fields import Id, MultiLineField, SingleLineField
from core.db.search import words_of
from core.db.versioned import Versioned


class Status(models.IntegerChoices):
    """Statuses, numbered as in project.v1.ProjectStatus."""

    ACTIVE = 1
    ARCHIVED = 2


class Role(models.IntegerChoices):
    """Roles of members, numbered as in project.v1.ProjectRole. Each may do what those with lower numbers may."""

    VIEWER = 1
    EDITOR = 2
    MANAGER = 3


class DrawingStandard(models.IntegerChoices):
    """Standards of designators in drawings, numbered as in project.v1.DrawingStandard."""

    AUTO = 1
    IEC_81346 = 2, "IEC 81346"
    IEEE_315 = 3, "IEEE 315"


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, actor: Actor) -> "ProjectQuerySet":
        """Return the projects that the actor may see: administrators all, others those they are members of."""
        if not actor.is_authenticated:
            return self.none()
        return self if actor.is_administrator else self.visible_to_member(actor.pk)

    def visible_to_member(self, user_id: UUID) -> "ProjectQuerySet":
        return self.filter(pk__in=ids_of_member(user_id))


class Project(Versioned):
    """One row = one project."""

    already_exists = {
        "projects_number_unique": "Project with number '{0.number}' already exists",
        "projects_name_unique": "Project with this name already exists",
    }

    id = Id()
    #: The team's own number for it; free text.
    number = SingleLineField(max_length=50, blank=True, default="")
    name = SingleLineField(max_length=200, error_messages={"blank": "Name is required", "null": "Name is required"})
    description = MultiLineField(max_length=1_000, blank=True, default="")
    client = SingleLineField(max_length=200, blank=True, default="")
    status = models.PositiveSmallIntegerField(choices=Status, default=Status.ACTIVE, editable=False)
    drawing_standard = models.PositiveSmallIntegerField(choices=DrawingStandard, default=DrawingStandard.AUTO)
    #: The database clears it with the user: ON DELETE SET NULL (migration 0001).
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, editable=False, related_name="+",
        db_index=False, db_constraint=False,
    )  # fmt: skip

    search_words = words_of("number", "name", "client")

    objects = ProjectQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["number"], condition=~Q(number=""), name="projects_number_unique"),
            models.UniqueConstraint(
                F("created_by"), Lower("name"), condition=Q(status=Status.ACTIVE), name="projects_name_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["updated_at", "id"], name="projects_by_updated_at"),
            models.Index(fields=["created_by"], name="projects_of_creator"),
            GinIndex(fields=["search_words"], name="projects_words"),
        ]
        triggers = [
            *logged("project", exclude=["search_words"]),
            # The triggers of a statement run in the order of their names: this one after `log_delete`. So the log holds
            # first the deletion of the project, which its members still see, and then the end of their memberships.
            pgtrigger.Trigger(
                name="members_go_with_it",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Delete,
                referencing=pgtrigger.Referencing(old="old_rows"),  # type: ignore[no-untyped-call]
                func="DELETE FROM projects_projectmember WHERE project_id IN (SELECT id FROM old_rows); RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.number, self.name)))

    @property
    def is_archived(self) -> bool:
        """True if it is only read: each write to it, or to what lies in it, is a Conflict."""
        return self.status == Status.ARCHIVED


class ProjectMemberQuerySet(models.QuerySet["ProjectMember"]):
    def visible_to(self, actor: Actor) -> "ProjectMemberQuerySet":
        """Return the members of all projects that the actor may see."""
        if not actor.is_authenticated:
            return self.none()
        return self if actor.is_administrator else self.filter(project__in=ids_of_member(actor.pk))


class ProjectMember(Versioned):
    """One row = one user's membership of a project. The database deletes it with the user, and with the project.

    Its changes move the user in and out of the feed's group of the project.
    """

    already_exists = {"projects_member_unique": "This user is a member of the project already"}

    id = Id()
    project = models.ForeignKey(Project, models.DO_NOTHING, related_name="+", db_index=False)
    #: ON DELETE CASCADE (migration 0001).
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    role = models.PositiveSmallIntegerField(choices=Role, error_messages={"null": "Role is required."})
    #: ON DELETE SET NULL (migration 0001).
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, editable=False, related_name="+",
        db_constraint=False,
    )  # fmt: skip

    objects = ProjectMemberQuerySet.as_manager()

    class Meta:
        verbose_name = "member"
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="projects_member_unique")]
        indexes = [
            # The projects of a user are read from the index alone.
            models.Index(fields=["user", "project"], include=["role"], name="projects_of_member"),
            models.Index(fields=["project", "created_at", "id"], name="projects_members_in_order"),
        ]
        triggers = logged("project.member")

    def __str__(self) -> str:
        return f"{self.get_role_display()} {self.user_id}"


def ids_of_member(user_id: Any, least: Role = Role.VIEWER) -> QuerySet[Any, Any]:
    """Return the ids of the projects in which the user has at least this role, as a subquery for `__in`."""
    memberships = ProjectMember.objects.filter(user=user_id)
    if least > Role.VIEWER:
        memberships = memberships.filter(role__gte=least)
    return memberships.values("project_id")
