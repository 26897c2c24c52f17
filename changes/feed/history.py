"""The history of one subject, in pages."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from changes.feed import subjects
from changes.feed.subjects import Subject
from changes.models import Change, Operation
from changes.queries import history
from core.actors import Actor
from core.db import ids
from core.db.pagination import page_size, read_position, sign_position

_DIFFERS = "(old - %s::text[]) IS DISTINCT FROM (new - %s::text[])"


def subject_of_collection(collection: str) -> Subject:
    """Return the subject whose rows are under this part of the URL.

    Raises:
        ObjectDoesNotExist: there is none, or callers do not read its history.
    """
    for subject in subjects.registered.values():
        if subject.collection and subject.collection == collection:
            return subject
    raise ObjectDoesNotExist(f"There is no history of '{collection}'.")


def page_of_history(
    actor: Actor, subject: Subject, subject_id: str, size: int, token: str, bound_to: Mapping[str, Any]
) -> tuple[list[Change], str]:
    """Return a page of the changes of a row that the actor sees now, newest first, and the token of the next page.

    Changes that change no field which the subject's message shows, or only how far work on it has come, are left out.

    Args:
        subject_id: as the client wrote it.

    Raises:
        ObjectDoesNotExist: there is no such row, or the actor may not see it.
        ValidationError: on `page_size` or `page_token`.
    """
    wanted = ids.parsed(subject_id)
    if wanted is None or not subject.model.objects.visible_to(actor).filter(pk=wanted).exists():
        raise ObjectDoesNotExist(f"{subject.model.__name__} with ID '{subject_id}' not found")
    limit = page_size(size, default=20)
    left_out = subject.columns_not_shown
    changes = history(subject.type, wanted)
    # A row that was deleted and created again with its id is another one.
    created_id = changes.filter(operation=Operation.CREATED).values_list("pk", flat=True).first()
    changes = changes.filter(pk__gte=created_id or 0).filter(RawSQL(_DIFFERS, [left_out, left_out], BooleanField()))  # noqa: S611 — our own text
    bound_to = {**bound_to, "caller": actor.pk, "subject": wanted}
    if token:
        changes = changes.filter(pk__lt=read_position(token, bound_to))
    page = list(changes[: limit + 1])
    return page[:limit], sign_position(page[limit - 1].pk, bound_to) if len(page) > limit else ""
