"""Verification that nothing is left of deleted documents. Documents are kept as long as their projects."""

import datetime
from collections.abc import Iterator

from django.utils import timezone

from changes.models import Change, Operation
from changes.triggers import subject_type_of
from drawings.models import Document
from drawings.services import PARTS
from drawings.services.uploads import of_no_document

#: A younger file of no document may belong to an upload whose transaction has not committed yet.
_MAY_BE_NEW = datetime.timedelta(hours=1)


def remains() -> Iterator[str]:
    """Yield a sentence for each thing that should have been deleted, in the storage and in the change log."""
    for name in of_no_document(timezone.now() - _MAY_BE_NEW):
        yield f"The file {name} in the storage belongs to no document."
    deleted = Change.objects.filter(subject_type=subject_type_of(Document), operation=Operation.DELETED).values_list(
        "subject_id", flat=True
    )
    gone = [str(document_id) for document_id in deleted]
    for model in PARTS:
        logged = Change.objects.filter(subject_type=subject_type_of(model), new__document_id__in=gone)
        if count := logged.count():
            yield f"{count} changes of the kind {model._meta.verbose_name} contain parts of deleted documents."
