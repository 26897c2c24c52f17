"""Admin pages of tasks. They use the same services as the transports."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from changes.admin import ChangeLogHistoryMixin
from core.actors import Actor
from core.admin.exports import CsvExport
from core.admin.filters import DayRangeFilter, PickerFilter, TextFilter
from core.admin.lists import LargeList
from core.admin.writes import ServiceBackedAdmin, actor_of, show_saved
from core.db import search
from tasks import services
from tasks.fields import labels_to_find
from tasks.models import OPEN_STATUSES, Status, Task
from users.models import OPEN_ACCOUNT_STATUSES, User

WRITABLE = ("title", "description", "status", "priority", "labels", "project", "assigned_to", "due_date", "metadata")


class TaskForm(forms.ModelForm):  # type: ignore[type-arg]
    """Form with the fields that UpdateTask may write."""

    labels = SimpleArrayField(
        forms.CharField(),
        delimiter="\n",
        required=False,
        help_text="One label a line; a comma is part of a label.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    class Meta:
        model = Task
        fields = WRITABLE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if assigned_to := self.fields.get("assigned_to"):
            assignable = Q(status__in=OPEN_ACCOUNT_STATUSES) | Q(pk=self.instance.assigned_to_id)
            assigned_to.queryset = User.objects.filter(assignable)  # type: ignore[attr-defined]


class LabelFilter(TextFilter):
    """Filter of tasks that have a label."""

    title = "label"
    parameter_name = "label"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        if not (label := (self.value() or "").strip()):
            return queryset
        try:
            return queryset.filter(labels__overlap=list(labels_to_find([label])))
        except ValidationError:
            return queryset.none()


class AssignForm(forms.Form):
    """The user that the selected tasks are assigned to."""

    assigned_to = forms.ModelChoiceField(
        User.objects.filter(status__in=OPEN_ACCOUNT_STATUSES),
        required=False,
        help_text="Empty: the tasks are assigned to no user.",
        widget=AutocompleteSelect(Task._meta.get_field("assigned_to"), admin.site),
    )


class StatusForm(forms.Form):
    """The status that the selected tasks get."""

    status = forms.TypedChoiceField(choices=Status.choices, coerce=int, widget=UnfoldAdminSelectWidget)


class OverdueFilter(admin.SimpleListFilter):
    """Filter of tasks that are past their due date, and neither done nor cancelled."""

    title = "overdue"
    parameter_name = "overdue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "yes")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(due_date__lt=timezone.now(), status__in=OPEN_STATUSES)


@admin.register(Task)
class TaskAdmin(ChangeLogHistoryMixin, CsvExport, ServiceBackedAdmin, LargeList):
    form = TaskForm
    list_display = ("title", "status", "priority", "assigned_to", "due_date", "created_by", "created_at", "updated_at")
    list_select_related = ("assigned_to", "created_by", "project")
    list_filter = (
        "status", "priority", OverdueFilter, LabelFilter, ("assigned_to", PickerFilter), ("project", PickerFilter),
        ("due_date", DayRangeFilter), ("created_at", DayRangeFilter),
    )  # fmt: skip
    list_filter_submit = True
    lookups = (
        "status__exact", "priority__exact", "overdue", "label", "assigned_to__id__exact", "project__id__exact",
        "due_date_from", "due_date_to", "created_at_from", "created_at_to",
    )  # fmt: skip
    actions = ("assign", "set_status", "export_csv")
    export_fields = (
        "id", "title", "status", "priority", "labels", "project", "assigned_to", "due_date", "created_by",
        "created_at", "updated_at", "completed_at",
    )  # fmt: skip
    sortable_by = ("priority", "due_date", "created_at", "updated_at")
    search_fields = ("search_words",)
    search_help_text = "Beginnings of words in title and description"
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("assigned_to", "project")
    readonly_fields = ("id", "origin", "rank", "completed_at", "version", "created_at", "created_by", "updated_at")
    fieldsets = (
        (None, {"fields": WRITABLE}),
        ("Record", {"fields": readonly_fields}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        # A new task has no record.
        return self.fieldsets if obj else self.fieldsets[:-1]

    @admin.display(description="from")
    def origin(self, task: Task) -> str:
        """Return a link to the meeting whose action item the task was made of."""
        if not (found := re.fullmatch(r"meetings/([0-9a-f-]{36})", task.source)):
            return task.source or "-"
        url = reverse("admin:meetings_meeting_change", args=[found[1]])
        return format_html('<a class="text-link" href="{}">an action item of a meeting</a>', url)

    @admin.action(description="Assign the selected tasks", permissions=["change"])
    def assign(self, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse | None:
        def assign_one(actor: Actor, task_id: str, *, assigned_to: User | None) -> None:
            services.update_task(actor, task_id, {"assigned_to": str(assigned_to.pk) if assigned_to else ""})

        return self.with_form(request, queryset, "Assign", "assigned", AssignForm, assign_one)

    @admin.action(description="Set the status of the selected tasks", permissions=["change"])
    def set_status(self, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse | None:
        def set_one(actor: Actor, task_id: str, *, status: int) -> None:
            services.update_task(actor, task_id, {"status": status})

        return self.with_form(request, queryset, "Set the status", "changed", StatusForm, set_one)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        rows = Task.objects.visible_to(actor_of(request)).select_related(*self.list_select_related)
        return rows.defer("search_words", "project__search_words")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Task], search_term: str
    ) -> tuple[QuerySet[Task], bool]:
        query = search.typed(search_term)
        return (queryset.filter(search.matches("search_words", query)) if query else queryset), False

    def save_model(self, request: HttpRequest, obj: Task, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name in WRITABLE}
        if "assigned_to" in fields:
            fields["assigned_to"] = str(fields["assigned_to"].pk) if fields["assigned_to"] else ""
        if "project" in fields:
            project = fields.pop("project")
            fields["project_id"] = str(project.pk) if project else ""
        if change:
            saved = services.update_task(
                actor_of(request), str(obj.pk), fields, expected_version=self.opened_version(request)
            )
        else:
            saved = services.create_task(actor_of(request), fields)
        show_saved(obj, saved)

    def delete_model(self, request: HttpRequest, obj: Task) -> None:
        services.delete_task(actor_of(request), str(obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        self.do_to_each(request, queryset, "deleted", services.delete_task)
