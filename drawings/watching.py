"""Events of WatchDocument, the stream about one document."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from changes.feed.topic_events import TopicEvents
from changes.feed.view import Subscription
from drawings import policies, queries
from drawings.models import OVER, Document
from tandem.drawing.v1 import drawing_pb2

EVENTS = TopicEvents(
    drawing_pb2.WatchDocumentResponse,
    "drawing.document",
    {"drawing.page": ("page", "page"), "drawing.component": ("component", "component")},
    belongs_to="document_id",
    progress=frozenset(("progress",)),
    deleted=("id", "document_id", "page_number"),
    is_over=lambda image: image["status"] in OVER,
)


def subscription_for(operation: str, document: Document) -> Subscription:
    """Return a subscription to a visible document."""
    return EVENTS.subscription(
        operation,
        document,
        group=policies.who_see(str(document.pk)),
        narrow=partial(_narrow, document.pk),
        not_found=queries.not_found(str(document.pk)),
    )


def _narrow(document_id: UUID, rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows if rows.model is Document else rows.filter(document=document_id)
