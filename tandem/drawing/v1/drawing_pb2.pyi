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

class DocumentStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DOCUMENT_STATUS_UNSPECIFIED: _ClassVar[DocumentStatus]
    DOCUMENT_STATUS_QUEUED: _ClassVar[DocumentStatus]
    DOCUMENT_STATUS_PROCESSING: _ClassVar[DocumentStatus]
    DOCUMENT_STATUS_READY: _ClassVar[DocumentStatus]
    DOCUMENT_STATUS_PARTIAL: _ClassVar[DocumentStatus]
    DOCUMENT_STATUS_FAILED: _ClassVar[DocumentStatus]
    DOCUMENT_STATUS_CANCELLED: _ClassVar[DocumentStatus]

class PageKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAGE_KIND_UNSPECIFIED: _ClassVar[PageKind]
    PAGE_KIND_VECTOR_TEXT: _ClassVar[PageKind]
    PAGE_KIND_VECTOR_ONLY: _ClassVar[PageKind]
    PAGE_KIND_RASTER: _ClassVar[PageKind]
    PAGE_KIND_MIXED: _ClassVar[PageKind]
    PAGE_KIND_BLANK: _ClassVar[PageKind]

class ComponentMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPONENT_METHOD_UNSPECIFIED: _ClassVar[ComponentMethod]
    COMPONENT_METHOD_TEXT: _ClassVar[ComponentMethod]
    COMPONENT_METHOD_VECTOR: _ClassVar[ComponentMethod]
    COMPONENT_METHOD_CLASSIFIER: _ClassVar[ComponentMethod]
    COMPONENT_METHOD_MANUAL: _ClassVar[ComponentMethod]

class ComponentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPONENT_STATE_UNSPECIFIED: _ClassVar[ComponentState]
    COMPONENT_STATE_PROPOSED: _ClassVar[ComponentState]
    COMPONENT_STATE_CONFIRMED: _ClassVar[ComponentState]
    COMPONENT_STATE_REJECTED: _ClassVar[ComponentState]
DOCUMENT_STATUS_UNSPECIFIED: DocumentStatus
DOCUMENT_STATUS_QUEUED: DocumentStatus
DOCUMENT_STATUS_PROCESSING: DocumentStatus
DOCUMENT_STATUS_READY: DocumentStatus
DOCUMENT_STATUS_PARTIAL: DocumentStatus
DOCUMENT_STATUS_FAILED: DocumentStatus
DOCUMENT_STATUS_CANCELLED: DocumentStatus
PAGE_KIND_UNSPECIFIED: PageKind
PAGE_KIND_VECTOR_TEXT: PageKind
PAGE_KIND_VECTOR_ONLY: PageKind
PAGE_KIND_RASTER: PageKind
PAGE_KIND_MIXED: PageKind
PAGE_KIND_BLANK: PageKind
COMPONENT_METHOD_UNSPECIFIED: ComponentMethod
COMPONENT_METHOD_TEXT: ComponentMethod
COMPONENT_METHOD_VECTOR: ComponentMethod
COMPONENT_METHOD_CLASSIFIER: ComponentMethod
COMPONENT_METHOD_MANUAL: ComponentMethod
COMPONENT_STATE_UNSPECIFIED: ComponentState
COMPONENT_STATE_PROPOSED: ComponentState
COMPONENT_STATE_CONFIRMED: ComponentState
COMPONENT_STATE_REJECTED: ComponentState

class Document(_message.Message):
    __slots__ = ("id", "project_id", "title", "revision", "supersedes", "file_name", "size", "sha256", "page_count", "metadata", "status", "progress", "failure_reason", "uploaded_by", "created_at", "updated_at", "version", "duplicate")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDES_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
    UPLOADED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    id: str
    project_id: str
    title: str
    revision: str
    supersedes: str
    file_name: str
    size: int
    sha256: str
    page_count: int
    metadata: _containers.ScalarMap[str, str]
    status: DocumentStatus
    progress: int
    failure_reason: str
    uploaded_by: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    version: int
    duplicate: bool
    def __init__(self, id: _Optional[str] = ..., project_id: _Optional[str] = ..., title: _Optional[str] = ..., revision: _Optional[str] = ..., supersedes: _Optional[str] = ..., file_name: _Optional[str] = ..., size: _Optional[int] = ..., sha256: _Optional[str] = ..., page_count: _Optional[int] = ..., metadata: _Optional[_Mapping[str, str]] = ..., status: _Optional[_Union[DocumentStatus, str]] = ..., progress: _Optional[int] = ..., failure_reason: _Optional[str] = ..., uploaded_by: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., duplicate: _Optional[bool] = ...) -> None: ...

class UploadDocumentRequest(_message.Message):
    __slots__ = ("metadata", "chunk")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    metadata: DocumentMetadata
    chunk: bytes
    def __init__(self, metadata: _Optional[_Union[DocumentMetadata, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class DocumentMetadata(_message.Message):
    __slots__ = ("project_id", "title", "revision", "supersedes", "filename", "content_type", "size", "sha256")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDES_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    title: str
    revision: str
    supersedes: str
    filename: str
    content_type: str
    size: int
    sha256: str
    def __init__(self, project_id: _Optional[str] = ..., title: _Optional[str] = ..., revision: _Optional[str] = ..., supersedes: _Optional[str] = ..., filename: _Optional[str] = ..., content_type: _Optional[str] = ..., size: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class UploadDocumentResponse(_message.Message):
    __slots__ = ("document",)
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    document: Document
    def __init__(self, document: _Optional[_Union[Document, _Mapping]] = ...) -> None: ...

class GetDocumentRequest(_message.Message):
    __slots__ = ("document_id",)
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    def __init__(self, document_id: _Optional[str] = ...) -> None: ...

class GetDocumentResponse(_message.Message):
    __slots__ = ("document",)
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    document: Document
    def __init__(self, document: _Optional[_Union[Document, _Mapping]] = ...) -> None: ...

class UpdateDocumentRequest(_message.Message):
    __slots__ = ("document_id", "document", "update_mask")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    document: Document
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, document_id: _Optional[str] = ..., document: _Optional[_Union[Document, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateDocumentResponse(_message.Message):
    __slots__ = ("document",)
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    document: Document
    def __init__(self, document: _Optional[_Union[Document, _Mapping]] = ...) -> None: ...

class DeleteDocumentRequest(_message.Message):
    __slots__ = ("document_id",)
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    def __init__(self, document_id: _Optional[str] = ...) -> None: ...

class ListDocumentsRequest(_message.Message):
    __slots__ = ("project_id", "pagination", "statuses", "query")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    pagination: _common_pb2.PaginationRequest
    statuses: _containers.RepeatedScalarFieldContainer[DocumentStatus]
    query: str
    def __init__(self, project_id: _Optional[str] = ..., pagination: _Optional[_Union[_common_pb2.PaginationRequest, _Mapping]] = ..., statuses: _Optional[_Iterable[_Union[DocumentStatus, str]]] = ..., query: _Optional[str] = ...) -> None: ...

class ListDocumentsResponse(_message.Message):
    __slots__ = ("documents", "pagination")
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    pagination: _common_pb2.PaginationResponse
    def __init__(self, documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationResponse, _Mapping]] = ...) -> None: ...

class WatchDocumentRequest(_message.Message):
    __slots__ = ("document_id", "cursor", "bookmarks")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    BOOKMARKS_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    cursor: str
    bookmarks: bool
    def __init__(self, document_id: _Optional[str] = ..., cursor: _Optional[str] = ..., bookmarks: _Optional[bool] = ...) -> None: ...

class WatchDocumentResponse(_message.Message):
    __slots__ = ("status", "progress", "page", "end", "deleted", "occurred_at", "cursor")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    status: Document
    progress: DocumentProgress
    page: Page
    end: Document
    deleted: bool
    occurred_at: _timestamp_pb2.Timestamp
    cursor: str
    def __init__(self, status: _Optional[_Union[Document, _Mapping]] = ..., progress: _Optional[_Union[DocumentProgress, _Mapping]] = ..., page: _Optional[_Union[Page, _Mapping]] = ..., end: _Optional[_Union[Document, _Mapping]] = ..., deleted: _Optional[bool] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cursor: _Optional[str] = ...) -> None: ...

class DocumentProgress(_message.Message):
    __slots__ = ("progress", "version")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    progress: int
    version: int
    def __init__(self, progress: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

class ReprocessRequest(_message.Message):
    __slots__ = ("document_id",)
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    def __init__(self, document_id: _Optional[str] = ...) -> None: ...

class ReprocessResponse(_message.Message):
    __slots__ = ("document",)
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    document: Document
    def __init__(self, document: _Optional[_Union[Document, _Mapping]] = ...) -> None: ...

class CancelProcessingRequest(_message.Message):
    __slots__ = ("document_id",)
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    def __init__(self, document_id: _Optional[str] = ...) -> None: ...

class CancelProcessingResponse(_message.Message):
    __slots__ = ("document",)
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    document: Document
    def __init__(self, document: _Optional[_Union[Document, _Mapping]] = ...) -> None: ...

class Page(_message.Message):
    __slots__ = ("id", "document_id", "page_number", "text", "image_count", "drawing_count", "bbox", "width", "height", "rotation", "kind", "sheet_number", "sheet_title", "warnings", "failure_reason", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    DRAWING_COUNT_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SHEET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SHEET_TITLE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    document_id: str
    page_number: int
    text: str
    image_count: int
    drawing_count: int
    bbox: _containers.RepeatedScalarFieldContainer[float]
    width: float
    height: float
    rotation: int
    kind: PageKind
    sheet_number: str
    sheet_title: str
    warnings: _containers.RepeatedScalarFieldContainer[str]
    failure_reason: str
    version: int
    def __init__(self, id: _Optional[str] = ..., document_id: _Optional[str] = ..., page_number: _Optional[int] = ..., text: _Optional[str] = ..., image_count: _Optional[int] = ..., drawing_count: _Optional[int] = ..., bbox: _Optional[_Iterable[float]] = ..., width: _Optional[float] = ..., height: _Optional[float] = ..., rotation: _Optional[int] = ..., kind: _Optional[_Union[PageKind, str]] = ..., sheet_number: _Optional[str] = ..., sheet_title: _Optional[str] = ..., warnings: _Optional[_Iterable[str]] = ..., failure_reason: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ListPagesRequest(_message.Message):
    __slots__ = ("document_id", "pagination")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    pagination: _common_pb2.PaginationRequest
    def __init__(self, document_id: _Optional[str] = ..., pagination: _Optional[_Union[_common_pb2.PaginationRequest, _Mapping]] = ...) -> None: ...

class ListPagesResponse(_message.Message):
    __slots__ = ("pages", "pagination")
    PAGES_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    pages: _containers.RepeatedCompositeFieldContainer[Page]
    pagination: _common_pb2.PaginationResponse
    def __init__(self, pages: _Optional[_Iterable[_Union[Page, _Mapping]]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationResponse, _Mapping]] = ...) -> None: ...

class GetPageRequest(_message.Message):
    __slots__ = ("document_id", "page_number")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    page_number: int
    def __init__(self, document_id: _Optional[str] = ..., page_number: _Optional[int] = ...) -> None: ...

class GetPageResponse(_message.Message):
    __slots__ = ("page",)
    PAGE_FIELD_NUMBER: _ClassVar[int]
    page: Page
    def __init__(self, page: _Optional[_Union[Page, _Mapping]] = ...) -> None: ...

class Word(_message.Message):
    __slots__ = ("text", "bbox")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    text: str
    bbox: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, text: _Optional[str] = ..., bbox: _Optional[_Iterable[float]] = ...) -> None: ...

class ListWordsRequest(_message.Message):
    __slots__ = ("document_id", "page_number", "bbox", "pagination")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    page_number: int
    bbox: _containers.RepeatedScalarFieldContainer[float]
    pagination: _common_pb2.PaginationRequest
    def __init__(self, document_id: _Optional[str] = ..., page_number: _Optional[int] = ..., bbox: _Optional[_Iterable[float]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationRequest, _Mapping]] = ...) -> None: ...

class ListWordsResponse(_message.Message):
    __slots__ = ("words", "pagination")
    WORDS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    words: _containers.RepeatedCompositeFieldContainer[Word]
    pagination: _common_pb2.PaginationResponse
    def __init__(self, words: _Optional[_Iterable[_Union[Word, _Mapping]]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationResponse, _Mapping]] = ...) -> None: ...

class Path(_message.Message):
    __slots__ = ("bbox", "stroke_width", "closed", "stroked", "filled", "stroke_color", "fill_color", "segments")
    BBOX_FIELD_NUMBER: _ClassVar[int]
    STROKE_WIDTH_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    STROKED_FIELD_NUMBER: _ClassVar[int]
    FILLED_FIELD_NUMBER: _ClassVar[int]
    STROKE_COLOR_FIELD_NUMBER: _ClassVar[int]
    FILL_COLOR_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    bbox: _containers.RepeatedScalarFieldContainer[float]
    stroke_width: float
    closed: bool
    stroked: bool
    filled: bool
    stroke_color: str
    fill_color: str
    segments: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, bbox: _Optional[_Iterable[float]] = ..., stroke_width: _Optional[float] = ..., closed: _Optional[bool] = ..., stroked: _Optional[bool] = ..., filled: _Optional[bool] = ..., stroke_color: _Optional[str] = ..., fill_color: _Optional[str] = ..., segments: _Optional[_Iterable[float]] = ...) -> None: ...

class ListPathsRequest(_message.Message):
    __slots__ = ("document_id", "page_number", "bbox", "pagination")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    page_number: int
    bbox: _containers.RepeatedScalarFieldContainer[float]
    pagination: _common_pb2.PaginationRequest
    def __init__(self, document_id: _Optional[str] = ..., page_number: _Optional[int] = ..., bbox: _Optional[_Iterable[float]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationRequest, _Mapping]] = ...) -> None: ...

class ListPathsResponse(_message.Message):
    __slots__ = ("paths", "pagination")
    PATHS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    paths: _containers.RepeatedCompositeFieldContainer[Path]
    pagination: _common_pb2.PaginationResponse
    def __init__(self, paths: _Optional[_Iterable[_Union[Path, _Mapping]]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationResponse, _Mapping]] = ...) -> None: ...

class RenderPageRequest(_message.Message):
    __slots__ = ("document_id", "page_number", "dpi", "bbox", "offset")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    DPI_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    page_number: int
    dpi: int
    bbox: _containers.RepeatedScalarFieldContainer[float]
    offset: int
    def __init__(self, document_id: _Optional[str] = ..., page_number: _Optional[int] = ..., dpi: _Optional[int] = ..., bbox: _Optional[_Iterable[float]] = ..., offset: _Optional[int] = ...) -> None: ...

class RenderPageResponse(_message.Message):
    __slots__ = ("metadata", "chunk")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    metadata: PageImage
    chunk: bytes
    def __init__(self, metadata: _Optional[_Union[PageImage, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class PageImage(_message.Message):
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

class SearchPagesRequest(_message.Message):
    __slots__ = ("query", "project_id", "document_id", "pagination")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    query: str
    project_id: str
    document_id: str
    pagination: _common_pb2.PaginationRequest
    def __init__(self, query: _Optional[str] = ..., project_id: _Optional[str] = ..., document_id: _Optional[str] = ..., pagination: _Optional[_Union[_common_pb2.PaginationRequest, _Mapping]] = ...) -> None: ...

class FoundPage(_message.Message):
    __slots__ = ("document_id", "project_id", "document_title", "page_number", "sheet_number", "sheet_title", "words", "word_count")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_TITLE_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SHEET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SHEET_TITLE_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    WORD_COUNT_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    project_id: str
    document_title: str
    page_number: int
    sheet_number: str
    sheet_title: str
    words: _containers.RepeatedCompositeFieldContainer[Word]
    word_count: int
    def __init__(self, document_id: _Optional[str] = ..., project_id: _Optional[str] = ..., document_title: _Optional[str] = ..., page_number: _Optional[int] = ..., sheet_number: _Optional[str] = ..., sheet_title: _Optional[str] = ..., words: _Optional[_Iterable[_Union[Word, _Mapping]]] = ..., word_count: _Optional[int] = ...) -> None: ...

class SearchPagesResponse(_message.Message):
    __slots__ = ("matches", "pagination")
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    matches: _containers.RepeatedCompositeFieldContainer[FoundPage]
    pagination: _common_pb2.PaginationResponse
    def __init__(self, matches: _Optional[_Iterable[_Union[FoundPage, _Mapping]]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationResponse, _Mapping]] = ...) -> None: ...

class Rating(_message.Message):
    __slots__ = ("raw", "value", "unit")
    RAW_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    raw: str
    value: float
    unit: str
    def __init__(self, raw: _Optional[str] = ..., value: _Optional[float] = ..., unit: _Optional[str] = ...) -> None: ...

class Component(_message.Message):
    __slots__ = ("id", "document_id", "project_id", "page_number", "designator", "prefix", "rating", "bbox", "method", "confidence", "state", "remark", "symbol_id", "decided_by", "decided_at", "created_at", "updated_at", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    DESIGNATOR_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    CLASS_FIELD_NUMBER: _ClassVar[int]
    RATING_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REMARK_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    document_id: str
    project_id: str
    page_number: int
    designator: str
    prefix: str
    rating: Rating
    bbox: _containers.RepeatedScalarFieldContainer[float]
    method: ComponentMethod
    confidence: float
    state: ComponentState
    remark: str
    symbol_id: str
    decided_by: str
    decided_at: _timestamp_pb2.Timestamp
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    version: int
    def __init__(self, id: _Optional[str] = ..., document_id: _Optional[str] = ..., project_id: _Optional[str] = ..., page_number: _Optional[int] = ..., designator: _Optional[str] = ..., prefix: _Optional[str] = ..., rating: _Optional[_Union[Rating, _Mapping]] = ..., bbox: _Optional[_Iterable[float]] = ..., method: _Optional[_Union[ComponentMethod, str]] = ..., confidence: _Optional[float] = ..., state: _Optional[_Union[ComponentState, str]] = ..., remark: _Optional[str] = ..., symbol_id: _Optional[str] = ..., decided_by: _Optional[str] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., **kwargs) -> None: ...

class Symbol(_message.Message):
    __slots__ = ("id", "project_id", "name", "document_id", "page_number", "bbox", "may_rotate", "may_mirror", "created_by", "created_at", "updated_at", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CLASS_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    MAY_ROTATE_FIELD_NUMBER: _ClassVar[int]
    MAY_MIRROR_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    project_id: str
    name: str
    document_id: str
    page_number: int
    bbox: _containers.RepeatedScalarFieldContainer[float]
    may_rotate: bool
    may_mirror: bool
    created_by: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    version: int
    def __init__(self, id: _Optional[str] = ..., project_id: _Optional[str] = ..., name: _Optional[str] = ..., document_id: _Optional[str] = ..., page_number: _Optional[int] = ..., bbox: _Optional[_Iterable[float]] = ..., may_rotate: _Optional[bool] = ..., may_mirror: _Optional[bool] = ..., created_by: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., **kwargs) -> None: ...
