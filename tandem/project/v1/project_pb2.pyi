import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProjectStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROJECT_STATUS_UNSPECIFIED: _ClassVar[ProjectStatus]
    PROJECT_STATUS_ACTIVE: _ClassVar[ProjectStatus]
    PROJECT_STATUS_ARCHIVED: _ClassVar[ProjectStatus]

class ProjectRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROJECT_ROLE_UNSPECIFIED: _ClassVar[ProjectRole]
    PROJECT_ROLE_VIEWER: _ClassVar[ProjectRole]
    PROJECT_ROLE_EDITOR: _ClassVar[ProjectRole]
    PROJECT_ROLE_MANAGER: _ClassVar[ProjectRole]

class DrawingStandard(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DRAWING_STANDARD_UNSPECIFIED: _ClassVar[DrawingStandard]
    DRAWING_STANDARD_AUTO: _ClassVar[DrawingStandard]
    DRAWING_STANDARD_IEC_81346: _ClassVar[DrawingStandard]
    DRAWING_STANDARD_IEEE_315: _ClassVar[DrawingStandard]
PROJECT_STATUS_UNSPECIFIED: ProjectStatus
PROJECT_STATUS_ACTIVE: ProjectStatus
PROJECT_STATUS_ARCHIVED: ProjectStatus
PROJECT_ROLE_UNSPECIFIED: ProjectRole
PROJECT_ROLE_VIEWER: ProjectRole
PROJECT_ROLE_EDITOR: ProjectRole
PROJECT_ROLE_MANAGER: ProjectRole
DRAWING_STANDARD_UNSPECIFIED: DrawingStandard
DRAWING_STANDARD_AUTO: DrawingStandard
DRAWING_STANDARD_IEC_81346: DrawingStandard
DRAWING_STANDARD_IEEE_315: DrawingStandard

class Project(_message.Message):
    __slots__ = ("id", "number", "name", "description", "client", "status", "drawing_standard", "created_by", "created_at", "updated_at", "version", "my_role")
    ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DRAWING_STANDARD_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MY_ROLE_FIELD_NUMBER: _ClassVar[int]
    id: str
    number: str
    name: str
    description: str
    client: str
    status: ProjectStatus
    drawing_standard: DrawingStandard
    created_by: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    version: int
    my_role: ProjectRole
    def __init__(self, id: _Optional[str] = ..., number: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., client: _Optional[str] = ..., status: _Optional[_Union[ProjectStatus, str]] = ..., drawing_standard: _Optional[_Union[DrawingStandard, str]] = ..., created_by: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., my_role: _Optional[_Union[ProjectRole, str]] = ...) -> None: ...

class ProjectMember(_message.Message):
    __slots__ = ("project_id", "user_id", "role", "added_by", "created_at", "updated_at", "version")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    ADDED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    user_id: str
    role: ProjectRole
    added_by: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    version: int
    def __init__(self, project_id: _Optional[str] = ..., user_id: _Optional[str] = ..., role: _Optional[_Union[ProjectRole, str]] = ..., added_by: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...
