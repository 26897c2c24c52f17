"""The part of a meeting's page for listening: player, transcript, findings, and what can be done about them."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from access.services import create_ticket
from core.admin.writes import actor_of
from core.errors import Failure, RateLimited, problem_of
from core.uploads import resumable
from meetings import policies, queries
from meetings.admin.parts import with_task_gone
from meetings.models import OVER, RUNNING, ActionItem, ActionItemStatus, Meeting, Segment, Speaker, Status, Summary
from meetings.services import action_items, processing
from meetings.services.recordings import UploadMetadata
from meetings.services.resumable import RECORDINGS
from meetings.timecode import clock
from projects.queries import role_of
from users.models import User

#: Lines that the page shows; the list of segments has the others.
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
    of_version = {"meeting": meeting.pk, "transcript_version": meeting.transcript_version}
    speakers = list(Speaker.objects.filter(**of_version).only("label", "name", "speech_ms").order_by("place"))
    names = {speaker.pk: str(speaker) for speaker in speakers}
    rows = Segment.objects.filter(**of_version).order_by("start_ms")
    lines = [
        {
            "id": row[0],
            "start": row[1],
            "end": row[2],
            "at": clock(row[1]),
            "text": row[3],
            "speaker": names.get(row[4]),
        }
        for row in rows.values_list("pk", "start_ms", "end_ms", "text", "speaker_id")[: MAX_LINES + 1]
    ]
    places = {str(line["id"]): line for line in lines}
    actor = actor_of(request)
    may_change = may_change and policies.may_change(actor, meeting, role_of(actor, meeting.project_id))
    may_send = meeting.status == Status.PENDING or policies.may_replace_recording(actor, meeting)
    return {
        "meeting": meeting,
        "speakers": [(speaker, clock(speaker.speech_ms)) for speaker in speakers],
        "lines": lines[:MAX_LINES],
        "seconds": meeting.duration_ms / 1000,
        "peaks": list(queries.get_waveform(actor, str(meeting.pk))[1]) if meeting.recording else [],
        "has_more": len(lines) > MAX_LINES,
        "summary": list(_statements(Summary.objects.filter(**of_version).first(), places)),
        "items": list(_items(of_version, places)),
        "people": _people(meeting),
        "files": FILES[1:],
        "may_change": may_change,
        "may_decide": request.user.has_perm("meetings.change_actionitem"),
        "may_send": may_change and may_send and meeting.status not in RUNNING,
        "is_running": meeting.status in RUNNING,
        "is_over": meeting.status in OVER,
    }


def _statements(summary: Summary | None, places: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the parts of the summary: each statement with the lines that it is based on."""
    for name in ("overview", "topics", "decisions") if summary else ():
        if statements := getattr(summary, name):
            yield (
                name.capitalize(),
                [{"text": one["text"], "evidence": _evidence(one["segment_ids"], places)} for one in statements],
            )


def _items(of_version: dict[str, Any], places: dict[str, Any]) -> Iterator[dict[str, Any]]:
    items = ActionItem.objects.filter(**of_version).select_related("assigned_to").order_by("place")
    for item in with_task_gone(items):
        is_open = item.status != ActionItemStatus.ACCEPTED or item.task_gone
        evidence = _evidence(item.segment_ids, places)
        yield {"item": item, "is_open": is_open, "evidence": evidence}


def _evidence(segment_ids: list[Any], places: dict[str, Any]) -> list[dict[str, Any]]:
    return [places[str(segment_id)] for segment_id in segment_ids if str(segment_id) in places]


def _people(meeting: Meeting) -> list[User]:
    """Return the owner and the participants, in their order."""
    wanted = list(dict.fromkeys((meeting.owner_id, *meeting.participants)))
    users = User.objects.in_bulk(wanted)
    return [users[user_id] for user_id in wanted if user_id in users]
