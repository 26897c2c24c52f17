"""Admin pages of meetings. They use the same services as the transports."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from changes.admin import ChangeLogHistoryMixin
from core.admin.exports import CsvExport
from core.admin.filters import DayRangeFilter, PickerFilter
from core.admin.lists import LargeList
from core.admin.writes import ServiceBackedAdmin, actor_of, show_saved
from core.db import search
from meetings import services
from meetings.admin.listening import ListeningPage
from meetings.admin.nodes import SpeechNodeAdmin as SpeechNodeAdmin
from meetings.admin.parts import INLINES
from meetings.admin.retention import RetentionPolicyAdmin as RetentionPolicyAdmin
from meetings.admin.voices import EnrolledVoiceAdmin as EnrolledVoiceAdmin
from meetings.fields import VocabularyField
from meetings.messages import WRITABLE as WRITABLE_BY_CLIENTS
from meetings.models import Meeting, Stage
from meetings.services import processing
from meetings.timecode import minutes_and_seconds
from users.models import User

WRITABLE = tuple("project" if name == "project_id" else name for name in WRITABLE_BY_CLIENTS)


class PeopleField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Users, chosen by name. The value is their ids in the order in which they were chosen."""

    def clean(self, value: Any) -> Any:
        found = {str(user.pk): user.pk for user in super().clean(value)}
        return [found[str(one)] for one in dict.fromkeys(map(str, value or ())) if str(one) in found]


class MeetingForm(forms.ModelForm):  # type: ignore[type-arg]
    """Form of a meeting, with a picker of its participants."""

    participants = PeopleField(
        User.objects.all(),
        required=False,
        widget=AutocompleteSelectMultiple(Meeting._meta.get_field("owner"), admin.site),
    )

    class Meta:
        model = Meeting
        fields = WRITABLE


@admin.register(Meeting)
class MeetingAdmin(ListeningPage, ChangeLogHistoryMixin, CsvExport, ServiceBackedAdmin, LargeList):
    form = MeetingForm
    list_display = ("title", "status", "done", "owner", "starts_at", "created_at")
    list_select_related = ("owner", "project")
    list_filter = (
        "status", ("owner", PickerFilter), ("project", PickerFilter), ("starts_at", DayRangeFilter),
        ("created_at", DayRangeFilter),
    )  # fmt: skip
    list_filter_submit = True
    lookups = (
        "status__exact", "owner__id__exact", "project__id__exact", "starts_at_from", "starts_at_to", "created_at_from",
        "created_at_to",
    )  # fmt: skip
    export_fields = ("id", "title", "status", "owner", "project", "starts_at", "language", "duration_ms", "created_at")
    progress_fields = frozenset(("progress", "stage", "estimated_end_at"))
    sortable_by = ("starts_at", "created_at")
    search_fields = ("search_words",)
    search_help_text = "Beginnings of words in the title"
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("owner", "project")
    formfield_overrides: ClassVar[dict[Any, Any]] = {
        **ServiceBackedAdmin.formfield_overrides,
        VocabularyField: {"widget": UnfoldAdminTextareaWidget},
    }
    fieldsets = (
        (None, {"fields": WRITABLE}),
        ("Progress", {"fields": ("status", "stage", "done", "estimated_end_at", "failure_reason", "notice",
                                 "not_made", "transcript_version", "live")}),
        ("Recording", {"fields": ("recording_filename", "length", "size", "recording_sha256",
                                  "recording_uploaded_at", "recording_deleted_at")}),
        ("Record", {"fields": ("id", "version", "created_at", "updated_at")}),
    )  # fmt: skip
    readonly_fields = tuple(name for _, options in fieldsets[1:] for name in options["fields"])
    inlines = INLINES
    actions = ("retranscribe_selected", "summarize", "cancel_selected", "export_csv")

    @admin.display(description="progress")
    def done(self, meeting: Meeting) -> str:
        return format_html('<progress value="{0}" max="100"></progress> {0}&nbsp;%', meeting.progress)

    @admin.display(description="missing")
    def not_made(self, meeting: Meeting) -> SafeString | str:
        lines = ((Stage(one["stage"]).label, one["reason"]) for one in meeting.missing)
        return format_html_join(SafeString("<br>"), "{}: {}", lines) or "-"

    @admin.display(description="length")
    def length(self, meeting: Meeting) -> str:
        return minutes_and_seconds(meeting.duration_ms) if meeting.duration_ms else "-"

    @admin.display(description="size")
    def size(self, meeting: Meeting) -> str:
        return filesizeformat(meeting.recording_size) if meeting.recording_size else "-"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        # A new meeting has no further data.
        return self.fieldsets if obj else self.fieldsets[:1]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Meeting]:
        rows = Meeting.objects.visible_to(actor_of(request)).select_related("owner", "project")
        return rows.defer("search_words", "project__search_words")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Meeting], search_term: str
    ) -> tuple[QuerySet[Meeting], bool]:
        query = search.typed(search_term)
        return (queryset.filter(search.matches("search_words", query)) if query else queryset), False

    @admin.action(description="Transcribe the selected meetings again", permissions=["change"])
    def retranscribe_selected(self, request: HttpRequest, queryset: QuerySet[Meeting]) -> None:
        self.do_to_each(request, queryset, "queued for another transcript", processing.retranscribe)

    @admin.action(description="Cancel the processing of the selected meetings", permissions=["change"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Meeting]) -> None:
        self.do_to_each(request, queryset, "cancelled", processing.cancel_processing)

    @admin.action(description="Make the summaries of the selected meetings anew", permissions=["change"])
    def summarize(self, request: HttpRequest, queryset: QuerySet[Meeting]) -> None:
        self.do_to_each(request, queryset, "queued for another summary", processing.summarize)

    def save_model(self, request: HttpRequest, obj: Meeting, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name in WRITABLE}
        if "owner" in fields:
            fields["owner"] = str(fields["owner"].pk)
        if "project" in fields:
            project = fields.pop("project")
            fields["project_id"] = str(project.pk) if project else ""
        if "participants" in fields:
            fields["participants"] = [str(user_id) for user_id in fields["participants"]]
        if change:
            saved = services.update_meeting(
                actor_of(request), str(obj.pk), fields, expected_version=self.opened_version(request)
            )
        else:
            saved = services.create_meeting(actor_of(request), fields)
        show_saved(obj, saved)

    def delete_model(self, request: HttpRequest, obj: Meeting) -> None:
        services.delete_meeting(actor_of(request), str(obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Meeting]) -> None:
        self.do_to_each(request, queryset, "deleted", services.delete_meeting)
