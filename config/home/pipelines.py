"""Recordings and drawings that are processed, and those that failed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from core.actors import Actor
from core.models import Job
from drawings.models import RUNNING as RUNNING_DOCUMENTS
from drawings.models import Document
from drawings.models import Status as DocumentStatus
from meetings.models import RUNNING as RUNNING_MEETINGS
from meetings.models import Meeting, Stage
from meetings.models import Status as MeetingStatus

#: How many of a kind are shown.
MAX_SHOWN = 6
#: Failures before that are of the past.
RECENT = timedelta(days=7)
#: The newest drawings, among which failures are searched: their status has no index.
_MAX_SEARCHED = 500
_DRAWING_JOB = "drawings.process"
_BAD = (DocumentStatus.FAILED, DocumentStatus.PARTIAL)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A recording or a drawing.

    Attributes:
        reason: why it failed; empty while it is processed.
    """

    title: str
    kind: str
    link: str
    stage: str
    progress: int
    failed: bool
    reason: str
    estimated_end_at: datetime | None = None


def meetings(actor: Actor) -> Iterator[Pipeline]:
    """Yield the newest meetings in progress, and those that failed lately."""
    visible = Meeting.objects.visible_to(actor).only(
        "id", "title", "status", "stage", "progress", "estimated_end_at", "failure_reason", "created_at"
    )
    newest = ("-created_at", "-id")
    running = visible.filter(status__in=RUNNING_MEETINGS).order_by(*newest)[:MAX_SHOWN]
    failed = visible.filter(status=MeetingStatus.FAILED, created_at__gt=timezone.now() - RECENT)
    for meeting in running.union(failed.order_by(*newest)[:MAX_SHOWN], all=True):
        yield Pipeline(
            f"{meeting}",
            "Meeting",
            reverse("admin:meetings_meeting_change", args=[meeting.pk]),
            str(Stage(meeting.stage).label if meeting.stage else meeting.get_status_display()),
            meeting.progress,
            meeting.status == MeetingStatus.FAILED,
            meeting.failure_reason,
            meeting.estimated_end_at,
        )


def documents(actor: Actor) -> Iterator[Pipeline]:
    """Yield the drawings with an open job, and those of the newest that failed, at least in part."""
    jobs = Job.objects.filter(ended_at=None, slow=True, kind=_DRAWING_JOB).order_by("turn", "next_try_at", "id")
    ids = [UUID(arguments["document_id"]) for arguments in jobs.values_list("arguments", flat=True)[:MAX_SHOWN]]
    newest = Document.objects.filter(created_at__gt=timezone.now() - RECENT).order_by("-created_at", "-id")
    wanted = Q(pk__in=ids, status__in=RUNNING_DOCUMENTS) | Q(
        pk__in=newest.values("pk")[:_MAX_SEARCHED], status__in=_BAD
    )
    rows = Document.objects.visible_to(actor).filter(wanted).order_by("-id")[: 2 * MAX_SHOWN]
    for document in rows:
        yield Pipeline(
            f"{document}",
            "Drawing",
            reverse("admin:drawings_document_change", args=[document.pk]),
            str(document.get_status_display()),
            document.progress,
            document.status in _BAD,
            document.failure_reason,
        )
