"""Writes in the admin site: they run through the services, whose errors are shown as messages."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db.models import JSONField, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.actors import Actor
from core.admin.json_fields import BoundedJsonField
from core.admin.lean_html import slim
from core.admin.pickers import Picker, set_known
from core.admin.stale import choices, conflicts, conflicts_again, merged, with_error
from core.admin.values import take_facts
from core.errors import Failure, Stale, problem_of
from core.preconditions import ANY_VERSION, ExpectedVersion, exactly

OPENED_VERSION = "opened_version"


@dataclass(frozen=True, slots=True)
class ReasonedAction:
    """An action on rows that asks for a reason.

    Attributes:
        title: of the action, as `Deactivate`.
        done: the same as a participle, as `deactivated`.
        service: called with the actor, the row's id, and the `reason`.
        max_reason_length: the maximum length of a reason in characters.
    """

    title: str
    done: str
    service: Callable[..., object]
    max_reason_length: int
    reason_required: bool = False


def actor_of(request: HttpRequest) -> Actor:
    """Return the signed-in member of staff as the actor of services."""
    return cast(Actor, request.user)


def show_saved(obj: Model, saved: Model) -> None:
    """Let the page that Django renders after `save_model` show the row that a service has written."""
    obj.pk = saved.pk
    obj.refresh_from_db()


class ReasonForm(forms.Form):
    """The form for a reason, which the change log keeps."""

    def __init__(self, data: Any, action: ReasonedAction) -> None:
        super().__init__(data)
        self.fields["reason"] = forms.CharField(
            max_length=action.max_reason_length, required=action.reason_required, widget=UnfoldAdminTextInputWidget
        )


def ask(
    model_admin: ModelAdmin, request: HttpRequest, title: str, rows: Iterable[object], back: str, **more: Any
) -> HttpResponse:
    """Render a page that asks the user to confirm an action on these rows; confirming posts to the same address.

    Args:
        back: the address of the link that cancels.
        more: further context of the template.
    """
    common = {**model_admin.admin_site.each_context(request), "opts": model_admin.opts}
    return TemplateResponse(request, "admin/ask.html", {**common, "title": title, "rows": rows, "back": back, **more})


class ServiceBackedAdmin(ModelAdmin):
    """An admin whose `save_model` and similar methods call services. Django's log is not written: see the change log.

    A form holds the version that it was opened with, and `save_model` passes it to the service, so that a concurrent
    change, which the user of the form has not seen, is not overwritten.
    """

    change_form_before_template = "admin/opened_version.html"
    change_form_after_template = "admin/facts.html"
    formfield_overrides: ClassVar[dict[Any, Any]] = {
        JSONField: {"form_class": BoundedJsonField, "widget": UnfoldAdminTextareaWidget}
    }

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        row, form, chosen = context["original"], context["adminform"].form, choices(request.POST)
        version = getattr(row, "version", None)
        if getattr(request, "stale", None):
            # The user sees the current values beside their own, so the next write is based on them.
            opened = _version(request)
            old = self.values_at(row, opened) if opened is not None else None
            context |= {"opened_version": version, "conflicts": conflicts(form, chosen, old)}
        else:
            # A form that is shown again with errors keeps the version that it was opened with.
            context["opened_version"] = request.POST.get(OPENED_VERSION, version)
            context["conflicts"] = conflicts_again(form, chosen) if chosen else []
        if row is not None:
            context["facts"] = list(take_facts(context["adminform"], row, self))
        response = super().render_change_form(request, context, *args, **kwargs)
        response.add_post_render_callback(slim)
        return response

    def values_at(self, row: Model, version: int) -> Mapping[str, Any] | None:
        """Return the columns that were changed since this version, with their values then; None = not known."""
        return None

    def opened_version(self, request: HttpRequest) -> ExpectedVersion:
        """Return the version that the posted form was opened with; any version, if it does not name one."""
        version = _version(request)
        return ANY_VERSION if version is None else exactly(version)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request) and "widget" not in kwargs:
            kwargs["widget"] = Picker(db_field, self.admin_site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if obj is not None:
            set_known(form, obj)
        if chosen := choices(request.POST):
            form = merged(form, chosen)
        stale = getattr(request, "stale", None)
        return with_error(form, stale) if stale else form

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        view = partial(super().changeform_view, request, *args, **kwargs)
        try:
            return self._or_message(request, view)
        except Stale as exc:
            request.stale = exc  # type: ignore[attr-defined]
            return self._or_message(request, view)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row with this id. The parts of a page that is only shown share one query."""
        if request.method != "GET":
            return super().get_object(request, object_id, from_field)
        kept: dict[Any, Any] = vars(request).setdefault("objects_of_admin", {})
        key = (self.model, str(object_id), from_field)
        if key not in kept:
            kept[key] = super().get_object(request, object_id, from_field)
        return kept[key]

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Not Django's `delete_view`, which is the same in one transaction: a service opens its own, some several.
        return self._or_message(request, partial(self._delete_view, request, object_id, extra_context))

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Skip Django's log."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Skip Django's log."""

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Skip Django's log."""

    def with_reason(
        self, request: HttpRequest, rows: Iterable[Model], action: ReasonedAction, back: str = ""
    ) -> HttpResponse:
        """Ask for the reason on a separate page, and run the action once the user has entered it.

        Args:
            back: the address to redirect to afterwards; by default this page.
        """
        back = back or request.get_full_path()
        form = ReasonForm(request.POST if "reason" in request.POST else None, action)
        if form.is_valid():
            self.do_to_each(request, rows, action.done, partial(action.service, reason=form.cleaned_data["reason"]))
            return HttpResponseRedirect(back)
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        name = request.POST.get("action", "")
        return ask(self, request, action.title, rows, back, form=form, chosen=chosen, action=name)

    def do_to_each(
        self, request: HttpRequest, rows: Iterable[Model], done: str, service: Callable[..., object]
    ) -> None:
        """Call the service for each row separately, and report the outcome of each."""
        count = 0
        for row in rows:
            try:
                service(actor_of(request), str(row.pk))
                count += 1
            except (Failure, ValidationError, PermissionDenied, ObjectDoesNotExist) as exc:
                self.message_user(request, f"{row}: {problem_of(exc).message}", messages.ERROR)
        if count:
            self.message_user(request, f"{count} {done}.", messages.SUCCESS)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_message(request, partial(super().changelist_view, request, *args, **kwargs))

    def with_form(
        self,
        request: HttpRequest,
        rows: Iterable[Model],
        title: str,
        done: str,
        form_class: type[forms.Form],
        service: Callable[..., object],
    ) -> HttpResponse | None:
        """Ask for the fields of a form on a separate page, and then call the service for each row.

        Args:
            service: called with the actor, the row's id, and the cleaned fields by name.
        """
        form = form_class(request.POST if "asked" in request.POST else None)
        if form.is_valid():
            self.do_to_each(request, rows, done, partial(service, **form.cleaned_data))
            return None
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        name, back = request.POST.get("action", ""), request.get_full_path()
        return ask(self, request, title, rows, back, form=form, chosen=chosen, action=name)

    def _shows_form(self, request: HttpRequest) -> bool:
        return OPENED_VERSION in request.POST and not hasattr(request, "stale")

    def _or_message(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        """Show the error of a service, or of an invalid posted id, on the page that was posted."""
        try:
            response = view()
            if request.method == "POST" and isinstance(response, TemplateResponse):
                response.render()  # Django checks some of the posted values only when it renders.
        except (Failure, ValidationError, PermissionDenied) as exc:
            if isinstance(exc, PermissionDenied) and not exc.args:
                raise  # Raised by Django: the user may not see this page. Services always state a reason.
            if isinstance(exc, Stale) and exc.metadata and self._shows_form(request):
                raise  # The form is shown again.
            self.message_user(request, problem_of(exc).message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return response


def _version(request: HttpRequest) -> int | None:
    version = request.POST.get(OPENED_VERSION, "")
    return int(version) if re.fullmatch(r"[0-9]{1,18}", version) else None
