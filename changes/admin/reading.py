"""Human-readable texts of changes, limited to what the reader may see."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import Any
from uuid import UUID

from django.contrib.admin import AdminSite
from django.contrib.auth import get_permission_codename, get_user_model
from django.db.models import DateTimeField, Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.text import capfirst

from changes.admin.readable import model_of, readable
from changes.models import KEPT_BY_TRIGGERS, Change
from core.admin.writes import actor_of
from core.db import ids

#: Columns that every row has, or that `who` and `when` show already.
_HIDDEN_COLUMNS = KEPT_BY_TRIGGERS | {"id", "updated_by_id"}
_MAX_LENGTH = 150
#: Columns by which people know a row; the first that has a text is shown.
_NAMES = ("title", "name", "display_name", "label", "text", "email")
#: How many characters of the common beginning of two long texts are shown before their difference.
_CONTEXT_LENGTH = 30
#: Values that are left out for a row that was created or deleted.
_EMPTY: tuple[Any, ...] = (None, "", [], {}, False)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field's value before and after a change; empty if it had or has no value."""

    label: str
    before: str
    after: str


class Reader:
    """Reader of a set of changes. All users that the changes name are fetched in one query.

    Args:
        with_images: whether `differences` will be called.
    """

    def __init__(
        self, site: AdminSite, request: HttpRequest, changes: Iterable[Change], *, with_images: bool = True
    ) -> None:
        self._site = site
        self._request = request
        changes = list(changes)
        self._readable = readable(actor_of(request), changes, self._may_view)
        self._users = self._find({ident for change in changes for ident in _users_of(change, with_images)})

    def who(self, change: Change) -> str:
        """Return the actor: a link to the user, or the name of the part of the system."""
        user = self._users.get(ids.parsed(change.actor))
        return self._link(user, str(user)) if user else change.actor

    def subject(self, change: Change) -> str:
        """Return the changed subject, with a link to its page."""
        model = model_of(change.subject_type)
        text = f"{change.subject_type} {self._name(change) or change.subject_id}"
        return self._link(model(pk=change.subject_id), text) if model and self._may_see(model) else text

    def _name(self, change: Change) -> str:
        """Return the name that the subject had after the change; empty if it has none, or was forgotten."""
        image = (change.new or change.old or {}) if change.pk in self._readable else {}
        names = (image.get(column) for column in _NAMES)
        return next((f"“{_cut(name, 0)}”" for name in names if isinstance(name, str) and name.strip()), "")

    def reason(self, change: Change) -> str:
        """Return the reason of the change; empty for readers who may not see its subject."""
        return change.reason if change.pk in self._readable else ""

    def differences(self, change: Change) -> list[Difference]:
        """Return the fields that were set, changed or removed; none once the subject was forgotten.

        Readers who may not view the subject get none either: the log shows no field that its row does not show.
        """
        if change.pk not in self._readable:
            return []
        old, new = change.old or {}, change.new or {}
        fields = _fields(change.subject_type)
        if old and new:
            names = [name for name in new if old.get(name) != new[name]]
        else:
            names = [name for name, value in (old or new).items() if value not in _EMPTY]
        return [
            self._difference(name, fields.get(name), old.get(name), new.get(name))
            for name in names
            if name not in _HIDDEN_COLUMNS
        ]

    def _difference(self, name: str, field: Any, before: Any, after: Any) -> Difference:
        label = field.verbose_name if field else name.replace("_", " ")
        return Difference(capfirst(str(label)), *_shortened(self._text(field, before), self._text(field, after)))

    def _text(self, field: Any, value: Any) -> str:
        match value:
            case None:
                return ""
            case bool():
                return "yes" if value else "no"
            case list() if _names_user(field):
                return ", ".join(str(self._users.get(ids.parsed(item), item)) for item in value)
            case list():
                return ", ".join(self._text(getattr(field, "base_field", None), item) for item in value)
            case dict():
                return ", ".join(f"{key}: {self._text(None, item)}" for key, item in value.items())
            case str() if isinstance(field, DateTimeField) and (moment := parse_datetime(value)):
                return (
                    f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"
                    if moment.tzinfo
                    else f"{moment:%Y-%m-%d %H:%M:%S}"
                )
            case str() if _names_user(field):
                return str(self._users.get(ids.parsed(value), value))
            case _:
                return str(dict(field.flatchoices).get(value, value) if field else value)

    def _find(self, wanted: set[UUID]) -> Mapping[UUID | None, Model]:
        users = get_user_model()
        if not wanted or not self._may_see(users):
            return {}
        return self._site.get_model_admin(users).get_queryset(self._request).in_bulk(wanted)

    def _may_see(self, model: type[Model]) -> bool:
        if not self._site.is_registered(model):
            return False
        return self._site.get_model_admin(model).has_view_or_change_permission(self._request)

    def _may_view(self, model: type[Model] | None) -> bool:
        """Return whether the reader may view rows of this model, in the site or by the permission alone."""
        user: Any = self._request.user
        if model is None:  # The model was removed, and its permission with it.
            return bool(user.is_superuser)
        opts = model._meta
        return self._may_see(model) or user.has_perm(f"{opts.app_label}.{get_permission_codename('view', opts)}")

    def _link(self, row: Model, text: str) -> str:
        url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', url, text)


@cache
def _fields(subject_type: str) -> dict[str, Any]:
    """Return the fields of a subject type by column, as they are logged."""
    model = model_of(subject_type)
    return {str(field.column): field for field in model._meta.concrete_fields} if model else {}


def _users_of(change: Change, with_images: bool) -> Iterator[UUID]:
    """Return the ids of the users that a change names."""
    texts = [change.actor]
    if with_images:
        columns = [column for column, field in _fields(change.subject_type).items() if _names_user(field)]
        for image in filter(None, (change.old, change.new)):
            values = (image.get(column) for column in columns)
            texts += [text for value in values for text in (value if isinstance(value, list) else [value])]
    return (parsed for text in texts if text and (parsed := ids.parsed(text)))


def _names_user(field: Any) -> bool:
    """Return whether the values of a field are ids of users."""
    return field is not None and (field.related_model is get_user_model() or getattr(field, "names_users", False))


def _shortened(before: str, after: str) -> tuple[str, str]:
    """Cut both texts to `_MAX_LENGTH`, from shortly before the first difference."""
    start = 0
    if max(len(before), len(after)) > _MAX_LENGTH:
        same = takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))
        start = max(0, sum(1 for _ in same) - _CONTEXT_LENGTH)
    return _cut(before, start), _cut(after, start)


def _cut(text: str, start: int) -> str:
    end = start + _MAX_LENGTH
    return f"{'...' if start and text else ''}{text[start:end]}{'...' if len(text) > end else ''}"
