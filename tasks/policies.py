"""Who may do what to a task. Who may see one is `TaskQuerySet.visible_to`, and who sees one may change it."""

from typing import Any

from tasks.models import Task


def may_delete(actor: Any, task: Task) -> bool:
    """Its creator and administrators."""
    return bool(actor.is_authenticated and (actor.is_administrator or actor.pk == task.created_by_id))
