from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EngineKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENGINE_KIND_UNSPECIFIED: _ClassVar[EngineKind]
    ENGINE_KIND_ASR: _ClassVar[EngineKind]
    ENGINE_KIND_SPEAKER: _ClassVar[EngineKind]
    ENGINE_KIND_SUMMARY: _ClassVar[EngineKind]

class AudioFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIO_FORMAT_UNSPECIFIED: _ClassVar[AudioFormat]
    AUDIO_FORMAT_PCM_S16LE_16K: _ClassVar[AudioFormat]
    AUDIO_FORMAT_FILE: _ClassVar[AudioFormat]
    AUDIO_FORMAT_GROWING_FILE: _ClassVar[AudioFormat]
ENGINE_KIND_UNSPECIFIED: EngineKind
ENGINE_KIND_ASR: EngineKind
ENGINE_KIND_SPEAKER: EngineKind
ENGINE_KIND_SUMMARY: EngineKind
AUDIO_FORMAT_UNSPECIFIED: AudioFormat
AUDIO_FORMAT_PCM_S16LE_16K: AudioFormat
AUDIO_FORMAT_FILE: AudioFormat
AUDIO_FORMAT_GROWING_FILE: AudioFormat

class GetCapabilitiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCapabilitiesResponse(_message.Message):
    __slots__ = ("engines", "max_streams", "free_streams", "contract_version")
    ENGINES_FIELD_NUMBER: _ClassVar[int]
    MAX_STREAMS_FIELD_NUMBER: _ClassVar[int]
    FREE_STREAMS_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_VERSION_FIELD_NUMBER: _ClassVar[int]
    engines: _containers.RepeatedCompositeFieldContainer[Engine]
    max_streams: int
    free_streams: int
    contract_version: str
    def __init__(self, engines: _Optional[_Iterable[_Union[Engine, _Mapping]]] = ..., max_streams: _Optional[int] = ..., free_streams: _Optional[int] = ..., contract_version: _Optional[str] = ...) -> None: ...

class Engine(_message.Message):
    __slots__ = ("name", "version", "kind", "model_id", "model_sha256", "languages", "device", "streaming", "word_times", "max_audio_s", "embedding_dim", "calibrated_threshold", "calibrated_margin", "loaded")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_SHA256_FIELD_NUMBER: _ClassVar[int]
    LANGUAGES_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    STREAMING_FIELD_NUMBER: _ClassVar[int]
    WORD_TIMES_FIELD_NUMBER: _ClassVar[int]
    MAX_AUDIO_S_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_DIM_FIELD_NUMBER: _ClassVar[int]
    CALIBRATED_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    CALIBRATED_MARGIN_FIELD_NUMBER: _ClassVar[int]
    LOADED_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    kind: EngineKind
    model_id: str
    model_sha256: str
    languages: _containers.RepeatedScalarFieldContainer[str]
    device: str
    streaming: bool
    word_times: bool
    max_audio_s: int
    embedding_dim: int
    calibrated_threshold: float
    calibrated_margin: float
    loaded: bool
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., kind: _Optional[_Union[EngineKind, str]] = ..., model_id: _Optional[str] = ..., model_sha256: _Optional[str] = ..., languages: _Optional[_Iterable[str]] = ..., device: _Optional[str] = ..., streaming: _Optional[bool] = ..., word_times: _Optional[bool] = ..., max_audio_s: _Optional[int] = ..., embedding_dim: _Optional[int] = ..., calibrated_threshold: _Optional[float] = ..., calibrated_margin: _Optional[float] = ..., loaded: _Optional[bool] = ...) -> None: ...

class AudioChunk(_message.Message):
    __slots__ = ("seq", "offset_ms", "data")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    seq: int
    offset_ms: int
    data: bytes
    def __init__(self, seq: _Optional[int] = ..., offset_ms: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class AsrUp(_message.Message):
    __slots__ = ("start", "audio", "finalize", "ping")
    START_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    FINALIZE_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    start: AsrStart
    audio: AudioChunk
    finalize: Finalize
    ping: Ping
    def __init__(self, start: _Optional[_Union[AsrStart, _Mapping]] = ..., audio: _Optional[_Union[AudioChunk, _Mapping]] = ..., finalize: _Optional[_Union[Finalize, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ...) -> None: ...

class AsrStart(_message.Message):
    __slots__ = ("session_id", "format", "language", "interim", "word_times", "vocabulary", "start_ms", "speaker_count")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    INTERIM_FIELD_NUMBER: _ClassVar[int]
    WORD_TIMES_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_COUNT_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    format: AudioFormat
    language: str
    interim: bool
    word_times: bool
    vocabulary: _containers.RepeatedScalarFieldContainer[str]
    start_ms: int
    speaker_count: int
    def __init__(self, session_id: _Optional[str] = ..., format: _Optional[_Union[AudioFormat, str]] = ..., language: _Optional[str] = ..., interim: _Optional[bool] = ..., word_times: _Optional[bool] = ..., vocabulary: _Optional[_Iterable[str]] = ..., start_ms: _Optional[int] = ..., speaker_count: _Optional[int] = ...) -> None: ...

class Finalize(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Ping(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AsrDown(_message.Message):
    __slots__ = ("accepted", "segment", "progress", "language", "done")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    segment: Segment
    progress: Progress
    language: DetectedLanguage
    done: Done
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., segment: _Optional[_Union[Segment, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., language: _Optional[_Union[DetectedLanguage, _Mapping]] = ..., done: _Optional[_Union[Done, _Mapping]] = ...) -> None: ...

class Accepted(_message.Message):
    __slots__ = ("engine",)
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    engine: Engine
    def __init__(self, engine: _Optional[_Union[Engine, _Mapping]] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("segment_id", "revision", "final", "start_ms", "end_ms", "text", "confidence", "words", "resume_ms")
    SEGMENT_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    RESUME_MS_FIELD_NUMBER: _ClassVar[int]
    segment_id: str
    revision: int
    final: bool
    start_ms: int
    end_ms: int
    text: str
    confidence: float
    words: _containers.RepeatedCompositeFieldContainer[Word]
    resume_ms: int
    def __init__(self, segment_id: _Optional[str] = ..., revision: _Optional[int] = ..., final: _Optional[bool] = ..., start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ..., text: _Optional[str] = ..., confidence: _Optional[float] = ..., words: _Optional[_Iterable[_Union[Word, _Mapping]]] = ..., resume_ms: _Optional[int] = ...) -> None: ...

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

class Progress(_message.Message):
    __slots__ = ("audio_ms_done", "audio_ms_total")
    AUDIO_MS_DONE_FIELD_NUMBER: _ClassVar[int]
    AUDIO_MS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    audio_ms_done: int
    audio_ms_total: int
    def __init__(self, audio_ms_done: _Optional[int] = ..., audio_ms_total: _Optional[int] = ...) -> None: ...

class DetectedLanguage(_message.Message):
    __slots__ = ("language", "confidence")
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    language: str
    confidence: float
    def __init__(self, language: _Optional[str] = ..., confidence: _Optional[float] = ...) -> None: ...

class Done(_message.Message):
    __slots__ = ("audio_ms", "cpu_ms", "incomplete_reason", "notice", "speech_ms", "peaks")
    AUDIO_MS_FIELD_NUMBER: _ClassVar[int]
    CPU_MS_FIELD_NUMBER: _ClassVar[int]
    INCOMPLETE_REASON_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    SPEECH_MS_FIELD_NUMBER: _ClassVar[int]
    PEAKS_FIELD_NUMBER: _ClassVar[int]
    audio_ms: int
    cpu_ms: int
    incomplete_reason: str
    notice: str
    speech_ms: int
    peaks: bytes
    def __init__(self, audio_ms: _Optional[int] = ..., cpu_ms: _Optional[int] = ..., incomplete_reason: _Optional[str] = ..., notice: _Optional[str] = ..., speech_ms: _Optional[int] = ..., peaks: _Optional[bytes] = ...) -> None: ...

class AudioUp(_message.Message):
    __slots__ = ("start", "audio")
    START_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    start: AudioStart
    audio: AudioChunk
    def __init__(self, start: _Optional[_Union[AudioStart, _Mapping]] = ..., audio: _Optional[_Union[AudioChunk, _Mapping]] = ...) -> None: ...

class AudioStart(_message.Message):
    __slots__ = ("session_id", "format", "start_ms", "speaker_count")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_COUNT_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    format: AudioFormat
    start_ms: int
    speaker_count: int
    def __init__(self, session_id: _Optional[str] = ..., format: _Optional[_Union[AudioFormat, str]] = ..., start_ms: _Optional[int] = ..., speaker_count: _Optional[int] = ...) -> None: ...

class DiarizeDown(_message.Message):
    __slots__ = ("accepted", "progress", "speaker", "turn", "done")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    progress: Progress
    speaker: Speaker
    turn: Turn
    done: Done
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., speaker: _Optional[_Union[Speaker, _Mapping]] = ..., turn: _Optional[_Union[Turn, _Mapping]] = ..., done: _Optional[_Union[Done, _Mapping]] = ...) -> None: ...

class Speaker(_message.Message):
    __slots__ = ("label", "embedding", "speech_ms")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    SPEECH_MS_FIELD_NUMBER: _ClassVar[int]
    label: str
    embedding: _containers.RepeatedScalarFieldContainer[float]
    speech_ms: int
    def __init__(self, label: _Optional[str] = ..., embedding: _Optional[_Iterable[float]] = ..., speech_ms: _Optional[int] = ...) -> None: ...

class Turn(_message.Message):
    __slots__ = ("start_ms", "end_ms", "label")
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    start_ms: int
    end_ms: int
    label: str
    def __init__(self, start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ..., label: _Optional[str] = ...) -> None: ...

class EmbedResponse(_message.Message):
    __slots__ = ("embedding", "speech_ms", "model_sha256")
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    SPEECH_MS_FIELD_NUMBER: _ClassVar[int]
    MODEL_SHA256_FIELD_NUMBER: _ClassVar[int]
    embedding: _containers.RepeatedScalarFieldContainer[float]
    speech_ms: int
    model_sha256: str
    def __init__(self, embedding: _Optional[_Iterable[float]] = ..., speech_ms: _Optional[int] = ..., model_sha256: _Optional[str] = ...) -> None: ...

class SummarizeRequest(_message.Message):
    __slots__ = ("session_id", "segments", "language", "roster", "held_on", "overview_sentences")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    ROSTER_FIELD_NUMBER: _ClassVar[int]
    HELD_ON_FIELD_NUMBER: _ClassVar[int]
    OVERVIEW_SENTENCES_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    segments: _containers.RepeatedCompositeFieldContainer[SpokenSegment]
    language: str
    roster: _containers.RepeatedCompositeFieldContainer[Person]
    held_on: str
    overview_sentences: int
    def __init__(self, session_id: _Optional[str] = ..., segments: _Optional[_Iterable[_Union[SpokenSegment, _Mapping]]] = ..., language: _Optional[str] = ..., roster: _Optional[_Iterable[_Union[Person, _Mapping]]] = ..., held_on: _Optional[str] = ..., overview_sentences: _Optional[int] = ...) -> None: ...

class SpokenSegment(_message.Message):
    __slots__ = ("segment_id", "start_ms", "end_ms", "text", "person_id")
    SEGMENT_ID_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    segment_id: str
    start_ms: int
    end_ms: int
    text: str
    person_id: str
    def __init__(self, segment_id: _Optional[str] = ..., start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ..., text: _Optional[str] = ..., person_id: _Optional[str] = ...) -> None: ...

class Person(_message.Message):
    __slots__ = ("person_id", "names")
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    person_id: str
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, person_id: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ...) -> None: ...

class SummarizeDown(_message.Message):
    __slots__ = ("delta", "result")
    DELTA_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    delta: str
    result: Summary
    def __init__(self, delta: _Optional[str] = ..., result: _Optional[_Union[Summary, _Mapping]] = ...) -> None: ...

class Summary(_message.Message):
    __slots__ = ("overview", "topics", "decisions", "action_items", "language", "engine")
    OVERVIEW_FIELD_NUMBER: _ClassVar[int]
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    ACTION_ITEMS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    overview: _containers.RepeatedCompositeFieldContainer[Statement]
    topics: _containers.RepeatedCompositeFieldContainer[Statement]
    decisions: _containers.RepeatedCompositeFieldContainer[Statement]
    action_items: _containers.RepeatedCompositeFieldContainer[ActionItem]
    language: str
    engine: Engine
    def __init__(self, overview: _Optional[_Iterable[_Union[Statement, _Mapping]]] = ..., topics: _Optional[_Iterable[_Union[Statement, _Mapping]]] = ..., decisions: _Optional[_Iterable[_Union[Statement, _Mapping]]] = ..., action_items: _Optional[_Iterable[_Union[ActionItem, _Mapping]]] = ..., language: _Optional[str] = ..., engine: _Optional[_Union[Engine, _Mapping]] = ...) -> None: ...

class Statement(_message.Message):
    __slots__ = ("text", "segment_ids")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    text: str
    segment_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, text: _Optional[str] = ..., segment_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ActionItem(_message.Message):
    __slots__ = ("text", "owner", "person_id", "due", "due_on", "segment_ids", "confidence")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    DUE_ON_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    owner: str
    person_id: str
    due: str
    due_on: str
    segment_ids: _containers.RepeatedScalarFieldContainer[str]
    confidence: float
    def __init__(self, text: _Optional[str] = ..., owner: _Optional[str] = ..., person_id: _Optional[str] = ..., due: _Optional[str] = ..., due_on: _Optional[str] = ..., segment_ids: _Optional[_Iterable[str]] = ..., confidence: _Optional[float] = ...) -> None: ...
