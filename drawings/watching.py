"""Events of WatchDocument, the stream about one document."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from changes.feed import subjects
from changes.feed.log import ChangeRecord, Image
from changes.feed.subjects import Visibility
from changes.feed.view import EventKind, Subscription, Topic
from core.conversions import set_timestamp
from drawings import policies, queries
from drawings.models import OVER, Document
from tandem.drawing.v1 import drawing_pb2

DOCUMENT = "drawing.document"
#: The parts of a document, in the order of the initial events: subject type → name of the server-sent event, and field
#: of the message.
PARTS = {"drawing.page": ("page", "page"), "drawing.component": ("component", "component")}
_PROGRESS = frozenset(("progress",))
#: The fields in the event of a deleted part.
_DELETED_PART_FIELDS = ("id", "document_id", "page_number", "version")


def subscription_for(operation: str, document: Document) -> Subscription:
    """Return a subscription to a visible document."""
    document_id = str(document.pk)
    audience = frozenset({policies.who_see(document_id)})
    return Subscription(
        operation,
        document_event,
        (DOCUMENT, *PARTS),
        bound_to=document_id,
        narrow=partial(_narrow, document.pk),
        subject_ids=frozenset({document_id}),
        event_name=event_name,
        topic=Topic(
            DOCUMENT,
            document_id,
            belongs_to="document_id",
            version=document.version,
            is_over=_is_over,
            not_found=queries.not_found(document_id),
        ),
        granted=dict.fromkeys(PARTS, audience),
    )


def event_name(kind: EventKind, change: ChangeRecord | None) -> str:
    """Return the name of the server-sent event."""
    return "bookmark" if change is None else _event_type(kind, change)[0]


def document_event(
    kind: EventKind, change: ChangeRecord | None, visibility: Visibility
) -> drawing_pb2.WatchDocumentResponse:
    """Return the event without its cursor."""
    event = drawing_pb2.WatchDocumentResponse(deleted=kind is EventKind.DELETED)
    if change is None:
        return event
    set_timestamp(event.occurred_at, change.occurred_at)
    subject = subjects.of(change.subject_type)
    message: Any = subject.message(subject.row((change.old if event.deleted else change.new) or {}), visibility)
    place: Any = getattr(event, _event_type(kind, change)[1])
    place.SetInParent()
    if event.deleted:
        for field in place.DESCRIPTOR.fields:
            if field.name in _DELETED_PART_FIELDS:
                setattr(place, field.name, getattr(message, field.name))
        place.version = change.version
    elif isinstance(place, drawing_pb2.DocumentProgress):
        place.progress, place.version = message.progress, message.version
    else:
        place.CopyFrom(message)
        if kind is EventKind.END:
            # The same time in every stream, whichever change it ends with.
            event.occurred_at.CopyFrom(message.updated_at)
    return event


def _event_type(kind: EventKind, change: ChangeRecord) -> tuple[str, str]:
    """Return the event's name, and the field of the message."""
    if change.subject_type != DOCUMENT:
        return PARTS[change.subject_type]
    if kind is EventKind.END:
        return "end", "end"
    changed = subjects.of(DOCUMENT).changed_fields(change, Visibility.WHOLE) if kind is EventKind.UPDATED else []
    return ("progress", "progress") if changed and _PROGRESS.issuperset(changed) else ("status", "status")


def _is_over(image: Image) -> bool:
    return image["status"] in OVER


def _narrow(document_id: UUID, rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows if rows.model is Document else rows.filter(document=document_id)
