"""Writing in the admin site: through the services, whose refusals are shown as messages."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db.models import JSONField, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.admin.json_fields import BoundedJsonField
from core.errors import Failure, problem_of
from core.preconditions import ANY_VERSION, ExpectedVersion, exactly

OPENED_VERSION = "opened_version"


@dataclass(frozen=True, slots=True)
class ReasonedAction:
    """Something to do to rows, for a reason.

    Attributes:
        title: what is going to be done: `Deactivate`.
        done: what has been done: `deactivated`.
        service: called with who does it, the row's id, and the `reason`.
        longest: how many characters of a reason the service takes.
    """

    title: str
    done: str
    service: Callable[..., object]
    longest: int
    reason_required: bool = False


class ReasonForm(forms.Form):
    """Why; the change log keeps it."""

    def __init__(self, data: Any, action: ReasonedAction) -> None:
        super().__init__(data)
        self.fields["reason"] = forms.CharField(
            max_length=action.longest, required=action.reason_required, widget=UnfoldAdminTextInputWidget
        )


def ask(
    model_admin: ModelAdmin, request: HttpRequest, title: str, rows: Iterable[object], back: str, **more: Any
) -> HttpResponse:
    """A page that asks whether to do that to these rows; saying yes posts to where it was shown.

    Args:
        back: where saying no leads.
        more: what the page holds on top (see the template).
    """
    common = {**model_admin.admin_site.each_context(request), "opts": model_admin.opts}
    return TemplateResponse(request, "admin/ask.html", {**common, "title": title, "rows": rows, "back": back, **more})


class ServiceBackedAdmin(ModelAdmin):
    """An admin whose `save_model` and the like call services. It logs nothing: the change log has it.

    A form knows the version that it was opened with, and `save_model` hands it to the service: what somebody else wrote
    meanwhile, and who fills in the form has not seen, is not overwritten.
    """

    change_form_before_template = "admin/opened_version.html"
    formfield_overrides: ClassVar[dict[Any, Any]] = {
        JSONField: {"form_class": BoundedJsonField, "widget": UnfoldAdminTextareaWidget}
    }

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        version = getattr(context["original"], "version", None)
        # A form that comes back with its mistakes is as old as before.
        context["opened_version"] = request.POST.get(OPENED_VERSION, version)
        return super().render_change_form(request, context, *args, **kwargs)

    def opened_version(self, request: HttpRequest) -> ExpectedVersion:
        """The version that the posted form was opened with; any, if it does not name one."""
        sent = request.POST.get(OPENED_VERSION, "")
        return exactly(int(sent)) if re.fullmatch(r"[0-9]{1,18}", sent) else ANY_VERSION

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_message(request, partial(super().changeform_view, request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_message(request, partial(super().delete_view, request, *args, **kwargs))

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Nothing."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Nothing."""

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Nothing."""

    def with_reason(
        self, request: HttpRequest, rows: Iterable[Model], action: ReasonedAction, back: str = ""
    ) -> HttpResponse:
        """Asks for the reason on a page of its own, and does it once that is given.

        Args:
            back: where to go afterwards; by default to this page.
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
        """Calls the service for each row by itself, and tells what came of each."""
        count = 0
        for row in rows:
            try:
                service(request.user, str(row.pk))
                count += 1
            except (Failure, ValidationError, PermissionDenied, ObjectDoesNotExist) as exc:
                self.message_user(request, f"{row}: {problem_of(exc).message}", messages.ERROR)
        if count:
            self.message_user(request, f"{count} {done}.", messages.SUCCESS)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_message(request, partial(super().changelist_view, request, *args, **kwargs))

    def _or_message(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        """Shows a service's refusal, or that a posted id is none, on the page it came from."""
        try:
            response = view()
            if request.method == "POST" and isinstance(response, TemplateResponse):
                response.render()  # Only there does Django look at some of what was chosen.
        except (Failure, ValidationError, PermissionDenied) as exc:
            if isinstance(exc, PermissionDenied) and not exc.args:
                raise  # Django's own: this page is not for them. A service says why.
            self.message_user(request, problem_of(exc).message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return response
