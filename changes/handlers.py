"""change.v1.ChangeService, an rpc a function."""

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

#: API keys need `changes:read`, and of each type of subject that they ask for its own scope, as `tasks:read`.
AREA = "changes"


def list_changes(call: Call, request: change_pb2.ListChangesRequest) -> change_pb2.ListChangesResponse:
    view = _view(call, request)
    found, cursor = listing.changes(view, call.actor, request.cursor, page_size(request.page_size, default=20))
    answer = change_pb2.ListChangesResponse(next_cursor=cursor)
    for event in found:
        # What is shared stays without a cursor.
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
    """Of the types that are asked for: all, if none is.

    Raises:
        ValidationError: on each (`subject_types.<index>`) that there is not.
        PermissionDenied: the caller's API key may not read one of them.
    """
    known = sorted(subjects.own_types())
    errors = {
        f"subject_types.{index}": ValidationError(f"Choose from: {', '.join(known)}.", code="choice")
        for index, name in enumerate(request.subject_types)
        if name not in known
    }
    if errors:
        raise ValidationError(errors)
    asked = sorted(set(request.subject_types))
    for name in asked or known:
        if not call.has_scope(scope := f"{name}s:read"):
            raise scope_lacking(scope)
    return Subscription(call.operation.name, change_message, tuple(asked or known), bound_to=asked)
