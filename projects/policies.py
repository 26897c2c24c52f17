"""Permissions on projects. Which projects an actor sees is decided by `ProjectQuerySet.visible_to`.

What an actor may do follows from their role in the project (`queries.role_of`). Administrators may do what managers
may.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from changes.feed.subjects import Visibility
from core.actors import Actor
from projects.models import Role

#: The group of administrators, who see every project.
ADMINISTRATORS = "administrators"


def group_of(project_id: UUID | str) -> str:
    """Return the group of the members of a project, who see what lies in it."""
    return f"project:{project_id}"


def audience(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Return which groups see the project with this row image; consistent with `ProjectQuerySet.visible_to`."""
    return dict.fromkeys((ADMINISTRATORS, group_of(image["id"])), Visibility.WHOLE)


def audience_of_contents(project_id: UUID | str | None) -> frozenset[str]:
    """Return the groups that see what lies in this project, because of the project; none without one."""
    return frozenset((group_of(project_id),)) if project_id else frozenset()


def groups(actor: Actor) -> frozenset[str]:
    """Return the groups that the actor belongs to without a membership; see `audience`."""
    return frozenset({ADMINISTRATORS} if actor.is_authenticated and actor.is_administrator else ())


def has_role(actor: Actor, role: Role | None, least: Role) -> bool:
    """Return whether an actor with this role in a project (None = not a member) may do what needs at least `least`."""
    return bool(actor.is_authenticated and (actor.is_administrator or (role is not None and role >= least)))


def may_edit(actor: Actor, role: Role | None) -> bool:
    """Return whether the actor may create and change what lies in the project: editors, managers, administrators."""
    return has_role(actor, role, Role.EDITOR)


def may_manage(actor: Actor, role: Role | None) -> bool:
    """Return whether the actor may change, archive and delete the project, and change its members: managers and
    administrators.
    """
    return has_role(actor, role, Role.MANAGER)


def may_remove(actor: Actor, role: Role | None, user_id: UUID | None) -> bool:
    """Return whether the actor, with this role, may remove this member: those that may manage, and the member."""
    return may_manage(actor, role) or (actor.is_authenticated and actor.pk == user_id)
