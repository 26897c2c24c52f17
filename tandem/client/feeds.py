"""The feeds that can be watched: how each is asked for, and what is where in its messages."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Callable, Generic, Iterable, NamedTuple, TypeVar

from tandem.change.v1 import change_pb2
from tandem.change.v1.change_pb2_grpc import ChangeServiceStub
from tandem.client.calls import Metadata
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2_grpc import MeetingServiceStub
from tandem.task.v1 import task_pb2
from tandem.task.v1.task_pb2_grpc import TaskServiceStub

Event = TypeVar("Event", change_pb2.Change, task_pb2.TaskEvent, meeting_pb2.WatchMeetingResponse)


class Kind(enum.Enum):
    """What a message of a feed is."""

    EVENT = enum.auto()
    #: The first one of a stream with an initial state is the end of that.
    BOOKMARK = enum.auto()
    SNAPSHOT_END = enum.auto()
    #: Nothing follows.
    END = enum.auto()


class Key(NamedTuple):
    """What a subject is known by."""

    subject_type: str
    subject_id: str


@dataclass(frozen=True)
class Feed(Generic[Event]):
    """What a watch must know of a feed.

    Attributes:
        stream: opens one, with bookmarks: `(cursor, include_initial, metadata)`.
        kind: of a message.
        subject: what an event is about, and its version after it; 0 = the event does not say.
        gone: the event that says of a subject, last seen with this version, that it is not to be seen any more.
    """

    stream: Callable[[str, bool, Metadata], Any]
    kind: Callable[[Event], Kind]
    subject: Callable[[Event], tuple[Key, int]]
    gone: Callable[[Key, int], Event]


def changes(stub: ChangeServiceStub, subject_types: Iterable[str]) -> Feed[change_pb2.Change]:
    """WatchChanges."""
    types = tuple(subject_types)

    def stream(cursor: str, include_initial: bool, metadata: Metadata) -> Any:
        request = change_pb2.WatchChangesRequest(
            subject_types=types, cursor=cursor, include_initial=include_initial, bookmarks=True
        )
        return stub.WatchChanges(request, metadata=tuple(metadata))

    return Feed(stream, _kind_of_change, _subject_of_change, _change_of_what_is_gone)


def tasks(
    stub: TaskServiceStub, task_ids: Iterable[str], statuses: Iterable[task_pb2.TaskStatus], labels: Iterable[str]
) -> Feed[task_pb2.TaskEvent]:
    """WatchTasks."""
    asked = task_pb2.WatchTasksRequest(task_ids=task_ids, statuses=statuses, labels=labels, bookmarks=True)

    def stream(cursor: str, include_initial: bool, metadata: Metadata) -> Any:
        request = task_pb2.WatchTasksRequest(cursor=cursor, include_initial=include_initial)
        request.MergeFrom(asked)
        return stub.WatchTasks(request, metadata=tuple(metadata))

    return Feed(stream, _kind_of_task_event, _subject_of_task_event, _task_event_of_what_is_gone)


def meeting(stub: MeetingServiceStub, meeting_id: str) -> Feed[meeting_pb2.WatchMeetingResponse]:
    """WatchMeeting, which without a cursor always begins with what there is."""

    def stream(cursor: str, include_initial: bool, metadata: Metadata) -> Any:
        request = meeting_pb2.WatchMeetingRequest(meeting_id=meeting_id, cursor=cursor, bookmarks=True)
        return stub.WatchMeeting(request, metadata=tuple(metadata))

    return Feed(stream, _kind_of_meeting_event, _subject_of_meeting_event, _meeting_event_of_what_is_gone)


def _kind_of_change(change: change_pb2.Change) -> Kind:
    if change.kind == change_pb2.CHANGE_KIND_BOOKMARK:
        return Kind.BOOKMARK
    return Kind.SNAPSHOT_END if change.kind == change_pb2.CHANGE_KIND_SNAPSHOT_END else Kind.EVENT


def _subject_of_change(change: change_pb2.Change) -> tuple[Key, int]:
    return Key(change.subject_type, change.subject_id), change.subject_version


def _change_of_what_is_gone(key: Key, version: int) -> change_pb2.Change:
    kind = change_pb2.CHANGE_KIND_DELETED
    return change_pb2.Change(
        kind=kind, subject_type=key.subject_type, subject_id=key.subject_id, subject_version=version, left_view=True
    )


def _kind_of_task_event(event: task_pb2.TaskEvent) -> Kind:
    if event.event_type == task_pb2.EVENT_TYPE_BOOKMARK:
        return Kind.BOOKMARK
    return Kind.SNAPSHOT_END if event.event_type == task_pb2.EVENT_TYPE_SNAPSHOT_END else Kind.EVENT


def _subject_of_task_event(event: task_pb2.TaskEvent) -> tuple[Key, int]:
    return Key("task", event.task.id), event.task.version


def _task_event_of_what_is_gone(key: Key, version: int) -> task_pb2.TaskEvent:
    task = task_pb2.Task(id=key.subject_id, version=version)
    return task_pb2.TaskEvent(event_type=task_pb2.EVENT_TYPE_DELETED, task=task, left_view=True)


def _kind_of_meeting_event(event: meeting_pb2.WatchMeetingResponse) -> Kind:
    told = event.WhichOneof("event")
    return Kind.BOOKMARK if told is None else Kind.END if told == "end" else Kind.EVENT


def _subject_of_meeting_event(event: meeting_pb2.WatchMeetingResponse) -> tuple[Key, int]:
    told = event.WhichOneof("event") or ""
    subject: Any = getattr(event, told)
    if told in ("status", "progress"):
        return Key("status", ""), subject.version
    # There is one summary of each version.
    return Key(told, str(subject.transcript_version) if told == "summary" else subject.id), subject.version


def _meeting_event_of_what_is_gone(key: Key, version: int) -> meeting_pb2.WatchMeetingResponse:
    event = meeting_pb2.WatchMeetingResponse(deleted=True)
    gone: Any = getattr(event, key.subject_type)
    gone.version = version
    if key.subject_type == "summary":
        gone.transcript_version = int(key.subject_id)
    elif key.subject_type != "status":
        gone.id = key.subject_id
    return event
