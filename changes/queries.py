"""Reading the change log."""

import uuid

from django.db.models import QuerySet

from changes.models import Change


def history(subject_type: str, subject_id: uuid.UUID | str) -> QuerySet[Change]:
    """A subject's changes, newest first, committed ones that have no `seq` yet included. Slice it: one index scan."""
    return Change.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by("-id")
