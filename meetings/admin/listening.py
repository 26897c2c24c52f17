"""The part of a meeting's page for listening: player, transcript, findings, and what can be done about them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from access.services import create_ticket
from core.admin.writes import actor_of
from core.errors import Failure, RateLimited, problem_of
from core.uploads import resumable
from meetings import policies, queries
from meetings.admin.parts import SUMMARY_PARTS, with_task_gone
from meetings.models import OVER, RUNNING, ActionItem, ActionItemStatus, Meeting, Segment, Speaker, Status, Summary
from meetings.services import action_items, processing
from meetings.services.recordings import UploadMetadata
from meetings.services.resumable import RECORDINGS
from meetings.timecode import clock
from projects.queries import role_of
from users.models import User

#: Lines that the page's HTML has; its script fetches the others, and a link leads to the next ones.
LINES_SHOWN = 30
#: Open action items with a form; the others lead to their pages.
MAX_FORMS = 8
#: Lines that are looked at; the list of segments has the others.
MAX_LINES = 2_000
#: Files of a meeting, by their names in the API.
FILES = ("recording", "transcript.srt", "transcript.vtt", "transcript.md", "transcript.json")
_ERRORS = (Failure, ValidationError, PermissionDenied, ObjectDoesNotExist)


class DecisionForm(forms.Form):
    """The task that is made of an action item."""

    title = forms.CharField(required=False)
    assigned_to = forms.CharField(required=False)
    due_on = forms.DateField(required=False)


class ListeningPage(ModelAdmin):
    """A meeting's page with its recording, and the requests of that page. Everything goes through services."""

    change_form_outer_before_template = "meetings/listening.html"

    class Media:
        css = {"all": ("meetings/listening.css",)}
        js = ("meetings/listening.js",)

    def get_urls(self) -> list[URLPattern]:
        own: tuple[tuple[str, Callable[..., HttpResponse], str], ...] = (
            ("file/<str:name>/", self.open_file, "file"),
            ("lines/", self.show_lines, "lines"),
            ("retranscribe/", self.retranscribe, "retranscribe"),
            ("cancel/", self.cancel, "cancel"),
            ("items/<uuid:item_id>/<str:decision>/", self.decide, "decide"),
            ("upload/", self.begin_upload, "upload"),
            ("upload/<uuid:upload_id>/", self.continue_upload, "continue_upload"),
        )
        views = [
            path(f"<uuid:meeting_id>/{place}", self.admin_site.admin_view(view), name=f"meetings_meeting_{name}")
            for place, view, name in own
        ]
        return [*views, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        meeting = self.get_object(request, object_id)
        listening = (
            content(request, meeting, may_change=self.has_change_permission(request, meeting)) if meeting else {}
        )
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "listening": listening})

    def open_file(self, request: HttpRequest, meeting_id: UUID, name: str) -> HttpResponse:
        """Redirect to a file in the API, with a ticket."""
        if not self.has_view_permission(request) or name not in FILES:
            raise PermissionDenied
        place = f"/api/v1/meetings/{meeting_id}/{name}"
        version = request.GET.get("transcript_version", "")
        query = f"&transcript_version={version}" if re.fullmatch(r"[0-9]{1,9}", version) else ""
        try:
            ticket = create_ticket(actor_of(request), place, session_id=None)
        except RateLimited as exc:
            return HttpResponse(exc.message, status=429, content_type="text/plain")
        return HttpResponseRedirect(f"{place}?ticket={ticket}{query}", headers={"Cache-Control": "no-store"})

    def show_lines(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        """Return the lines that begin at `from` milliseconds or later, as JSON."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            meeting = queries.get_meeting(actor_of(request), str(meeting_id))
        except ObjectDoesNotExist as exc:
            return JsonResponse({"detail": str(exc)}, status=404)
        lines = _lines(meeting, _names(_speakers(meeting)))
        begin = _number(request.GET.get("from", ""))
        later = [line.as_json() for line in lines[:MAX_LINES] if line.start >= begin]
        return JsonResponse({"lines": later}, headers={"Cache-Control": "no-store"})

    def retranscribe(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        return self._do(
            request, meeting_id, lambda: processing.retranscribe(actor_of(request), str(meeting_id)), "Queued."
        )

    def cancel(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        return self._do(
            request, meeting_id, lambda: processing.cancel_processing(actor_of(request), str(meeting_id)), "Cancelled."
        )

    def decide(self, request: HttpRequest, meeting_id: UUID, item_id: UUID, decision: str) -> HttpResponse:
        """Accept an action item with the fields of the posted form, or reject it."""
        if not request.user.has_perm("meetings.change_actionitem"):
            raise PermissionDenied
        actor, ids = actor_of(request), (str(meeting_id), str(item_id))

        def accept() -> None:
            form = DecisionForm(request.POST)
            if not form.is_valid():
                raise ValidationError([error for errors in form.errors.as_data().values() for error in errors])
            values = form.cleaned_data
            due_on, meeting = values.pop("due_on"), queries.get_meeting(actor, str(meeting_id))
            due_date = action_items.end_of_day(due_on, meeting) if due_on else None
            action_items.accept_action_item(actor, *ids, **values, due_date=due_date)

        if decision == "accept":
            return self._do(request, meeting_id, accept, "The task was created.", changes=False)
        return self._do(
            request, meeting_id, lambda: action_items.reject_action_item(actor, *ids), "Rejected.", changes=False
        )

    def begin_upload(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        """Begin the upload of a recording, of which the page sends one piece after the other."""

        def begin() -> dict[str, Any]:
            meeting = queries.get_meeting(actor_of(request), str(meeting_id))
            declared = UploadMetadata(
                meeting_id=str(meeting_id),
                filename=request.POST.get("filename", ""),
                content_type=request.POST.get("content_type", ""),
                size=_number(request.POST.get("size", "")),
                replace=meeting.status in OVER,
            )
            upload = resumable.create_upload(RECORDINGS, actor_of(request), declared, length=declared.size)
            return {"id": str(upload.pk)}

        return self._answer(request, begin)

    def continue_upload(self, request: HttpRequest, meeting_id: UUID, upload_id: UUID) -> HttpResponse:
        """Append a piece to an upload, at the `offset` of the query. The last one attaches the recording."""

        def append() -> dict[str, Any]:
            upload = resumable.append(
                RECORDINGS, actor_of(request), str(upload_id), _number(request.GET.get("offset", "")), [request.body]
            )
            return {"offset": upload.offset}

        return self._answer(request, append)

    def _do(
        self, request: HttpRequest, meeting_id: UUID, service: Callable[[], object], done: str, *, changes: bool = True
    ) -> HttpResponse:
        """Call a service, report its outcome as a message, and show the page again."""
        if changes and not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            service()
            self.message_user(request, done, messages.SUCCESS)
        except _ERRORS as exc:
            self.message_user(request, problem_of(exc).message, messages.ERROR)
        return HttpResponseRedirect(reverse("admin:meetings_meeting_change", args=[meeting_id]))

    def _answer(self, request: HttpRequest, service: Callable[[], dict[str, Any]]) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            return JsonResponse(service())
        except _ERRORS as exc:
            problem = problem_of(exc)
            return JsonResponse({"detail": problem.message}, status=problem.spec.http_status)


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


def content(request: HttpRequest, meeting: Meeting, *, may_change: bool) -> dict[str, Any]:
    """Return what the template shows of the meeting's current version."""
    of_version = _of_version(meeting)
    speakers = _speakers(meeting)
    lines = _lines(meeting, _names(speakers))
    begin = _number(request.GET.get("from", ""))
    later = [line for line in lines if line.start >= begin]
    places = {str(line.id): line for line in lines}
    actor = actor_of(request)
    may_change = may_change and policies.may_change(actor, meeting, role_of(actor, meeting.project_id))
    people = _people(meeting)
    may_send = meeting.status == Status.PENDING or policies.may_replace_recording(actor, meeting)
    return {
        "meeting": meeting,
        "speakers": [(speaker, clock(speaker.speech_ms)) for speaker in speakers],
        "lines": later[:LINES_SHOWN],
        "is_continued": len(later) < len(lines),
        "next": later[LINES_SHOWN].start if len(later) > LINES_SHOWN else None,
        "seconds": meeting.duration_ms / 1000,
        "peaks": list(queries.peaks_of(meeting)) if meeting.recording else [],
        "summary": list(_statements(Summary.objects.filter(**of_version).first(), places)),
        "items": list(_items(of_version, places)),
        "people": people,
        "people_options": _options(people),
        "files": FILES[1:],
        "may_change": may_change,
        "may_decide": request.user.has_perm("meetings.change_actionitem"),
        "may_send": may_change and may_send and meeting.status not in RUNNING,
        "is_running": meeting.status in RUNNING,
        "is_over": meeting.status in OVER,
    }


@dataclass(slots=True)
class Line:
    """A line of the transcript; its times are in milliseconds."""

    id: UUID
    start: int
    end: int
    text: str
    speaker: str

    @property
    def at(self) -> str:
        return clock(self.start)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at}


def _of_version(meeting: Meeting) -> dict[str, Any]:
    return {"meeting": meeting.pk, "transcript_version": meeting.transcript_version}


def _speakers(meeting: Meeting) -> list[Speaker]:
    speakers = Speaker.objects.filter(**_of_version(meeting)).only("label", "name", "speech_ms")
    return list(speakers.order_by("place"))


def _names(speakers: Iterable[Speaker]) -> dict[UUID | None, str]:
    return {speaker.pk: str(speaker) for speaker in speakers}


def _lines(meeting: Meeting, names: Mapping[UUID | None, str]) -> list[Line]:
    """Return the lines of the current version in their order, at most one more than are shown."""
    rows = Segment.objects.filter(**_of_version(meeting)).order_by("start_ms")
    found = rows.values_list("pk", "start_ms", "end_ms", "text", "speaker_id")[: MAX_LINES + 1]
    return [Line(pk, start, end, text, names.get(speaker, "")) for pk, start, end, text, speaker in found]


def _statements(summary: Summary | None, places: dict[str, Line]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the parts of the summary: each statement with the lines that it is based on."""
    for name in SUMMARY_PARTS if summary else ():
        if statements := getattr(summary, name):
            yield (
                name.capitalize(),
                [{"text": one["text"], "evidence": _evidence(one["segment_ids"], places)} for one in statements],
            )


def _items(of_version: dict[str, Any], places: dict[str, Line]) -> Iterator[dict[str, Any]]:
    items = ActionItem.objects.filter(**of_version).select_related("assigned_to").order_by("place")
    forms = 0
    for item in with_task_gone(items):
        is_open = item.status != ActionItemStatus.ACCEPTED or item.task_gone
        forms += is_open
        evidence = _evidence(item.segment_ids, places)
        yield {"item": item, "is_open": is_open, "has_form": is_open and forms <= MAX_FORMS, "evidence": evidence}


def _evidence(segment_ids: list[Any], places: dict[str, Line]) -> list[Line]:
    return [places[str(segment_id)] for segment_id in segment_ids if str(segment_id) in places]


def _people(meeting: Meeting) -> list[User]:
    """Return the owner and the participants, in their order."""
    wanted = list(dict.fromkeys((meeting.owner_id, *meeting.participants)))
    users = User.objects.in_bulk(wanted)
    return [users[user_id] for user_id in wanted if user_id in users]


def _options(people: Iterable[User]) -> SafeString:
    """Return the options that each action item has."""
    names = ((person.pk, person.display_name or person.email) for person in people)
    return format_html_join("", '<option value="{}">{}</option>', names)
