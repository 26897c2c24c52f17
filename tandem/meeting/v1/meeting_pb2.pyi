import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from tandem.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MeetingStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEETING_STATUS_UNSPECIFIED: _ClassVar[MeetingStatus]
    MEETING_STATUS_PENDING: _ClassVar[MeetingStatus]
    MEETING_STATUS_QUEUED: _ClassVar[MeetingStatus]
    MEETING_STATUS_PROCESSING: _ClassVar[MeetingStatus]
    MEETING_STATUS_COMPLETED: _ClassVar[MeetingStatus]
    MEETING_STATUS_FAILED: _ClassVar[MeetingStatus]
    MEETING_STATUS_CANCELLED: _ClassVar[MeetingStatus]

class MeetingStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEETING_STAGE_UNSPECIFIED: _ClassVar[MeetingStage]
    MEETING_STAGE_TRANSCRIBING: _ClassVar[MeetingStage]
    MEETING_STAGE_DIARIZING: _ClassVar[MeetingStage]
    MEETING_STAGE_SUMMARIZING: _ClassVar[MeetingStage]

class LiveAudioFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIVE_AUDIO_FORMAT_UNSPECIFIED: _ClassVar[LiveAudioFormat]
    LIVE_AUDIO_FORMAT_PCM_S16LE: _ClassVar[LiveAudioFormat]
    LIVE_AUDIO_FORMAT_WEBM_OPUS: _ClassVar[LiveAudioFormat]

class RecognitionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECOGNITION_STATE_UNSPECIFIED: _ClassVar[RecognitionState]
    RECOGNITION_STATE_WAITING: _ClassVar[RecognitionState]
    RECOGNITION_STATE_RUNNING: _ClassVar[RecognitionState]
    RECOGNITION_STATE_FAILED: _ClassVar[RecognitionState]

class TextSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TEXT_SOURCE_UNSPECIFIED: _ClassVar[TextSource]
    TEXT_SOURCE_RECOGNITION: _ClassVar[TextSource]
    TEXT_SOURCE_VOCABULARY: _ClassVar[TextSource]
    TEXT_SOURCE_USER: _ClassVar[TextSource]

class ActionItemStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_ITEM_STATUS_UNSPECIFIED: _ClassVar[ActionItemStatus]
    ACTION_ITEM_STATUS_PROPOSED: _ClassVar[ActionItemStatus]
    ACTION_ITEM_STATUS_ACCEPTED: _ClassVar[ActionItemStatus]
    ACTION_ITEM_STATUS_REJECTED: _ClassVar[ActionItemStatus]
MEETING_STATUS_UNSPECIFIED: MeetingStatus
MEETING_STATUS_PENDING: MeetingStatus
MEETING_STATUS_QUEUED: MeetingStatus
MEETING_STATUS_PROCESSING: MeetingStatus
MEETING_STATUS_COMPLETED: MeetingStatus
MEETING_STATUS_FAILED: MeetingStatus
MEETING_STATUS_CANCELLED: MeetingStatus
MEETING_STAGE_UNSPECIFIED: MeetingStage
MEETING_STAGE_TRANSCRIBING: MeetingStage
MEETING_STAGE_DIARIZING: MeetingStage
MEETING_STAGE_SUMMARIZING: MeetingStage
LIVE_AUDIO_FORMAT_UNSPECIFIED: LiveAudioFormat
LIVE_AUDIO_FORMAT_PCM_S16LE: LiveAudioFormat
LIVE_AUDIO_FORMAT_WEBM_OPUS: LiveAudioFormat
RECOGNITION_STATE_UNSPECIFIED: RecognitionState
RECOGNITION_STATE_WAITING: RecognitionState
RECOGNITION_STATE_RUNNING: RecognitionState
RECOGNITION_STATE_FAILED: RecognitionState
TEXT_SOURCE_UNSPECIFIED: TextSource
TEXT_SOURCE_RECOGNITION: TextSource
TEXT_SOURCE_VOCABULARY: TextSource
TEXT_SOURCE_USER: TextSource
ACTION_ITEM_STATUS_UNSPECIFIED: ActionItemStatus
ACTION_ITEM_STATUS_PROPOSED: ActionItemStatus
ACTION_ITEM_STATUS_ACCEPTED: ActionItemStatus
ACTION_ITEM_STATUS_REJECTED: ActionItemStatus

class Meeting(_message.Message):
    __slots__ = ("id", "title", "starts_at", "participants", "language", "owner", "status", "progress", "failure_reason", "created_at", "updated_at", "version", "recording", "stage", "estimated_end_at", "duration_ms", "transcript_version", "notice", "vocabulary", "missing", "live", "transcript_deleted_at", "project_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANTS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RECORDING_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_END_AT_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_DELETED_AT_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: str
    starts_at: _timestamp_pb2.Timestamp
    participants: _containers.RepeatedScalarFieldContainer[str]
    language: str
    owner: str
    status: MeetingStatus
    progress: int
    failure_reason: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    version: int
    recording: Recording
    stage: MeetingStage
    estimated_end_at: _timestamp_pb2.Timestamp
    duration_ms: int
    transcript_version: int
    notice: str
    vocabulary: _containers.RepeatedScalarFieldContainer[str]
    missing: _containers.RepeatedCompositeFieldContainer[MissingStage]
    live: bool
    transcript_deleted_at: _timestamp_pb2.Timestamp
    project_id: str
    def __init__(self, id: _Optional[str] = ..., title: _Optional[str] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., participants: _Optional[_Iterable[str]] = ..., language: _Optional[str] = ..., owner: _Optional[str] = ..., status: _Optional[_Union[MeetingStatus, str]] = ..., progress: _Optional[int] = ..., failure_reason: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., recording: _Optional[_Union[Recording, _Mapping]] = ..., stage: _Optional[_Union[MeetingStage, str]] = ..., estimated_end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., duration_ms: _Optional[int] = ..., transcript_version: _Optional[int] = ..., notice: _Optional[str] = ..., vocabulary: _Optional[_Iterable[str]] = ..., missing: _Optional[_Iterable[_Union[MissingStage, _Mapping]]] = ..., live: _Optional[bool] = ..., transcript_deleted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., project_id: _Optional[str] = ...) -> None: ...

class MissingStage(_message.Message):
    __slots__ = ("stage", "reason")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    stage: MeetingStage
    reason: str
    def __init__(self, stage: _Optional[_Union[MeetingStage, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class Recording(_message.Message):
    __slots__ = ("filename", "content_type", "size", "sha256", "uploaded_at", "deleted_at")
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    UPLOADED_AT_FIELD_NUMBER: _ClassVar[int]
    DELETED_AT_FIELD_NUMBER: _ClassVar[int]
    filename: str
    content_type: str
    size: int
    sha256: str
    uploaded_at: _timestamp_pb2.Timestamp
    deleted_at: _timestamp_pb2.Timestamp
    def __init__(self, filename: _Optional[str] = ..., content_type: _Optional[str] = ..., size: _Optional[int] = ..., sha256: _Optional[str] = ..., uploaded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deleted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateMeetingRequest(_message.Message):
    __slots__ = ("title", "starts_at", "participants", "language", "owner", "vocabulary", "project_id")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANTS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    title: str
    starts_at: _timestamp_pb2.Timestamp
    participants: _containers.RepeatedScalarFieldContainer[str]
    language: str
    owner: str
    vocabulary: _containers.RepeatedScalarFieldContainer[str]
    project_id: str
    def __init__(self, title: _Optional[str] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., participants: _Optional[_Iterable[str]] = ..., language: _Optional[str] = ..., owner: _Optional[str] = ..., vocabulary: _Optional[_Iterable[str]] = ..., project_id: _Optional[str] = ...) -> None: ...

class CreateMeetingResponse(_message.Message):
    __slots__ = ("meeting",)
    MEETING_FIELD_NUMBER: _ClassVar[int]
    meeting: Meeting
    def __init__(self, meeting: _Optional[_Union[Meeting, _Mapping]] = ...) -> None: ...

class GetMeetingRequest(_message.Message):
    __slots__ = ("meeting_id",)
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    def __init__(self, meeting_id: _Optional[str] = ...) -> None: ...

class GetMeetingResponse(_message.Message):
    __slots__ = ("meeting",)
    MEETING_FIELD_NUMBER: _ClassVar[int]
    meeting: Meeting
    def __init__(self, meeting: _Optional[_Union[Meeting, _Mapping]] = ...) -> None: ...

class UpdateMeetingRequest(_message.Message):
    __slots__ = ("meeting_id", "meeting", "update_mask")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    MEETING_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    meeting: Meeting
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, meeting_id: _Optional[str] = ..., meeting: _Optional[_Union[Meeting, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateMeetingResponse(_message.Message):
    __slots__ = ("meeting",)
    MEETING_FIELD_NUMBER: _ClassVar[int]
    meeting: Meeting
    def __init__(self, meeting: _Optional[_Union[Meeting, _Mapping]] = ...) -> None: ...

class UploadRecordingRequest(_message.Message):
    __slots__ = ("metadata", "chunk")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    metadata: RecordingMetadata
    chunk: bytes
    def __init__(self, metadata: _Optional[_Union[RecordingMetadata, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class RecordingMetadata(_message.Message):
    __slots__ = ("meeting_id", "title", "filename", "content_type", "size", "sha256", "participants", "language", "starts_at", "vocabulary", "replace", "project_id")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANTS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    title: str
    filename: str
    content_type: str
    size: int
    sha256: str
    participants: _containers.RepeatedScalarFieldContainer[str]
    language: str
    starts_at: _timestamp_pb2.Timestamp
    vocabulary: _containers.RepeatedScalarFieldContainer[str]
    replace: bool
    project_id: str
    def __init__(self, meeting_id: _Optional[str] = ..., title: _Optional[str] = ..., filename: _Optional[str] = ..., content_type: _Optional[str] = ..., size: _Optional[int] = ..., sha256: _Optional[str] = ..., participants: _Optional[_Iterable[str]] = ..., language: _Optional[str] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., vocabulary: _Optional[_Iterable[str]] = ..., replace: _Optional[bool] = ..., project_id: _Optional[str] = ...) -> None: ...

class UploadRecordingResponse(_message.Message):
    __slots__ = ("meeting",)
    MEETING_FIELD_NUMBER: _ClassVar[int]
    meeting: Meeting
    def __init__(self, meeting: _Optional[_Union[Meeting, _Mapping]] = ...) -> None: ...

class GetWaveformRequest(_message.Message):
    __slots__ = ("meeting_id", "max_peaks")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_PEAKS_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    max_peaks: int
    def __init__(self, meeting_id: _Optional[str] = ..., max_peaks: _Optional[int] = ...) -> None: ...

class GetWaveformResponse(_message.Message):
    __slots__ = ("peaks", "duration_ms")
    PEAKS_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    peaks: _containers.RepeatedScalarFieldContainer[int]
    duration_ms: int
    def __init__(self, peaks: _Optional[_Iterable[int]] = ..., duration_ms: _Optional[int] = ...) -> None: ...

class DownloadRecordingRequest(_message.Message):
    __slots__ = ("meeting_id", "offset")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    offset: int
    def __init__(self, meeting_id: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class DownloadRecordingResponse(_message.Message):
    __slots__ = ("metadata", "chunk")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    metadata: RecordingContent
    chunk: bytes
    def __init__(self, metadata: _Optional[_Union[RecordingContent, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class RecordingContent(_message.Message):
    __slots__ = ("filename", "content_type", "size", "sha256")
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    filename: str
    content_type: str
    size: int
    sha256: str
    def __init__(self, filename: _Optional[str] = ..., content_type: _Optional[str] = ..., size: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class StreamAudioRequest(_message.Message):
    __slots__ = ("config", "audio", "end")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    config: AudioConfig
    audio: AudioPart
    end: AudioEnd
    def __init__(self, config: _Optional[_Union[AudioConfig, _Mapping]] = ..., audio: _Optional[_Union[AudioPart, _Mapping]] = ..., end: _Optional[_Union[AudioEnd, _Mapping]] = ...) -> None: ...

class AudioConfig(_message.Message):
    __slots__ = ("meeting_id", "format", "sample_rate", "language", "interim", "resume_from_seq")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    INTERIM_FIELD_NUMBER: _ClassVar[int]
    RESUME_FROM_SEQ_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    format: LiveAudioFormat
    sample_rate: int
    language: str
    interim: bool
    resume_from_seq: int
    def __init__(self, meeting_id: _Optional[str] = ..., format: _Optional[_Union[LiveAudioFormat, str]] = ..., sample_rate: _Optional[int] = ..., language: _Optional[str] = ..., interim: _Optional[bool] = ..., resume_from_seq: _Optional[int] = ...) -> None: ...

class AudioPart(_message.Message):
    __slots__ = ("seq", "data")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    seq: int
    data: bytes
    def __init__(self, seq: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class AudioEnd(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StreamAudioResponse(_message.Message):
    __slots__ = ("ready", "ack", "draft", "segment", "recognition", "end")
    READY_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    DRAFT_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    RECOGNITION_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ready: AudioReady
    ack: AudioAck
    draft: Draft
    segment: Segment
    recognition: Recognition
    end: AudioEnded
    def __init__(self, ready: _Optional[_Union[AudioReady, _Mapping]] = ..., ack: _Optional[_Union[AudioAck, _Mapping]] = ..., draft: _Optional[_Union[Draft, _Mapping]] = ..., segment: _Optional[_Union[Segment, _Mapping]] = ..., recognition: _Optional[_Union[Recognition, _Mapping]] = ..., end: _Optional[_Union[AudioEnded, _Mapping]] = ...) -> None: ...

class AudioReady(_message.Message):
    __slots__ = ("stored_seq",)
    STORED_SEQ_FIELD_NUMBER: _ClassVar[int]
    stored_seq: int
    def __init__(self, stored_seq: _Optional[int] = ...) -> None: ...

class AudioAck(_message.Message):
    __slots__ = ("seq",)
    SEQ_FIELD_NUMBER: _ClassVar[int]
    seq: int
    def __init__(self, seq: _Optional[int] = ...) -> None: ...

class Recognition(_message.Message):
    __slots__ = ("state", "reason")
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    state: RecognitionState
    reason: str
    def __init__(self, state: _Optional[_Union[RecognitionState, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class AudioEnded(_message.Message):
    __slots__ = ("meeting",)
    MEETING_FIELD_NUMBER: _ClassVar[int]
    meeting: Meeting
    def __init__(self, meeting: _Optional[_Union[Meeting, _Mapping]] = ...) -> None: ...

class Draft(_message.Message):
    __slots__ = ("meeting_id", "transcript_version", "start_ms", "end_ms", "revision", "text")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    transcript_version: int
    start_ms: int
    end_ms: int
    revision: int
    text: str
    def __init__(self, meeting_id: _Optional[str] = ..., transcript_version: _Optional[int] = ..., start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ..., revision: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class DeleteMeetingRequest(_message.Message):
    __slots__ = ("meeting_id",)
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    def __init__(self, meeting_id: _Optional[str] = ...) -> None: ...

class ListMeetingsRequest(_message.Message):
    __slots__ = ("pagination", "statuses", "query", "starts_at", "project_id")
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    pagination: _common_pb2.PaginationRequest
    statuses: _containers.RepeatedScalarFieldContainer[MeetingStatus]
    query: str
    starts_at: _common_pb2.TimeRange
    project_id: str
    def __init__(self, pagination: _Optional[_Union[_common_pb2.PaginationRequest, _Mapping]] = ..., statuses: _Optional[_Iterable[_Union[MeetingStatus, str]]] = ..., query: _Optional[str] = ..., starts_at: _Optional[_Union[_common_pb2.TimeRange, _Mapping]] = ..., project_id: _Optional[str] = ...) -> None: ...

class ListMeetingsResponse(_message.Message):
    __slots__ = ("meetings", "pagination")
    MEETINGS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    meetings: _containers.RepeatedCompositeFieldContainer[Meeting]
    pagination: _common_pb2.PaginationResponse
    def __init__(self, meetings: _Optional[_Iterable[_Union[Meeting, _Mapping]]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationResponse, _Mapping]] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("id", "meeting_id", "transcript_version", "start_ms", "end_ms", "text", "speaker_id", "confidence", "words", "engine", "degraded", "recognized_text", "edited_by", "edited_at", "version", "text_source", "split_at_ms", "second_part")
    ID_FIELD_NUMBER: _ClassVar[int]
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    RECOGNIZED_TEXT_FIELD_NUMBER: _ClassVar[int]
    EDITED_BY_FIELD_NUMBER: _ClassVar[int]
    EDITED_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TEXT_SOURCE_FIELD_NUMBER: _ClassVar[int]
    SPLIT_AT_MS_FIELD_NUMBER: _ClassVar[int]
    SECOND_PART_FIELD_NUMBER: _ClassVar[int]
    id: str
    meeting_id: str
    transcript_version: int
    start_ms: int
    end_ms: int
    text: str
    speaker_id: str
    confidence: float
    words: _containers.RepeatedCompositeFieldContainer[Word]
    engine: Engine
    degraded: bool
    recognized_text: str
    edited_by: str
    edited_at: _timestamp_pb2.Timestamp
    version: int
    text_source: TextSource
    split_at_ms: int
    second_part: SegmentPart
    def __init__(self, id: _Optional[str] = ..., meeting_id: _Optional[str] = ..., transcript_version: _Optional[int] = ..., start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ..., text: _Optional[str] = ..., speaker_id: _Optional[str] = ..., confidence: _Optional[float] = ..., words: _Optional[_Iterable[_Union[Word, _Mapping]]] = ..., engine: _Optional[_Union[Engine, _Mapping]] = ..., degraded: _Optional[bool] = ..., recognized_text: _Optional[str] = ..., edited_by: _Optional[str] = ..., edited_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., text_source: _Optional[_Union[TextSource, str]] = ..., split_at_ms: _Optional[int] = ..., second_part: _Optional[_Union[SegmentPart, _Mapping]] = ...) -> None: ...

class SegmentPart(_message.Message):
    __slots__ = ("id", "text", "speaker_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    text: str
    speaker_id: str
    def __init__(self, id: _Optional[str] = ..., text: _Optional[str] = ..., speaker_id: _Optional[str] = ...) -> None: ...

class Word(_message.Message):
    __slots__ = ("text", "start_ms", "end_ms", "confidence")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    start_ms: int
    end_ms: int
    confidence: float
    def __init__(self, text: _Optional[str] = ..., start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ..., confidence: _Optional[float] = ...) -> None: ...

class Engine(_message.Message):
    __slots__ = ("name", "version", "model_id", "model_sha256")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    model_id: str
    model_sha256: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., model_id: _Optional[str] = ..., model_sha256: _Optional[str] = ...) -> None: ...

class Speaker(_message.Message):
    __slots__ = ("id", "meeting_id", "transcript_version", "label", "name", "user_id", "speech_ms", "version", "suggestion")
    ID_FIELD_NUMBER: _ClassVar[int]
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SPEECH_MS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SUGGESTION_FIELD_NUMBER: _ClassVar[int]
    id: str
    meeting_id: str
    transcript_version: int
    label: str
    name: str
    user_id: str
    speech_ms: int
    version: int
    suggestion: SpeakerSuggestion
    def __init__(self, id: _Optional[str] = ..., meeting_id: _Optional[str] = ..., transcript_version: _Optional[int] = ..., label: _Optional[str] = ..., name: _Optional[str] = ..., user_id: _Optional[str] = ..., speech_ms: _Optional[int] = ..., version: _Optional[int] = ..., suggestion: _Optional[_Union[SpeakerSuggestion, _Mapping]] = ...) -> None: ...

class SpeakerSuggestion(_message.Message):
    __slots__ = ("user_id", "similarity")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SIMILARITY_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    similarity: float
    def __init__(self, user_id: _Optional[str] = ..., similarity: _Optional[float] = ...) -> None: ...

class Voice(_message.Message):
    __slots__ = ("user_id", "speaker_ids", "speech_ms", "consented_at")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_IDS_FIELD_NUMBER: _ClassVar[int]
    SPEECH_MS_FIELD_NUMBER: _ClassVar[int]
    CONSENTED_AT_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    speaker_ids: _containers.RepeatedScalarFieldContainer[str]
    speech_ms: int
    consented_at: _timestamp_pb2.Timestamp
    def __init__(self, user_id: _Optional[str] = ..., speaker_ids: _Optional[_Iterable[str]] = ..., speech_ms: _Optional[int] = ..., consented_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Summary(_message.Message):
    __slots__ = ("meeting_id", "transcript_version", "overview", "topics", "decisions", "language", "engine", "created_at", "version")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    OVERVIEW_FIELD_NUMBER: _ClassVar[int]
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    transcript_version: int
    overview: _containers.RepeatedCompositeFieldContainer[Statement]
    topics: _containers.RepeatedCompositeFieldContainer[Statement]
    decisions: _containers.RepeatedCompositeFieldContainer[Statement]
    language: str
    engine: Engine
    created_at: _timestamp_pb2.Timestamp
    version: int
    def __init__(self, meeting_id: _Optional[str] = ..., transcript_version: _Optional[int] = ..., overview: _Optional[_Iterable[_Union[Statement, _Mapping]]] = ..., topics: _Optional[_Iterable[_Union[Statement, _Mapping]]] = ..., decisions: _Optional[_Iterable[_Union[Statement, _Mapping]]] = ..., language: _Optional[str] = ..., engine: _Optional[_Union[Engine, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...

class Statement(_message.Message):
    __slots__ = ("text", "segment_ids")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    text: str
    segment_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, text: _Optional[str] = ..., segment_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ActionItem(_message.Message):
    __slots__ = ("id", "meeting_id", "transcript_version", "text", "owner_name", "assigned_to", "due", "due_on", "segment_ids", "confidence", "status", "task_id", "decided_by", "decided_at", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    OWNER_NAME_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_TO_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    DUE_ON_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    meeting_id: str
    transcript_version: int
    text: str
    owner_name: str
    assigned_to: str
    due: str
    due_on: _common_pb2.Date
    segment_ids: _containers.RepeatedScalarFieldContainer[str]
    confidence: float
    status: ActionItemStatus
    task_id: str
    decided_by: str
    decided_at: _timestamp_pb2.Timestamp
    version: int
    def __init__(self, id: _Optional[str] = ..., meeting_id: _Optional[str] = ..., transcript_version: _Optional[int] = ..., text: _Optional[str] = ..., owner_name: _Optional[str] = ..., assigned_to: _Optional[str] = ..., due: _Optional[str] = ..., due_on: _Optional[_Union[_common_pb2.Date, _Mapping]] = ..., segment_ids: _Optional[_Iterable[str]] = ..., confidence: _Optional[float] = ..., status: _Optional[_Union[ActionItemStatus, str]] = ..., task_id: _Optional[str] = ..., decided_by: _Optional[str] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...

class WatchMeetingRequest(_message.Message):
    __slots__ = ("meeting_id", "cursor", "bookmarks")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    BOOKMARKS_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    cursor: str
    bookmarks: bool
    def __init__(self, meeting_id: _Optional[str] = ..., cursor: _Optional[str] = ..., bookmarks: _Optional[bool] = ...) -> None: ...

class WatchMeetingResponse(_message.Message):
    __slots__ = ("status", "progress", "segment", "speaker", "summary", "action_item", "end", "draft", "deleted", "occurred_at", "cursor")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    ACTION_ITEM_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    DRAFT_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    status: Meeting
    progress: Progress
    segment: Segment
    speaker: Speaker
    summary: Summary
    action_item: ActionItem
    end: Meeting
    draft: Draft
    deleted: bool
    occurred_at: _timestamp_pb2.Timestamp
    cursor: str
    def __init__(self, status: _Optional[_Union[Meeting, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., segment: _Optional[_Union[Segment, _Mapping]] = ..., speaker: _Optional[_Union[Speaker, _Mapping]] = ..., summary: _Optional[_Union[Summary, _Mapping]] = ..., action_item: _Optional[_Union[ActionItem, _Mapping]] = ..., end: _Optional[_Union[Meeting, _Mapping]] = ..., draft: _Optional[_Union[Draft, _Mapping]] = ..., deleted: _Optional[bool] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cursor: _Optional[str] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("stage", "progress", "estimated_end_at", "version")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_END_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    stage: MeetingStage
    progress: int
    estimated_end_at: _timestamp_pb2.Timestamp
    version: int
    def __init__(self, stage: _Optional[_Union[MeetingStage, str]] = ..., progress: _Optional[int] = ..., estimated_end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...

class GetTranscriptRequest(_message.Message):
    __slots__ = ("meeting_id", "transcript_version", "pagination")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    transcript_version: int
    pagination: _common_pb2.PaginationRequest
    def __init__(self, meeting_id: _Optional[str] = ..., transcript_version: _Optional[int] = ..., pagination: _Optional[_Union[_common_pb2.PaginationRequest, _Mapping]] = ...) -> None: ...

class GetTranscriptResponse(_message.Message):
    __slots__ = ("segments", "pagination")
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    segments: _containers.RepeatedCompositeFieldContainer[Segment]
    pagination: _common_pb2.PaginationResponse
    def __init__(self, segments: _Optional[_Iterable[_Union[Segment, _Mapping]]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationResponse, _Mapping]] = ...) -> None: ...

class EditSegmentRequest(_message.Message):
    __slots__ = ("meeting_id", "segment_id", "segment", "update_mask")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    segment_id: str
    segment: Segment
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, meeting_id: _Optional[str] = ..., segment_id: _Optional[str] = ..., segment: _Optional[_Union[Segment, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class EditSegmentResponse(_message.Message):
    __slots__ = ("segment",)
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    segment: Segment
    def __init__(self, segment: _Optional[_Union[Segment, _Mapping]] = ...) -> None: ...

class ListSpeakersRequest(_message.Message):
    __slots__ = ("meeting_id", "transcript_version")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    transcript_version: int
    def __init__(self, meeting_id: _Optional[str] = ..., transcript_version: _Optional[int] = ...) -> None: ...

class ListSpeakersResponse(_message.Message):
    __slots__ = ("speakers",)
    SPEAKERS_FIELD_NUMBER: _ClassVar[int]
    speakers: _containers.RepeatedCompositeFieldContainer[Speaker]
    def __init__(self, speakers: _Optional[_Iterable[_Union[Speaker, _Mapping]]] = ...) -> None: ...

class NameSpeakerRequest(_message.Message):
    __slots__ = ("meeting_id", "speaker_id", "name", "user_id")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    speaker_id: str
    name: str
    user_id: str
    def __init__(self, meeting_id: _Optional[str] = ..., speaker_id: _Optional[str] = ..., name: _Optional[str] = ..., user_id: _Optional[str] = ...) -> None: ...

class NameSpeakerResponse(_message.Message):
    __slots__ = ("speaker",)
    SPEAKER_FIELD_NUMBER: _ClassVar[int]
    speaker: Speaker
    def __init__(self, speaker: _Optional[_Union[Speaker, _Mapping]] = ...) -> None: ...

class EnrollSpeakerRequest(_message.Message):
    __slots__ = ("meeting_id", "speaker_id", "consent")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_ID_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    speaker_id: str
    consent: bool
    def __init__(self, meeting_id: _Optional[str] = ..., speaker_id: _Optional[str] = ..., consent: _Optional[bool] = ...) -> None: ...

class EnrollSpeakerResponse(_message.Message):
    __slots__ = ("voice",)
    VOICE_FIELD_NUMBER: _ClassVar[int]
    voice: Voice
    def __init__(self, voice: _Optional[_Union[Voice, _Mapping]] = ...) -> None: ...

class ForgetSpeakerRequest(_message.Message):
    __slots__ = ("user_id",)
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    def __init__(self, user_id: _Optional[str] = ...) -> None: ...

class GetSummaryRequest(_message.Message):
    __slots__ = ("meeting_id", "transcript_version")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    transcript_version: int
    def __init__(self, meeting_id: _Optional[str] = ..., transcript_version: _Optional[int] = ...) -> None: ...

class GetSummaryResponse(_message.Message):
    __slots__ = ("summary",)
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    summary: Summary
    def __init__(self, summary: _Optional[_Union[Summary, _Mapping]] = ...) -> None: ...

class ListActionItemsRequest(_message.Message):
    __slots__ = ("meeting_id", "transcript_version", "statuses")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    transcript_version: int
    statuses: _containers.RepeatedScalarFieldContainer[ActionItemStatus]
    def __init__(self, meeting_id: _Optional[str] = ..., transcript_version: _Optional[int] = ..., statuses: _Optional[_Iterable[_Union[ActionItemStatus, str]]] = ...) -> None: ...

class ListActionItemsResponse(_message.Message):
    __slots__ = ("action_items",)
    ACTION_ITEMS_FIELD_NUMBER: _ClassVar[int]
    action_items: _containers.RepeatedCompositeFieldContainer[ActionItem]
    def __init__(self, action_items: _Optional[_Iterable[_Union[ActionItem, _Mapping]]] = ...) -> None: ...

class AcceptActionItemRequest(_message.Message):
    __slots__ = ("meeting_id", "item_id", "title", "assigned_to", "due_date")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_TO_FIELD_NUMBER: _ClassVar[int]
    DUE_DATE_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    item_id: str
    title: str
    assigned_to: str
    due_date: _timestamp_pb2.Timestamp
    def __init__(self, meeting_id: _Optional[str] = ..., item_id: _Optional[str] = ..., title: _Optional[str] = ..., assigned_to: _Optional[str] = ..., due_date: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AcceptActionItemResponse(_message.Message):
    __slots__ = ("action_item",)
    ACTION_ITEM_FIELD_NUMBER: _ClassVar[int]
    action_item: ActionItem
    def __init__(self, action_item: _Optional[_Union[ActionItem, _Mapping]] = ...) -> None: ...

class RejectActionItemRequest(_message.Message):
    __slots__ = ("meeting_id", "item_id")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    item_id: str
    def __init__(self, meeting_id: _Optional[str] = ..., item_id: _Optional[str] = ...) -> None: ...

class RejectActionItemResponse(_message.Message):
    __slots__ = ("action_item",)
    ACTION_ITEM_FIELD_NUMBER: _ClassVar[int]
    action_item: ActionItem
    def __init__(self, action_item: _Optional[_Union[ActionItem, _Mapping]] = ...) -> None: ...

class SearchTranscriptsRequest(_message.Message):
    __slots__ = ("query", "pagination")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    query: str
    pagination: _common_pb2.PaginationRequest
    def __init__(self, query: _Optional[str] = ..., pagination: _Optional[_Union[_common_pb2.PaginationRequest, _Mapping]] = ...) -> None: ...

class SearchTranscriptsResponse(_message.Message):
    __slots__ = ("matches", "pagination")
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    matches: _containers.RepeatedCompositeFieldContainer[FoundSegment]
    pagination: _common_pb2.PaginationResponse
    def __init__(self, matches: _Optional[_Iterable[_Union[FoundSegment, _Mapping]]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationResponse, _Mapping]] = ...) -> None: ...

class FoundSegment(_message.Message):
    __slots__ = ("segment", "meeting_title")
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    MEETING_TITLE_FIELD_NUMBER: _ClassVar[int]
    segment: Segment
    meeting_title: str
    def __init__(self, segment: _Optional[_Union[Segment, _Mapping]] = ..., meeting_title: _Optional[str] = ...) -> None: ...

class GetMeetingStatsRequest(_message.Message):
    __slots__ = ("created_at",)
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    created_at: _common_pb2.TimeRange
    def __init__(self, created_at: _Optional[_Union[_common_pb2.TimeRange, _Mapping]] = ...) -> None: ...

class GetMeetingStatsResponse(_message.Message):
    __slots__ = ("total", "by_status", "recorded_ms", "talk_ms_by_speaker")
    class ByStatusEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class TalkMsBySpeakerEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    BY_STATUS_FIELD_NUMBER: _ClassVar[int]
    RECORDED_MS_FIELD_NUMBER: _ClassVar[int]
    TALK_MS_BY_SPEAKER_FIELD_NUMBER: _ClassVar[int]
    total: int
    by_status: _containers.ScalarMap[str, int]
    recorded_ms: int
    talk_ms_by_speaker: _containers.ScalarMap[str, int]
    def __init__(self, total: _Optional[int] = ..., by_status: _Optional[_Mapping[str, int]] = ..., recorded_ms: _Optional[int] = ..., talk_ms_by_speaker: _Optional[_Mapping[str, int]] = ...) -> None: ...

class SummarizeRequest(_message.Message):
    __slots__ = ("meeting_id",)
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    def __init__(self, meeting_id: _Optional[str] = ...) -> None: ...

class SummarizeResponse(_message.Message):
    __slots__ = ("meeting",)
    MEETING_FIELD_NUMBER: _ClassVar[int]
    meeting: Meeting
    def __init__(self, meeting: _Optional[_Union[Meeting, _Mapping]] = ...) -> None: ...

class RetranscribeRequest(_message.Message):
    __slots__ = ("meeting_id", "language", "speaker_count")
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_COUNT_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    language: str
    speaker_count: int
    def __init__(self, meeting_id: _Optional[str] = ..., language: _Optional[str] = ..., speaker_count: _Optional[int] = ...) -> None: ...

class RetranscribeResponse(_message.Message):
    __slots__ = ("meeting",)
    MEETING_FIELD_NUMBER: _ClassVar[int]
    meeting: Meeting
    def __init__(self, meeting: _Optional[_Union[Meeting, _Mapping]] = ...) -> None: ...

class CancelProcessingRequest(_message.Message):
    __slots__ = ("meeting_id",)
    MEETING_ID_FIELD_NUMBER: _ClassVar[int]
    meeting_id: str
    def __init__(self, meeting_id: _Optional[str] = ...) -> None: ...

class CancelProcessingResponse(_message.Message):
    __slots__ = ("meeting",)
    MEETING_FIELD_NUMBER: _ClassVar[int]
    meeting: Meeting
    def __init__(self, meeting: _Optional[_Union[Meeting, _Mapping]] = ...) -> None: ...
