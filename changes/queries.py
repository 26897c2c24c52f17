"""Queries of the change log."""

import uuid
from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Max, QuerySet

from changes.models import Change
from core.actors import Actor
from core.db import ids


def history(subject_type: str, subject_id: uuid.UUID | str) -> QuerySet[Change]:
    """Return a subject's changes, newest first, including committed ones without a `seq`. A slice is one index scan."""
    return Change.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by("-id")


def names_of_users(actor: Actor, texts: Collection[str]) -> dict[str, str]:
    """Return the names of the users that these texts are the ids of, as far as the actor may see them."""
    wanted = {user_id for text in texts if (user_id := ids.parsed(text))}
    if not wanted:
        return {}
    users: Any = get_user_model()
    found = users.objects.visible_to(actor).filter(pk__in=wanted).values_list("pk", "display_name")
    return {str(user_id): name for user_id, name in found}


def first_versions(subject_type: str, subject_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the first version of those subjects whose id a deleted subject had; all others begin with 1.

    Subscribers apply only newer versions, so version 1 after a deletion would seem outdated to them.
    """
    if not subject_ids:
        return {}
    changes = Change.objects.filter(subject_type=subject_type, subject_id__in=subject_ids)
    last = changes.values_list("subject_id").annotate(Max("subject_version"))
    return {subject_id: version + 1 for subject_id, version in last}
