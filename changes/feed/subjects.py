"""Subjects: what the feed shows of a logged model's rows, and to whom. Each app registers its own in `AppConfig.ready`.

register(Subject(User, message=user_message_of, audience=policies.audience, groups=policies.groups, …))
"""

import datetime
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any

from django.db import models
from django.db.models.expressions import RawSQL
from google.protobuf.message import Message

from changes.feed.log import ChangeRecord, Image
from changes.models import KEPT_BY_TRIGGERS
from changes.triggers import SharedFunctionTrigger


class Visibility(IntEnum):
    """How much of a subject somebody sees."""

    NOTHING = 0
    PART = 1
    WHOLE = 2


@dataclass(frozen=True, eq=False)
class Subject:
    """One logged model.

    Attributes:
        message: the row as the contract shows it, to this extent.
        audience: which groups see the row with this image, and how much of it. Asked for each change, so it only looks.
            A group is any text that `groups` gives; a user's id is the group of that user alone.
        groups: the groups that an actor belongs to. Together with `audience` it must mean what the model's
            `visible_to` means.
        paths: column → field of the message, where it is called otherwise.
        partial: the fields of the message that are shown where only a part is.
        belongs_to: the column that names the subject which this one belongs to. Only streams about that one show it
            (`View.topic`), to whoever sees that; `groups` gives none.
        order: the columns by which an initial state is in order, before the id. They never change.
    """

    model: Any
    message: Callable[[Any, Visibility], Message]
    audience: Callable[[Image], Mapping[str, Visibility]]
    groups: Callable[[Any], frozenset[str]]
    paths: Mapping[str, str] = field(default_factory=dict)
    partial: frozenset[str] = frozenset()
    belongs_to: str = ""
    order: tuple[str, ...] = ()

    @cached_property
    def type(self) -> str:
        """What the feed calls it."""
        return self._trigger.subject_type

    @cached_property
    def not_logged(self) -> list[str]:
        """The columns that are in no image."""
        return [self.model._meta.get_field(name).column for name in self._trigger.exclude]

    @cached_property
    def _trigger(self) -> SharedFunctionTrigger:
        return next(t for t in self.model._meta.triggers if isinstance(t, SharedFunctionTrigger) and t.subject_type)

    @cached_property
    def _fields(self) -> frozenset[str]:
        return frozenset(self.message(self.model(), Visibility.WHOLE).DESCRIPTOR.fields_by_name)

    @cached_property
    def _logged(self) -> "list[models.Field[Any, Any]]":
        return [column for column in self.model._meta.concrete_fields if column.name not in self._trigger.exclude]

    @cached_property
    def _readers(self) -> list[tuple[str, Callable[[Any], Any] | None]]:
        return [(str(column.column), _reader(column)) for column in self._logged]

    @cached_property
    def _names(self) -> list[str]:
        return [column.attname for column in self._logged]

    def row(self, image: Image) -> Any:
        """The model's instance that the image is of. What is not logged is deferred; do not ask for it.

        An image of an older schema lacks columns; they are as they are in a new row.
        """
        values = []
        for column, read in self._readers:
            value = image.get(column, _MISSING)
            if value is _MISSING:
                value = self._default(column)
            elif value is not None and read is not None:
                value = read(value)
            values.append(value)
        return self.model.from_db(None, self._names, values)

    def _default(self, name: str) -> Any:
        column = next(column for column in self._logged if column.column == name)
        return None if column.has_db_default() else column.get_default()

    def images(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The images of these rows, in order, as the log would have them."""
        # The table's name stands for its row; the ORM has no word for that.
        image = RawSQL(f'to_jsonb("{self.model._meta.db_table}") - %s::text[]', [self.not_logged], models.JSONField())  # noqa: S611
        found: models.QuerySet[Any] = rows.annotate(image=image).order_by(*self.order, "pk")
        return found

    def changed_fields(self, change: ChangeRecord, extent: Visibility) -> list[str]:
        """Which of the message's fields, as shown to this extent, an update changed."""
        found: list[str] | None = change.made.get((Subject.changed_fields, extent))
        if found is None:
            found = change.made[Subject.changed_fields, extent] = self._changed(change, extent)
        return found

    def seen_by(self, change: ChangeRecord, *, before: bool) -> Mapping[str, Visibility]:
        """Who sees the row after the change, or saw it before."""
        key = Subject.seen_by, before
        found: Mapping[str, Visibility] | None = change.made.get(key)
        if found is None:
            image = change.old if before else change.new
            found = change.made[key] = {} if image is None else self.audience(image)
        return found

    def _changed(self, change: ChangeRecord, extent: Visibility) -> list[str]:
        old, new = change.old or {}, change.new or {}
        common = old.keys() & new.keys() - KEPT_BY_TRIGGERS
        changed = {self.paths.get(name, name) for name in common if old[name] != new[name]}
        shown = self._fields if extent is Visibility.WHOLE else self.partial
        return sorted(path for path in changed if path.partition(".")[0] in shown)


_MISSING = object()

_registered: dict[str, Subject] = {}


def register(subject: Subject) -> None:
    """Makes the feed show this model."""
    _registered[subject.type] = subject


def of(subject_type: str) -> Subject:
    """The subject of this type."""
    return _registered[subject_type]


def types() -> Collection[str]:
    """All types that are registered."""
    return _registered.keys()


def own_types() -> Collection[str]:
    """Those that stand for themselves: without what only belongs to another subject."""
    return [name for name, subject in _registered.items() if not subject.belongs_to]


def extent(seen_by: Mapping[str, Visibility], groups: Iterable[str]) -> Visibility:
    """How much the members of these groups see together."""
    return max((seen_by.get(group, Visibility.NOTHING) for group in groups), default=Visibility.NOTHING)


def _reader(column: "models.Field[Any, Any]") -> Callable[[Any], Any] | None:
    """How a value is read from JSON; None = as it is."""
    kinds: dict[type, Callable[[Any], Any]] = {
        models.DateTimeField: datetime.datetime.fromisoformat,
        models.DateField: datetime.date.fromisoformat,
        models.UUIDField: uuid.UUID,
    }
    target = getattr(column, "target_field", column)
    return next((read for kind, read in kinds.items() if isinstance(target, kind)), None)
