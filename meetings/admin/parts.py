"""Admin pages of transcripts and findings: reading, corrections, decisions."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from changes.admin import ChangeLogHistoryMixin
from core.admin.inlines import NewestRowsInline
from core.admin.lists import LargeList
from core.admin.writes import ServiceBackedAdmin, actor_of, ask, show_saved
from core.db import search
from meetings.models import ActionItem, ActionItemStatus, Segment, Speaker, Summary, Transcript
from meetings.services import action_items, transcripts
from meetings.timecode import minutes_and_seconds
from tasks.models import Task

#: Decisions about an action item: path → question, result, service.
DECISIONS = {
    "accept": ("Make a task of", "accepted", action_items.accept_action_item),
    "reject": ("Reject", "rejected", action_items.reject_action_item),
}
#: The lists of statements of a summary.
SUMMARY_PARTS = ("overview", "topics", "decisions")
#: Status → the decisions that can still be made.
_POSSIBLE = {ActionItemStatus.PROPOSED.value: tuple(DECISIONS), ActionItemStatus.REJECTED.value: ("accept",)}


def percent(part: float) -> str:
    """Return a fraction as a percentage, with a non-breaking space before the sign."""
    return f"{part * 100:.0f}\u00a0%"


def suggested(speaker: Speaker) -> str:
    """Return the user that is suggested for a speaker, with the similarity of the voices."""
    return f"{speaker.suggested_user} ({percent(speaker.similarity or 0)})" if speaker.has_suggestion else "-"


def with_task_gone(items: QuerySet[Any]) -> QuerySet[Any]:
    """Annotate each item with `task_gone`: whether its task was deleted, and with `task_title`."""
    tasks = Task.objects.filter(pk=OuterRef("task_id"))
    gone = Q(task_id__isnull=False) & ~Exists(tasks)
    return items.annotate(task_gone=gone, task_title=Subquery(tasks.values("title")))


def decisions(item: Any) -> SafeString | str:
    """Return links to the decisions that are still possible for the item, which must be from `with_task_gone`."""
    possible = tuple(DECISIONS) if item.task_gone else _POSSIBLE.get(item.status, ())
    links = [(reverse(f"admin:meetings_actionitem_{name}", args=[item.pk]), name.capitalize()) for name in possible]
    return format_html_join(" · ", '<a class="text-link" href="{}">{}</a>', links)


class CorrectedFilter(admin.SimpleListFilter):
    """Filter of segments that were corrected, by a user who still exists or by the vocabulary."""

    title = "corrected"
    parameter_name = "corrected"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "by a user"), ("vocabulary", "by the vocabulary")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Segment]) -> QuerySet[Segment]:
        wanted = {"yes": Q(edited_by__isnull=False), "vocabulary": Q(by_vocabulary=True)}
        return queryset.filter(wanted.get(self.value() or "", Q()))


class PartList(ChangeLogHistoryMixin, LargeList):
    """Base of lists of generated rows, which are deleted with their meeting."""

    # Ids are in order of creation.
    ordering = ("-id",)
    when_empty = "Upload a recording on the page of a meeting; its processing makes them."
    list_select_related: Any = ("meeting",)
    #: Columns that are not fetched.
    deferred: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.model._default_manager.visible_to(actor_of(request)).defer("meeting__search_words", *self.deferred)

    @admin.display(description="meeting")
    def of_meeting(self, part: Any) -> SafeString:
        url = reverse("admin:meetings_meeting_change", args=[part.meeting_id])
        return format_html('<a class="text-link" href="{}">{}</a>', url, part.meeting)

    @admin.display(description="confidence")
    def sure(self, part: Any) -> str:
        return percent(part.confidence)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Segment)
class SegmentAdmin(ServiceBackedAdmin, PartList):
    list_display = ("said_at", "text", "of_meeting", "transcript_version", "sure", "by_fallback", "edited_by")
    list_select_related = ("meeting", "edited_by")
    list_filter = (CorrectedFilter,)
    lookups = ("meeting__id__exact", "corrected")
    search_fields = ("search_words",)
    search_help_text = "Beginnings of words that were said"
    deferred = ("search_words",)
    fields = (*transcripts.WRITABLE, "recognized_text", "meeting", "transcript_version", "said_at", "sure",
              "by_fallback", "by_vocabulary", "engine", "id", "version", "edited_by", "edited_at", "created_at",
              "updated_at")  # fmt: skip
    readonly_fields = fields[len(transcripts.WRITABLE) :]

    @admin.display(description="recognised by the fallback engine", boolean=True)
    def by_fallback(self, segment: Segment) -> bool:
        return segment.degraded

    @admin.display(description="at")
    def said_at(self, segment: Segment) -> str:
        return minutes_and_seconds(segment.start_ms)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Segment], search_term: str
    ) -> tuple[QuerySet[Segment], bool]:
        query = search.typed(search_term)
        return (queryset.filter(search.matches("search_words", query)) if query else queryset), False

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name in transcripts.WRITABLE}
        if "speaker_id" in fields:
            fields["speaker_id"] = str(fields["speaker_id"] or "")
        saved = transcripts.edit_segment(
            actor_of(request), str(obj.meeting_id), str(obj.pk), fields, expected_version=self.opened_version(request)
        )
        show_saved(obj, saved)


@admin.register(Speaker)
class SpeakerAdmin(ServiceBackedAdmin, PartList):
    list_display = ("label", "name", "user", "spoke", "of_meeting", "transcript_version")
    list_select_related = ("meeting", "user", "suggested_user")
    lookups = ("meeting__id__exact",)
    deferred = ("encrypted_print",)
    autocomplete_fields = ("user",)
    fields = ("name", "user", "suggestion", "label", "meeting", "transcript_version", "spoke", "engine", "id",
              "version", "created_at", "updated_at")  # fmt: skip
    readonly_fields = fields[2:]

    @admin.display(description="speaks for")
    def spoke(self, speaker: Speaker) -> str:
        return minutes_and_seconds(speaker.speech_ms)

    @admin.display(description="similar voice")
    def suggestion(self, speaker: Speaker) -> str:
        return suggested(speaker)

    def save_model(self, request: HttpRequest, obj: Speaker, form: Any, change: bool) -> None:
        name, user = form.cleaned_data["name"], form.cleaned_data["user"]
        meeting_id, user_id = str(obj.meeting_id), str(user.pk) if user else ""
        saved = transcripts.name_speaker(
            actor_of(request), meeting_id, str(obj.pk), name, user_id, expected_version=self.opened_version(request)
        )
        show_saved(obj, saved)


@admin.register(ActionItem)
class ActionItemAdmin(ServiceBackedAdmin, PartList):
    """Action items are not editable. Users with the permission to change them can decide about them."""

    list_display = ("text", "status", "owner_name", "assigned_to", "due_on", "task", "of_meeting", "decided_by",
                    "created_at")  # fmt: skip
    list_select_related = ("meeting", "assigned_to", "decided_by")
    list_filter = ("status",)
    lookups = ("status__exact", "meeting__id__exact")
    fields = ("text", "status", "decide", "owner_name", "assigned_to", "due", "due_on", "sure", "task",
              "meeting", "transcript_version", "id", "version", "decided_by", "decided_at", "created_at",
              "updated_at")  # fmt: skip
    readonly_fields = fields
    actions = ("accept", "reject")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_task_gone(super().get_queryset(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("meetings.change_actionitem"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for name in self.fields if name != "decide" or self.has_decide_permission(request)]

    @admin.display(description="")
    def decide(self, item: Any) -> SafeString | str:
        return decisions(item)

    @admin.display(description="task")
    def task(self, item: Any) -> str:
        if not item.task_id:
            return "-"
        if item.task_gone:
            return "(deleted)"
        url = reverse("admin:tasks_task_change", args=[item.task_id])
        return format_html('<a class="text-link" href="{}">{}</a>', url, item.task_title)

    @admin.action(description="Make tasks of the selected action items", permissions=["decide"])
    def accept(self, request: HttpRequest, queryset: QuerySet[ActionItem]) -> None:
        self._decide(request, queryset, "accept")

    @admin.action(description="Reject the selected action items", permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[ActionItem]) -> None:
        self._decide(request, queryset, "reject")

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<uuid:item_id>/{name}/",
                self.admin_site.admin_view(partial(self.decide_one, name=name)),
                name=f"meetings_actionitem_{name}",
            )
            for name in DECISIONS
        ]
        return [*own, *super().get_urls()]

    def decide_one(self, request: HttpRequest, item_id: Any, *, name: str) -> HttpResponse:
        """Decide about one item after a confirmation, and redirect to its meeting."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        item = self.get_queryset(request).filter(pk=item_id).first()
        if item is None:
            self.message_user(request, f"Action item with ID '{item_id}' not found", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:meetings_actionitem_changelist"))
        back = reverse("admin:meetings_meeting_change", args=[item.meeting_id])
        if request.method != "POST":
            return ask(self, request, DECISIONS[name][0], [item], back)
        self._decide(request, self.get_queryset(request).filter(pk=item_id), name)
        return HttpResponseRedirect(back)

    def _decide(self, request: HttpRequest, queryset: QuerySet[ActionItem], name: str) -> None:
        _, done, service = DECISIONS[name]
        decide: Callable[..., object] = service
        meetings = {str(item.pk): str(item.meeting_id) for item in queryset}
        self.do_to_each(request, queryset, done, lambda actor, item_id: decide(actor, meetings[item_id], item_id))


class PartInline(NewestRowsInline):
    fk_name = "meeting"
    #: The references to users that are shown.
    users: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related(*self.users)


class TranscriptInline(PartInline):
    """The versions of a transcript, each with its summary."""

    model = Transcript
    verbose_name_plural = "versions"
    users = ("requested_by",)
    fields = ("version", "status", "language", "spoken_language", "speaker_count", "requested_by", "created_at",
              "started_at", "ended_at", "summary")  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        of_version = Summary.objects.filter(meeting=OuterRef("meeting"), transcript_version=OuterRef("version"))
        parts = JSONObject(**{name: name for name in SUMMARY_PARTS})
        return super().get_queryset(request).annotate(summarized=Subquery(of_version.values(parts=parts)[:1]))

    @admin.display(description="summary")
    def summary(self, transcript: Any) -> SafeString | str:
        parts = transcript.summarized or {}
        lines = [statement["text"] for name in SUMMARY_PARTS for statement in parts.get(name) or ()]
        return format_html_join(SafeString("<br>"), "{}", ((line,) for line in lines)) or "-"


#: The inlines of a meeting's page.
INLINES = (TranscriptInline,)
