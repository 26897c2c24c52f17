"""Permissions on tasks. Which tasks an actor sees is decided by `TaskQuerySet.visible_to`.

What an actor may do with a task follows from the task, and from their role in its project (None = not a member).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from changes.feed.subjects import Visibility
from core.actors import Actor
from projects.models import Role
from projects.policies import audience_of_contents, may_edit, may_manage
from tasks.models import Task

#: The group of administrators, who see every task.
ADMINISTRATORS = "administrators"


def audience(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Return which groups see the task with this row image; consistent with `TaskQuerySet.visible_to`."""
    people = {image["created_by_id"], image["assigned_to_id"]} - {None}
    # Images of before there were projects have no such column.
    of_project = audience_of_contents(image.get("project_id"))
    return dict.fromkeys((ADMINISTRATORS, *people, *of_project), Visibility.WHOLE)


def groups(actor: Actor) -> frozenset[str]:
    """Return the groups that the actor belongs to; see `audience`."""
    if not actor.is_authenticated:
        return frozenset()
    return frozenset({ADMINISTRATORS} if actor.is_administrator else {str(actor.pk)})


def may_change(actor: Actor, task: Task, role: Role | None) -> bool:
    """Return whether the actor may change the task: creator, assignee, editors of its project, administrators."""
    return _is_one_of(actor, task.created_by_id, task.assigned_to_id) or may_edit(actor, role)


def may_take_out(actor: Actor, task: Task, role: Role | None) -> bool:
    """Return whether the actor may take the task out of its project: creator, editors of it, administrators."""
    return _is_one_of(actor, task.created_by_id) or may_edit(actor, role)


def may_delete(actor: Actor, task: Task, role: Role | None) -> bool:
    """Return whether the actor may delete the task: creator, managers of its project, administrators."""
    return _is_one_of(actor, task.created_by_id) or may_manage(actor, role)


def _is_one_of(actor: Actor, *people: UUID | None) -> bool:
    return bool(actor.is_authenticated and actor.pk in people)
