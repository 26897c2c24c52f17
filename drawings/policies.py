"""Permissions on documents: those of their project. Which documents an actor sees is decided by
`DocumentQuerySet.visible_to`; editors of the project change them (`projects.policies.may_edit`).
"""

from collections.abc import Mapping
from typing import Any

from changes.feed.subjects import Visibility
from core.actors import Actor
from projects.policies import ADMINISTRATORS, audience_of_contents


def audience(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Return which groups see the document with this row image; consistent with `DocumentQuerySet.visible_to`."""
    return dict.fromkeys((ADMINISTRATORS, *audience_of_contents(image["project_id"])), Visibility.WHOLE)


def groups(actor: Actor) -> frozenset[str]:
    """Return the groups that the actor belongs to without a membership; see `audience`."""
    return frozenset({ADMINISTRATORS} if actor.is_authenticated and actor.is_administrator else ())


def who_see(document_id: str) -> str:
    """Return the group of all actors that may see this document. Only a subscription to the document grants it."""
    return f"document:{document_id}"


def audience_of_part(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Return which groups see the part of a document with this row image."""
    return {who_see(image["document_id"]): Visibility.WHOLE}
