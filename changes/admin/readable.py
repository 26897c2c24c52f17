"""Selection of the changes whose fields a reader of the log may see: those of rows that the reader may view."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Model, QuerySet, Value

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
    they existed. The number of queries does not depend on that of the types.

    Args:
        may_view: whether the actor has the permission to view the rows of a model; None = of one that was removed.
    """
    by_type = defaultdict[str, list[Change]](list)
    for change in changes:
        by_type[change.subject_type].append(change)
    found = set[int]()
    of_models: dict[type[Model], list[Change]] = {}
    for subject_type, of_type in by_type.items():
        model = model_of(subject_type)
        if may_view(model):
            if model is None:
                found.update(change.pk for change in of_type)
            else:
                of_models[model] = of_type
    wanted = {(model, change.subject_id) for model, of_type in of_models.items() for change in of_type}
    seen = _visible(actor, wanted)
    kept = _rows(wanted - seen, lambda model: model._default_manager.all())
    deleted = defaultdict[type[Model], list[Change]](list)
    for model, of_type in of_models.items():
        for change in of_type:
            if (model, change.subject_id) in seen:
                found.add(change.pk)
            elif (model, change.subject_id) not in kept:
                deleted[model].append(change)
    return found | _readable_of_deleted(actor, deleted)


def _readable_of_deleted(actor: Actor, deleted: Mapping[type[Model], Sequence[Change]]) -> set[int]:
    """Return the changes of rows that the actor would see by their audience, or by the row that they belonged to."""
    found = set[int]()
    owners: dict[int, tuple[type[Model], UUID]] = {}
    for model, changes in deleted.items():
        subject_type = subject_type_of(model) or ""
        if not changes or subject_type not in subjects.types():
            continue
        subject = subjects.of(subject_type)
        images: dict[int, Any] = {change.pk: image for change in changes if (image := change.new or change.old)}
        if not subject.belongs_to:
            groups = subject.groups(actor)
            found.update(pk for pk, image in images.items() if subjects.extent(subject.audience(image), groups))
            continue
        owner: Any = model._meta.get_field(subject.belongs_to).related_model
        for pk, image in images.items():
            if owner_id := ids.parsed(image[subject.belongs_to]):
                owners[pk] = owner, owner_id
    seen = _visible(actor, owners.values())
    return found | {pk for pk, row in owners.items() if row in seen}


def _visible(actor: Actor, wanted: Iterable[tuple[type[Model], UUID]]) -> set[tuple[type[Model], UUID]]:
    """Return those of these rows that the actor sees."""

    def visible(model: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = model._default_manager.visible_to(actor)
        return rows

    return _rows(wanted, visible)


def _rows(
    wanted: Iterable[tuple[type[Model], UUID]], rows_of: Callable[[type[Model]], QuerySet[Any]]
) -> set[tuple[type[Model], UUID]]:
    """Return those of these rows that are among the rows of their models, in one query."""
    by_model = defaultdict[type[Model], set[UUID]](set)
    for model, pk in wanted:
        by_model[model].add(pk)
    models = list(by_model)
    querysets = [
        rows_of(model).filter(pk__in=by_model[model]).order_by().values_list(Value(place), "pk")
        for place, model in enumerate(models)
    ]
    if not querysets:
        return set()
    return {(models[place], pk) for place, pk in querysets[0].union(*querysets[1:], all=True)}
