"""The feeds that can be watched: how to open each, and how to read its messages."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Callable, Generic, Iterable, NamedTuple, TypeVar

from tandem.change.v1 import change_pb2
from tandem.change.v1.change_pb2_grpc import ChangeServiceAsyncStub, ChangeServiceStub
from tandem.client.calls import Metadata
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2_grpc import DrawingServiceAsyncStub, DrawingServiceStub
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2_grpc import MeetingServiceAsyncStub, MeetingServiceStub
from tandem.task.v1 import task_pb2
from tandem.task.v1.task_pb2_grpc import TaskServiceAsyncStub, TaskServiceStub

Event = TypeVar(
    "Event", change_pb2.Change, task_pb2.TaskEvent, meeting_pb2.WatchMeetingResponse, drawing_pb2.WatchDocumentResponse
)


class MessageKind(enum.Enum):
    """The kind of a feed's message."""

    EVENT = enum.auto()
    #: The first one of a stream with an initial state marks the end of that state.
    BOOKMARK = enum.auto()
    SNAPSHOT_END = enum.auto()
    #: Nothing follows.
    END = enum.auto()


class Key(NamedTuple):
    """Identifies the subject of an event."""

    subject_type: str
    subject_id: str


@dataclass(frozen=True)
class Feed(Generic[Event]):
    """Describes a feed to a watch.

    Attributes:
        stream: opens a stream with bookmarks, from `(cursor, include_initial, metadata)`.
        kind: returns the kind of a message.
        subject: returns the subject of an event, and its version after the event; 0 = not specified.
        gone: makes the event which reports that a subject, last seen with this version, is no longer visible.
    """

    stream: Callable[[str, bool, Metadata], Any]
    kind: Callable[[Event], MessageKind]
    subject: Callable[[Event], tuple[Key, int]]
    gone: Callable[[Key, int], Event]


def changes(stub: ChangeServiceStub | ChangeServiceAsyncStub, subject_types: Iterable[str]) -> Feed[change_pb2.Change]:
    """Return the feed of WatchChanges."""
    types = tuple(subject_types)

    def stream(cursor: str, include_initial: bool, metadata: Metadata) -> Any:
        request = change_pb2.WatchChangesRequest(
            subject_types=types, cursor=cursor, include_initial=include_initial, bookmarks=True
        )
        return stub.WatchChanges(request, metadata=tuple(metadata))

    return Feed(stream, _kind_of_change, _subject_of_change, _removed_change)


def tasks(
    stub: TaskServiceStub | TaskServiceAsyncStub,
    task_ids: Iterable[str],
    statuses: Iterable[task_pb2.TaskStatus],
    labels: Iterable[str],
    project_id: str,
) -> Feed[task_pb2.TaskEvent]:
    """Return the feed of WatchTasks."""
    filters = task_pb2.WatchTasksRequest(
        task_ids=task_ids, statuses=statuses, labels=labels, project_id=project_id, bookmarks=True
    )

    def stream(cursor: str, include_initial: bool, metadata: Metadata) -> Any:
        request = task_pb2.WatchTasksRequest(cursor=cursor, include_initial=include_initial)
        request.MergeFrom(filters)
        return stub.WatchTasks(request, metadata=tuple(metadata))

    return Feed(stream, _kind_of_task_event, _subject_of_task_event, _removed_task_event)


def meeting(
    stub: MeetingServiceStub | MeetingServiceAsyncStub, meeting_id: str
) -> Feed[meeting_pb2.WatchMeetingResponse]:
    """Return the feed of WatchMeeting, which without a cursor always begins with the current state."""

    def stream(cursor: str, include_initial: bool, metadata: Metadata) -> Any:
        request = meeting_pb2.WatchMeetingRequest(meeting_id=meeting_id, cursor=cursor, bookmarks=True)
        return stub.WatchMeeting(request, metadata=tuple(metadata))

    return Feed(stream, _kind_of_meeting_event, _subject_of_meeting_event, _removed_meeting_event)


def document(
    stub: DrawingServiceStub | DrawingServiceAsyncStub, document_id: str
) -> Feed[drawing_pb2.WatchDocumentResponse]:
    """Return the feed of WatchDocument, which without a cursor always begins with the current state."""

    def stream(cursor: str, include_initial: bool, metadata: Metadata) -> Any:
        request = drawing_pb2.WatchDocumentRequest(document_id=document_id, cursor=cursor, bookmarks=True)
        return stub.WatchDocument(request, metadata=tuple(metadata))

    return Feed(stream, _kind_of_document_event, _subject_of_document_event, _removed_document_event)


def _kind_of_change(change: change_pb2.Change) -> MessageKind:
    if change.kind == change_pb2.CHANGE_KIND_BOOKMARK:
        return MessageKind.BOOKMARK
    return MessageKind.SNAPSHOT_END if change.kind == change_pb2.CHANGE_KIND_SNAPSHOT_END else MessageKind.EVENT


def _subject_of_change(change: change_pb2.Change) -> tuple[Key, int]:
    return Key(change.subject_type, change.subject_id), change.subject_version


def _removed_change(key: Key, version: int) -> change_pb2.Change:
    kind = change_pb2.CHANGE_KIND_DELETED
    return change_pb2.Change(
        kind=kind, subject_type=key.subject_type, subject_id=key.subject_id, subject_version=version, left_view=True
    )


def _kind_of_task_event(event: task_pb2.TaskEvent) -> MessageKind:
    if event.event_type == task_pb2.EVENT_TYPE_BOOKMARK:
        return MessageKind.BOOKMARK
    return MessageKind.SNAPSHOT_END if event.event_type == task_pb2.EVENT_TYPE_SNAPSHOT_END else MessageKind.EVENT


def _subject_of_task_event(event: task_pb2.TaskEvent) -> tuple[Key, int]:
    return Key("task", event.task.id), event.task.version


def _removed_task_event(key: Key, version: int) -> task_pb2.TaskEvent:
    task = task_pb2.Task(id=key.subject_id, version=version)
    return task_pb2.TaskEvent(event_type=task_pb2.EVENT_TYPE_DELETED, task=task, left_view=True)


def _kind_of_meeting_event(event: meeting_pb2.WatchMeetingResponse) -> MessageKind:
    name = event.WhichOneof("event")
    return MessageKind.BOOKMARK if name is None else MessageKind.END if name == "end" else MessageKind.EVENT


def _subject_of_meeting_event(event: meeting_pb2.WatchMeetingResponse) -> tuple[Key, int]:
    name = event.WhichOneof("event") or ""
    subject: Any = getattr(event, name)
    if name in ("status", "progress"):
        return Key("status", ""), subject.version
    # There is one summary for each version of the transcript.
    return Key(name, str(subject.transcript_version) if name == "summary" else subject.id), subject.version


def _removed_meeting_event(key: Key, version: int) -> meeting_pb2.WatchMeetingResponse:
    event = meeting_pb2.WatchMeetingResponse(deleted=True)
    subject: Any = getattr(event, key.subject_type)
    subject.version = version
    if key.subject_type == "summary":
        subject.transcript_version = int(key.subject_id)
    elif key.subject_type != "status":
        subject.id = key.subject_id
    return event


def _kind_of_document_event(event: drawing_pb2.WatchDocumentResponse) -> MessageKind:
    name = event.WhichOneof("event")
    return MessageKind.BOOKMARK if name is None else MessageKind.END if name == "end" else MessageKind.EVENT


def _subject_of_document_event(event: drawing_pb2.WatchDocumentResponse) -> tuple[Key, int]:
    name = event.WhichOneof("event") or ""
    subject: Any = getattr(event, name)
    return Key("status", "") if name in ("status", "progress") else Key(name, subject.id), subject.version


def _removed_document_event(key: Key, version: int) -> drawing_pb2.WatchDocumentResponse:
    event = drawing_pb2.WatchDocumentResponse(deleted=True)
    subject: Any = getattr(event, key.subject_type)
    subject.version = version
    if key.subject_type != "status":
        subject.id = key.subject_id
    return event
