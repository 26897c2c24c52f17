import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from tandem.drawing.v1 import drawing_pb2 as _drawing_pb2
from tandem.meeting.v1 import meeting_pb2 as _meeting_pb2
from tandem.project.v1 import project_pb2 as _project_pb2
from tandem.task.v1 import task_pb2 as _task_pb2
from tandem.user.v1 import user_pb2 as _user_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANGE_KIND_UNSPECIFIED: _ClassVar[ChangeKind]
    CHANGE_KIND_CREATED: _ClassVar[ChangeKind]
    CHANGE_KIND_UPDATED: _ClassVar[ChangeKind]
    CHANGE_KIND_DELETED: _ClassVar[ChangeKind]
    CHANGE_KIND_BOOKMARK: _ClassVar[ChangeKind]
    CHANGE_KIND_SNAPSHOT_END: _ClassVar[ChangeKind]
CHANGE_KIND_UNSPECIFIED: ChangeKind
CHANGE_KIND_CREATED: ChangeKind
CHANGE_KIND_UPDATED: ChangeKind
CHANGE_KIND_DELETED: ChangeKind
CHANGE_KIND_BOOKMARK: ChangeKind
CHANGE_KIND_SNAPSHOT_END: ChangeKind

class WatchChangesRequest(_message.Message):
    __slots__ = ("subject_types", "cursor", "bookmarks", "include_initial")
    SUBJECT_TYPES_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    BOOKMARKS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_INITIAL_FIELD_NUMBER: _ClassVar[int]
    subject_types: _containers.RepeatedScalarFieldContainer[str]
    cursor: str
    bookmarks: bool
    include_initial: bool
    def __init__(self, subject_types: _Optional[_Iterable[str]] = ..., cursor: _Optional[str] = ..., bookmarks: _Optional[bool] = ..., include_initial: _Optional[bool] = ...) -> None: ...

class ListChangesRequest(_message.Message):
    __slots__ = ("subject_types", "cursor", "page_size")
    SUBJECT_TYPES_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    subject_types: _containers.RepeatedScalarFieldContainer[str]
    cursor: str
    page_size: int
    def __init__(self, subject_types: _Optional[_Iterable[str]] = ..., cursor: _Optional[str] = ..., page_size: _Optional[int] = ...) -> None: ...

class ListChangesResponse(_message.Message):
    __slots__ = ("changes", "next_cursor")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    next_cursor: str
    def __init__(self, changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., next_cursor: _Optional[str] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("cursor", "subject_type", "subject_id", "subject_version", "kind", "occurred_at", "actor_id", "user", "task", "meeting", "project", "document", "left_view", "changed_fields", "reason", "traceparent")
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    MEETING_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    LEFT_VIEW_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELDS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    subject_type: str
    subject_id: str
    subject_version: int
    kind: ChangeKind
    occurred_at: _timestamp_pb2.Timestamp
    actor_id: str
    user: _user_pb2.User
    task: _task_pb2.Task
    meeting: _meeting_pb2.Meeting
    project: _project_pb2.Project
    document: _drawing_pb2.Document
    left_view: bool
    changed_fields: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    traceparent: str
    def __init__(self, cursor: _Optional[str] = ..., subject_type: _Optional[str] = ..., subject_id: _Optional[str] = ..., subject_version: _Optional[int] = ..., kind: _Optional[_Union[ChangeKind, str]] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor_id: _Optional[str] = ..., user: _Optional[_Union[_user_pb2.User, _Mapping]] = ..., task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ..., meeting: _Optional[_Union[_meeting_pb2.Meeting, _Mapping]] = ..., project: _Optional[_Union[_project_pb2.Project, _Mapping]] = ..., document: _Optional[_Union[_drawing_pb2.Document, _Mapping]] = ..., left_view: _Optional[bool] = ..., changed_fields: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., traceparent: _Optional[str] = ...) -> None: ...

class ListHistoryRequest(_message.Message):
    __slots__ = ("collection", "subject_id", "page_size", "page_token")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    collection: str
    subject_id: str
    page_size: int
    page_token: str
    def __init__(self, collection: _Optional[str] = ..., subject_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListHistoryResponse(_message.Message):
    __slots__ = ("entries", "next_page_token", "names")
    class NamesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[HistoryEntry]
    next_page_token: str
    names: _containers.ScalarMap[str, str]
    def __init__(self, entries: _Optional[_Iterable[_Union[HistoryEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., names: _Optional[_Mapping[str, str]] = ...) -> None: ...

class HistoryEntry(_message.Message):
    __slots__ = ("version", "kind", "occurred_at", "actor_id", "actor_name", "reason", "fields")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    version: int
    kind: ChangeKind
    occurred_at: _timestamp_pb2.Timestamp
    actor_id: str
    actor_name: str
    reason: str
    fields: _containers.RepeatedCompositeFieldContainer[FieldChange]
    def __init__(self, version: _Optional[int] = ..., kind: _Optional[_Union[ChangeKind, str]] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor_id: _Optional[str] = ..., actor_name: _Optional[str] = ..., reason: _Optional[str] = ..., fields: _Optional[_Iterable[_Union[FieldChange, _Mapping]]] = ...) -> None: ...

class FieldChange(_message.Message):
    __slots__ = ("field", "before", "after", "before_hidden", "after_hidden")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    BEFORE_HIDDEN_FIELD_NUMBER: _ClassVar[int]
    AFTER_HIDDEN_FIELD_NUMBER: _ClassVar[int]
    field: str
    before: str
    after: str
    before_hidden: bool
    after_hidden: bool
    def __init__(self, field: _Optional[str] = ..., before: _Optional[str] = ..., after: _Optional[str] = ..., before_hidden: _Optional[bool] = ..., after_hidden: _Optional[bool] = ...) -> None: ...
