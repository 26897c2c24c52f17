"""Handlers of change.v1.ChangeService, one per rpc."""

from typing import Any, cast

from django.core.exceptions import ValidationError

from changes import feed
from changes.feed import listing, subjects
from changes.feed.view import Subscription
from changes.feed.watching import Watch, open_watch
from changes.messages import change_message
from core.auth import scope_lacking
from core.db.pagination import page_size
from core.operations import Call
from tandem.change.v1 import change_pb2

#: API keys need `changes:read`, and for each requested type of subject its own scope, such as `tasks:read`.
AREA = "changes"


def list_changes(call: Call, request: change_pb2.ListChangesRequest) -> change_pb2.ListChangesResponse:
    view = _view(call, request)
    events, cursor = listing.changes(view, call.actor, request.cursor, page_size(request.page_size, default=20))
    answer = change_pb2.ListChangesResponse(next_cursor=cursor)
    for event in events:
        # The payload is shared with other streams, so the cursor is set on a copy.
        answer.changes.add(cursor=event.cursor).MergeFrom(cast(change_pb2.Change, event.payload.message))
    return answer


def watch_changes(call: Call, request: change_pb2.WatchChangesRequest) -> Watch:
    return open_watch(
        feed.live,
        _view(call, request),
        call.actor,
        cursor=request.cursor,
        include_initial=request.include_initial,
        bookmarks=request.bookmarks,
    )


def _view(call: Call, request: Any) -> Subscription:
    """Return a subscription to the requested types of subjects; to all types if the request names none.

    Raises:
        ValidationError: on each unknown type (`subject_types.<index>`).
        PermissionDenied: the caller's API key lacks the scope of one of the types.
    """
    known = sorted(subjects.own_types())
    errors = {
        f"subject_types.{index}": ValidationError(f"Choose from: {', '.join(known)}.", code="choice")
        for index, name in enumerate(request.subject_types)
        if name not in known
    }
    if errors:
        raise ValidationError(errors)
    requested = sorted(set(request.subject_types))
    for name in requested or known:
        # `drawing.document` is read with `drawings:read`.
        if not call.has_scope(scope := f"{name.partition('.')[0]}s:read"):
            raise scope_lacking(scope)
    return Subscription(call.operation.name, change_message, tuple(requested or known), bound_to=requested)
