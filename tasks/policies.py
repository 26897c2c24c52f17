"""Permissions on tasks. `TaskQuerySet.visible_to` decides which tasks an actor sees, and may therefore change."""

from collections.abc import Mapping
from typing import Any

from changes.feed.subjects import Visibility
from core.actors import Actor
from tasks.models import Task

#: The group of administrators, who see every task.
ADMINISTRATORS = "administrators"


def audience(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Return which groups see the task with this row image; consistent with `TaskQuerySet.visible_to`."""
    members = {image["created_by_id"], image["assigned_to_id"]} - {None}
    return dict.fromkeys((ADMINISTRATORS, *members), Visibility.WHOLE)


def groups(actor: Actor) -> frozenset[str]:
    """Return the groups that the actor belongs to; see `audience`."""
    if not actor.is_authenticated:
        return frozenset()
    return frozenset({ADMINISTRATORS} if actor.is_administrator else {str(actor.pk)})


def may_delete(actor: Actor, task: Task) -> bool:
    """Return whether the actor may delete the task: its creator and administrators."""
    return bool(actor.is_authenticated and (actor.is_administrator or actor.pk == task.created_by_id))
