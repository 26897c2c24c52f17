"""Reading the change log."""

import uuid
from collections.abc import Collection

from django.db.models import Max, QuerySet

from changes.models import Change


def history(subject_type: str, subject_id: uuid.UUID | str) -> QuerySet[Change]:
    """A subject's changes, newest first, committed ones that have no `seq` yet included. Slice it: one index scan."""
    return Change.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by("-id")


def first_versions(subject_type: str, subject_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """With which version each of these is to begin whose id a deleted subject had; the others begin with 1.

    Who follows the feed applies what is newer: to them, a version 1 after a deletion would be old.
    """
    if not subject_ids:
        return {}
    told = Change.objects.filter(subject_type=subject_type, subject_id__in=subject_ids)
    last = told.values_list("subject_id").annotate(Max("subject_version"))
    return {subject_id: version + 1 for subject_id, version in last}
