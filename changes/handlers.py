"""Handlers of change.v1.ChangeService, one per rpc."""

from typing import Any, cast

from django.core.exceptions import ValidationError

from changes import feed, queries
from changes.feed import history, listing, memberships, subjects
from changes.feed.view import Subscription
from changes.feed.watching import Watch, open_watch
from changes.messages import change_message, history_entry, texts_of
from core.auth import scope_lacking
from core.db.pagination import page_size
from core.limits import costs
from core.operations import Call, operation
from tandem.change.v1 import change_pb2

#: API keys need `changes:read`, and for each requested type of subject its own scope, such as `tasks:read`.
AREA = "changes"


@operation(cost=costs.SEARCH)
def list_changes(call: Call, request: change_pb2.ListChangesRequest) -> change_pb2.ListChangesResponse:
    view = _view(call, request)
    events, cursor = listing.changes(view, call.actor, request.cursor, page_size(request.page_size, default=20))
    answer = change_pb2.ListChangesResponse(next_cursor=cursor)
    for event in events:
        # The payload is shared with other streams, so the cursor is set on a copy.
        answer.changes.add(cursor=event.cursor).MergeFrom(cast(change_pb2.Change, event.payload.message))
    return answer


@operation(cost=costs.SEARCH)
def list_history(call: Call, request: change_pb2.ListHistoryRequest) -> change_pb2.ListHistoryResponse:
    subject = history.subject_of_collection(request.collection)
    _require_scope(call, subject.type)
    changes, token = history.page_of_history(
        call.actor,
        subject,
        request.subject_id,
        request.page_size,
        request.page_token,
        {"operation": call.operation.name},
    )
    groups = subject.groups(call.actor) | memberships.present_groups(subject, call.actor)
    entries = [history_entry(subject, change, groups) for change in changes]
    names = queries.names_of_users(call.actor, {text for entry in entries for text in texts_of(entry)})
    for entry in entries:
        entry.actor_name = names.get(entry.actor_id, "")
    return change_pb2.ListHistoryResponse(entries=entries, next_page_token=token, names=names)


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
        _require_scope(call, name)
    return Subscription(call.operation.name, change_message, tuple(requested or known), bound_to=requested)


def _require_scope(call: Call, subject_type: str) -> None:
    """Require the scope of an API key for this type of subject: `drawing.document` is read with `drawings:read`."""
    if not call.has_scope(scope := f"{subject_type.partition('.')[0]}s:read"):
        raise scope_lacking(scope)
