"""Who may do what to a task. Who may see one is `TaskQuerySet.visible_to`, and who sees one may change it."""

from collections.abc import Mapping
from typing import Any

from changes.feed.subjects import Visibility
from tasks.models import Task

#: Who sees every task.
ADMINISTRATORS = "administrators"


def audience(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Which groups see the task whose row has this image: `TaskQuerySet.visible_to`."""
    members = {image["created_by_id"], image["assigned_to_id"]} - {None}
    return dict.fromkeys((ADMINISTRATORS, *members), Visibility.WHOLE)


def groups(actor: Any) -> frozenset[str]:
    """The groups that an actor belongs to: see `audience`."""
    if not actor.is_authenticated:
        return frozenset()
    return frozenset({ADMINISTRATORS} if actor.is_administrator else {str(actor.pk)})


def may_delete(actor: Any, task: Task) -> bool:
    """Its creator and administrators."""
    return bool(actor.is_authenticated and (actor.is_administrator or actor.pk == task.created_by_id))
