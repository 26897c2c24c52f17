"""Subjects: the logged models in the feed, with their messages and audiences. Apps register them in `AppConfig.ready`.

register(Subject(User, message=user_message_of, audience=policies.audience, groups=policies.groups, …))
"""

import datetime
import uuid
from collections.abc import Callable, Collection, Mapping
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
    """Extent to which a caller sees a subject."""

    NOTHING = 0
    PART = 1
    WHOLE = 2


@dataclass(frozen=True, eq=False)
class Subject:
    """A logged model in the feed.

    Attributes:
        message: function that returns the message of a row at a visibility.
        audience: function that returns the groups that see the row with this image, and how much of it. It is called
            for each change, so it must not query the database. A group is any text that `groups` returns; a user's id
            is the group of that user alone.
        groups: function that returns the groups of an actor. Together with `audience` it must agree with the model's
            `visible_to`.
        paths: column → field of the message, where their names differ.
        partial: the fields of the message that are shown at the visibility PART.
        belongs_to: the column with the id of the subject that this one belongs to. Only streams about that subject
            (`Subscription.topic`) show it, to all callers that see that subject; `groups` returns none.
        order: the columns that order an initial state, before the id. Their values never change.
        shared_by: type of a membership (`memberships.Membership`) → column with the id of its owner. The audience of a
            row with an owner contains the owner's group, and changes in who belongs to it move the row into the views
            of actors and out of them. Such subjects have no `order`.
        overseers: groups that see every row whole, so that the memberships of their actors do not matter.
        collection: the part of the URL that the subject's rows are under, as `tasks`, for those whose history callers
            read (`changes.feed.history`).
        progress: columns that show how far work on a row has come. The history leaves out changes of these alone.
    """

    model: Any
    message: Callable[[Any, Visibility], Message]
    audience: Callable[[Image], Mapping[str, Visibility]]
    groups: Callable[[Any], frozenset[str]]
    paths: Mapping[str, str] = field(default_factory=dict)
    partial: frozenset[str] = frozenset()
    belongs_to: str = ""
    order: tuple[str, ...] = ()
    shared_by: Mapping[str, str] = field(default_factory=dict)
    overseers: frozenset[str] = frozenset()
    collection: str = ""
    progress: frozenset[str] = frozenset()

    @cached_property
    def type(self) -> str:
        """Name of the model's rows in the feed."""
        return self._trigger.subject_type

    @cached_property
    def not_logged(self) -> list[str]:
        """The columns that images leave out."""
        return [self.model._meta.get_field(name).column for name in self._trigger.exclude]

    @cached_property
    def _trigger(self) -> SharedFunctionTrigger:
        return next(t for t in self.model._meta.triggers if isinstance(t, SharedFunctionTrigger) and t.subject_type)

    @cached_property
    def fields(self) -> frozenset[str]:
        """Fields of the message."""
        return frozenset(self.message(self.model(), Visibility.WHOLE).DESCRIPTOR.fields_by_name)

    @cached_property
    def columns_not_shown(self) -> list[str]:
        """The logged columns whose changes a history leaves out: those of no field of the message, and `progress`."""
        columns = [str(column.column) for column in self._logged]
        left_out = KEPT_BY_TRIGGERS | self.progress
        return [name for name in columns if name in left_out or self._field_of(name) not in self.fields]

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
        """Return the model instance of an image. Fields that are not logged are deferred and must not be read.

        Columns that an image of an older schema lacks have the defaults of a new row; those whose default is made for
        each row are None.
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
        made_for_each = callable(column.default) and column.default not in (dict, list)
        return None if column.has_db_default() or made_for_each else column.get_default()

    def images(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Return the images of these rows, in order, in the form of the log."""
        # In SQL, the name of the table denotes the whole row; the ORM has no expression for that.
        image = RawSQL(f'to_jsonb("{self.model._meta.db_table}") - %s::text[]', [self.not_logged], models.JSONField())  # noqa: S611
        images: models.QuerySet[Any] = rows.annotate(image=image).order_by(*self.order, "pk")
        return images

    def changed_fields(self, change: ChangeRecord, extent: Visibility) -> list[str]:
        """Return the fields of the message, at this visibility, that an update changed."""
        fields: list[str] | None = change.derived.get((Subject.changed_fields, extent))
        if fields is None:
            fields = change.derived[Subject.changed_fields, extent] = self._changed(change, extent)
        return fields

    def changed_between(self, old: Image, new: Image) -> list[str]:
        """Return the fields of the message that differ between two images, by the names of their columns."""
        names = old.keys() & new.keys() - set(self.columns_not_shown)
        return sorted({self._field_of(name) for name in names if old[name] != new[name]})

    def _field_of(self, column: str) -> str:
        return self.paths.get(column, column).partition(".")[0]

    def seen_by(self, change: ChangeRecord, *, before: bool) -> Mapping[str, Visibility]:
        """Return the audience of the row after the change, or before it."""
        key = Subject.seen_by, before
        audience: Mapping[str, Visibility] | None = change.derived.get(key)
        if audience is None:
            image = change.old if before else change.new
            audience = change.derived[key] = {} if image is None else self.audience(image)
        return audience

    def _changed(self, change: ChangeRecord, extent: Visibility) -> list[str]:
        old, new = change.old or {}, change.new or {}
        common = old.keys() & new.keys() - KEPT_BY_TRIGGERS
        changed = {self.paths.get(name, name) for name in common if old[name] != new[name]}
        shown = self.fields if extent is Visibility.WHOLE else self.partial
        return sorted(path for path in changed if path.partition(".")[0] in shown)


_MISSING = object()

#: Type → subject.
registered: dict[str, Subject] = {}


def register(subject: Subject) -> None:
    """Add this model to the feed."""
    registered[subject.type] = subject


def of(subject_type: str) -> Subject:
    """Return the subject of this type."""
    return registered[subject_type]


def types() -> Collection[str]:
    """Return all registered types."""
    return registered.keys()


def own_types() -> Collection[str]:
    """Return the types of independent subjects, without those that belong to another subject."""
    return [name for name, subject in registered.items() if not subject.belongs_to]


def extent(seen_by: Mapping[str, Visibility], groups: Collection[str]) -> Visibility:
    """Return how much a member of all these groups sees."""
    if len(seen_by) < len(groups):
        return max((seen_by[group] for group in seen_by if group in groups), default=Visibility.NOTHING)
    return max((seen_by.get(group, Visibility.NOTHING) for group in groups), default=Visibility.NOTHING)


def _reader(column: "models.Field[Any, Any]") -> Callable[[Any], Any] | None:
    """Return the function that parses a JSON value of this column; None if the value needs no parsing."""
    kinds: dict[type, Callable[[Any], Any]] = {
        models.DateTimeField: datetime.datetime.fromisoformat,
        models.DateField: datetime.date.fromisoformat,
        models.UUIDField: uuid.UUID,
    }
    target = getattr(column, "target_field", column)
    return next((read for kind, read in kinds.items() if isinstance(target, kind)), None)
