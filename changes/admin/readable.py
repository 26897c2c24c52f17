"""Selection of the changes whose fields a reader of the log may see: those of rows that the reader may view."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Model

from changes.feed import subjects
from changes.models import Change
from changes.triggers import subject_type_of
from core.actors import Actor
from core.db import ids


@cache
def model_of(subject_type: str) -> type[Model] | None:
    """Return the model of a subject type; None if no such model exists any more."""
    return next((model for model in apps.get_models() if subject_type_of(model) == subject_type), None)


def readable(actor: Actor, changes: Iterable[Change], may_view: Callable[[type[Model] | None], bool]) -> set[int]:
    """Return the ids of the changes whose fields and reasons the actor may read.

    These are the changes of rows that the actor sees (`visible_to`), and of deleted rows that the actor would see if
    they existed. It takes two queries for each type of subject.

    Args:
        may_view: whether the actor has the permission to view the rows of a model; None = of one that was removed.
    """
    by_type = defaultdict[str, list[Change]](list)
    for change in changes:
        by_type[change.subject_type].append(change)
    found = set[int]()
    for subject_type, of_type in by_type.items():
        model = model_of(subject_type)
        if may_view(model):
            found.update(_readable_of(actor, model, of_type) if model else (change.pk for change in of_type))
    return found


def _readable_of(actor: Actor, model: type[Model], changes: Collection[Change]) -> set[int]:
    subject_ids = {change.subject_id for change in changes}
    seen = _visible(actor, model, subject_ids)
    unseen = model._default_manager.filter(pk__in=subject_ids - seen)
    deleted = subject_ids - seen - set(unseen.values_list("pk", flat=True))
    found = {change.pk for change in changes if change.subject_id in seen}
    return found | _readable_of_deleted(actor, model, [change for change in changes if change.subject_id in deleted])


def _readable_of_deleted(actor: Actor, model: type[Model], changes: Collection[Change]) -> set[int]:
    subject_type = subject_type_of(model) or ""
    if not changes or subject_type not in subjects.types():
        return set()
    subject = subjects.of(subject_type)
    images: dict[int, Any] = {change.pk: change.new or change.old for change in changes}
    if not subject.belongs_to:
        groups = subject.groups(actor)
        return {pk for pk, image in images.items() if image and subjects.extent(subject.audience(image), groups)}
    owners = {pk: ids.parsed(image[subject.belongs_to]) for pk, image in images.items() if image}
    owner: Any = model._meta.get_field(subject.belongs_to).related_model
    seen = _visible(actor, owner, {owner_id for owner_id in owners.values() if owner_id})
    return {pk for pk, owner_id in owners.items() if owner_id in seen}


def _visible(actor: Actor, model: Any, pks: Collection[UUID]) -> set[UUID]:
    return set(model._default_manager.visible_to(actor).filter(pk__in=pks).values_list("pk", flat=True))
