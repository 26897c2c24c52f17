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

class CountStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COUNT_STATUS_UNSPECIFIED: _ClassVar[CountStatus]
    COUNT_STATUS_QUEUED: _ClassVar[CountStatus]
    COUNT_STATUS_COUNTING: _ClassVar[CountStatus]
    COUNT_STATUS_READY: _ClassVar[CountStatus]
    COUNT_STATUS_FAILED: _ClassVar[CountStatus]
    COUNT_STATUS_CANCELLED: _ClassVar[CountStatus]

class DifferenceKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIFFERENCE_KIND_UNSPECIFIED: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_ADDED: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_REMOVED: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_MOVED: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_CHANGED: _ClassVar[DifferenceKind]
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
COUNT_STATUS_UNSPECIFIED: CountStatus
COUNT_STATUS_QUEUED: CountStatus
COUNT_STATUS_COUNTING: CountStatus
COUNT_STATUS_READY: CountStatus
COUNT_STATUS_FAILED: CountStatus
COUNT_STATUS_CANCELLED: CountStatus
DIFFERENCE_KIND_UNSPECIFIED: DifferenceKind
DIFFERENCE_KIND_ADDED: DifferenceKind
DIFFERENCE_KIND_REMOVED: DifferenceKind
DIFFERENCE_KIND_MOVED: DifferenceKind
DIFFERENCE_KIND_CHANGED: DifferenceKind

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
    __slots__ = ("status", "progress", "page", "component", "end", "deleted", "occurred_at", "cursor")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    status: Document
    progress: DocumentProgress
    page: Page
    component: Component
    end: Document
    deleted: bool
    occurred_at: _timestamp_pb2.Timestamp
    cursor: str
    def __init__(self, status: _Optional[_Union[Document, _Mapping]] = ..., progress: _Optional[_Union[DocumentProgress, _Mapping]] = ..., page: _Optional[_Union[Page, _Mapping]] = ..., component: _Optional[_Union[Component, _Mapping]] = ..., end: _Optional[_Union[Document, _Mapping]] = ..., deleted: _Optional[bool] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cursor: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("id", "project_id", "name", "document_id", "page_number", "bbox", "may_rotate", "may_mirror", "created_by", "created_at", "updated_at", "version", "of_legend", "count")
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
    OF_LEGEND_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
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
    of_legend: bool
    count: SymbolCount
    def __init__(self, id: _Optional[str] = ..., project_id: _Optional[str] = ..., name: _Optional[str] = ..., document_id: _Optional[str] = ..., page_number: _Optional[int] = ..., bbox: _Optional[_Iterable[float]] = ..., may_rotate: _Optional[bool] = ..., may_mirror: _Optional[bool] = ..., created_by: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., of_legend: _Optional[bool] = ..., count: _Optional[_Union[SymbolCount, _Mapping]] = ..., **kwargs) -> None: ...

class SymbolCount(_message.Message):
    __slots__ = ("status", "progress", "match_count", "withheld_count", "complete", "notes", "failure_reason")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    MATCH_COUNT_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_COUNT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
    status: CountStatus
    progress: int
    match_count: int
    withheld_count: int
    complete: bool
    notes: _containers.RepeatedScalarFieldContainer[str]
    failure_reason: str
    def __init__(self, status: _Optional[_Union[CountStatus, str]] = ..., progress: _Optional[int] = ..., match_count: _Optional[int] = ..., withheld_count: _Optional[int] = ..., complete: _Optional[bool] = ..., notes: _Optional[_Iterable[str]] = ..., failure_reason: _Optional[str] = ...) -> None: ...

class CreateSymbolRequest(_message.Message):
    __slots__ = ("project_id", "symbol")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    symbol: Symbol
    def __init__(self, project_id: _Optional[str] = ..., symbol: _Optional[_Union[Symbol, _Mapping]] = ...) -> None: ...

class CreateSymbolResponse(_message.Message):
    __slots__ = ("symbol",)
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    symbol: Symbol
    def __init__(self, symbol: _Optional[_Union[Symbol, _Mapping]] = ...) -> None: ...

class CreateSymbolsOfLegendRequest(_message.Message):
    __slots__ = ("project_id", "document_id", "page_number", "bbox")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    document_id: str
    page_number: int
    bbox: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, project_id: _Optional[str] = ..., document_id: _Optional[str] = ..., page_number: _Optional[int] = ..., bbox: _Optional[_Iterable[float]] = ...) -> None: ...

class CreateSymbolsOfLegendResponse(_message.Message):
    __slots__ = ("symbols",)
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    symbols: _containers.RepeatedCompositeFieldContainer[Symbol]
    def __init__(self, symbols: _Optional[_Iterable[_Union[Symbol, _Mapping]]] = ...) -> None: ...

class ListSymbolsRequest(_message.Message):
    __slots__ = ("project_id", "pagination")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    pagination: _common_pb2.PaginationRequest
    def __init__(self, project_id: _Optional[str] = ..., pagination: _Optional[_Union[_common_pb2.PaginationRequest, _Mapping]] = ...) -> None: ...

class ListSymbolsResponse(_message.Message):
    __slots__ = ("symbols", "pagination")
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    symbols: _containers.RepeatedCompositeFieldContainer[Symbol]
    pagination: _common_pb2.PaginationResponse
    def __init__(self, symbols: _Optional[_Iterable[_Union[Symbol, _Mapping]]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationResponse, _Mapping]] = ...) -> None: ...

class GetSymbolRequest(_message.Message):
    __slots__ = ("symbol_id",)
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    symbol_id: str
    def __init__(self, symbol_id: _Optional[str] = ...) -> None: ...

class GetSymbolResponse(_message.Message):
    __slots__ = ("symbol",)
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    symbol: Symbol
    def __init__(self, symbol: _Optional[_Union[Symbol, _Mapping]] = ...) -> None: ...

class DeleteSymbolRequest(_message.Message):
    __slots__ = ("symbol_id",)
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    symbol_id: str
    def __init__(self, symbol_id: _Optional[str] = ...) -> None: ...

class CountSymbolRequest(_message.Message):
    __slots__ = ("symbol_id", "all_sheets")
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    ALL_SHEETS_FIELD_NUMBER: _ClassVar[int]
    symbol_id: str
    all_sheets: bool
    def __init__(self, symbol_id: _Optional[str] = ..., all_sheets: _Optional[bool] = ...) -> None: ...

class CountSymbolResponse(_message.Message):
    __slots__ = ("symbol",)
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    symbol: Symbol
    def __init__(self, symbol: _Optional[_Union[Symbol, _Mapping]] = ...) -> None: ...

class CancelCountRequest(_message.Message):
    __slots__ = ("symbol_id",)
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    symbol_id: str
    def __init__(self, symbol_id: _Optional[str] = ...) -> None: ...

class CancelCountResponse(_message.Message):
    __slots__ = ("symbol",)
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    symbol: Symbol
    def __init__(self, symbol: _Optional[_Union[Symbol, _Mapping]] = ...) -> None: ...

class ListComponentsRequest(_message.Message):
    __slots__ = ("project_id", "pagination", "document_id", "page_number", "symbol_id", "states", "methods", "prefix")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    CLASS_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    pagination: _common_pb2.PaginationRequest
    document_id: str
    page_number: int
    symbol_id: str
    states: _containers.RepeatedScalarFieldContainer[ComponentState]
    methods: _containers.RepeatedScalarFieldContainer[ComponentMethod]
    prefix: str
    def __init__(self, project_id: _Optional[str] = ..., pagination: _Optional[_Union[_common_pb2.PaginationRequest, _Mapping]] = ..., document_id: _Optional[str] = ..., page_number: _Optional[int] = ..., symbol_id: _Optional[str] = ..., states: _Optional[_Iterable[_Union[ComponentState, str]]] = ..., methods: _Optional[_Iterable[_Union[ComponentMethod, str]]] = ..., prefix: _Optional[str] = ..., **kwargs) -> None: ...

class ListComponentsResponse(_message.Message):
    __slots__ = ("components", "pagination")
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    components: _containers.RepeatedCompositeFieldContainer[Component]
    pagination: _common_pb2.PaginationResponse
    def __init__(self, components: _Optional[_Iterable[_Union[Component, _Mapping]]] = ..., pagination: _Optional[_Union[_common_pb2.PaginationResponse, _Mapping]] = ...) -> None: ...

class CreateComponentRequest(_message.Message):
    __slots__ = ("document_id", "component")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    component: Component
    def __init__(self, document_id: _Optional[str] = ..., component: _Optional[_Union[Component, _Mapping]] = ...) -> None: ...

class CreateComponentResponse(_message.Message):
    __slots__ = ("component",)
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    component: Component
    def __init__(self, component: _Optional[_Union[Component, _Mapping]] = ...) -> None: ...

class UpdateComponentRequest(_message.Message):
    __slots__ = ("component_id", "component", "update_mask")
    COMPONENT_ID_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    component_id: str
    component: Component
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, component_id: _Optional[str] = ..., component: _Optional[_Union[Component, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateComponentResponse(_message.Message):
    __slots__ = ("component",)
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    component: Component
    def __init__(self, component: _Optional[_Union[Component, _Mapping]] = ...) -> None: ...

class ComponentDecision(_message.Message):
    __slots__ = ("component_id", "state", "version")
    COMPONENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    component_id: str
    state: ComponentState
    version: int
    def __init__(self, component_id: _Optional[str] = ..., state: _Optional[_Union[ComponentState, str]] = ..., version: _Optional[int] = ...) -> None: ...

class DecideComponentsRequest(_message.Message):
    __slots__ = ("project_id", "decisions")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    decisions: _containers.RepeatedCompositeFieldContainer[ComponentDecision]
    def __init__(self, project_id: _Optional[str] = ..., decisions: _Optional[_Iterable[_Union[ComponentDecision, _Mapping]]] = ...) -> None: ...

class DecideComponentsResponse(_message.Message):
    __slots__ = ("components", "undo")
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    components: _containers.RepeatedCompositeFieldContainer[Component]
    undo: _containers.RepeatedCompositeFieldContainer[ComponentDecision]
    def __init__(self, components: _Optional[_Iterable[_Union[Component, _Mapping]]] = ..., undo: _Optional[_Iterable[_Union[ComponentDecision, _Mapping]]] = ...) -> None: ...

class GetBillOfMaterialsRequest(_message.Message):
    __slots__ = ("project_id",)
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    def __init__(self, project_id: _Optional[str] = ...) -> None: ...

class GetBillOfMaterialsResponse(_message.Message):
    __slots__ = ("rows", "confirmed_count", "proposed_count")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[BillOfMaterialsRow]
    confirmed_count: int
    proposed_count: int
    def __init__(self, rows: _Optional[_Iterable[_Union[BillOfMaterialsRow, _Mapping]]] = ..., confirmed_count: _Optional[int] = ..., proposed_count: _Optional[int] = ...) -> None: ...

class BillOfMaterialsRow(_message.Message):
    __slots__ = ("prefix", "rating", "confirmed_count", "proposed_count", "places", "place_count")
    CLASS_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    RATING_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    PLACE_COUNT_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    rating: Rating
    confirmed_count: int
    proposed_count: int
    places: _containers.RepeatedCompositeFieldContainer[BillOfMaterialsPlace]
    place_count: int
    def __init__(self, prefix: _Optional[str] = ..., rating: _Optional[_Union[Rating, _Mapping]] = ..., confirmed_count: _Optional[int] = ..., proposed_count: _Optional[int] = ..., places: _Optional[_Iterable[_Union[BillOfMaterialsPlace, _Mapping]]] = ..., place_count: _Optional[int] = ..., **kwargs) -> None: ...

class BillOfMaterialsPlace(_message.Message):
    __slots__ = ("component_id", "document_id", "page_number", "designator", "state", "bbox")
    COMPONENT_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    DESIGNATOR_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    BBOX_FIELD_NUMBER: _ClassVar[int]
    component_id: str
    document_id: str
    page_number: int
    designator: str
    state: ComponentState
    bbox: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, component_id: _Optional[str] = ..., document_id: _Optional[str] = ..., page_number: _Optional[int] = ..., designator: _Optional[str] = ..., state: _Optional[_Union[ComponentState, str]] = ..., bbox: _Optional[_Iterable[float]] = ...) -> None: ...

class DownloadBillOfMaterialsRequest(_message.Message):
    __slots__ = ("project_id", "format", "offset")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    format: str
    offset: int
    def __init__(self, project_id: _Optional[str] = ..., format: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class DownloadBillOfMaterialsResponse(_message.Message):
    __slots__ = ("metadata", "chunk")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    metadata: BillOfMaterialsFile
    chunk: bytes
    def __init__(self, metadata: _Optional[_Union[BillOfMaterialsFile, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class BillOfMaterialsFile(_message.Message):
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

class CompareDocumentsRequest(_message.Message):
    __slots__ = ("document_id", "to")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    to: str
    def __init__(self, document_id: _Optional[str] = ..., to: _Optional[str] = ...) -> None: ...

class CompareDocumentsResponse(_message.Message):
    __slots__ = ("document_id", "to", "pages", "complete")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    to: str
    pages: _containers.RepeatedCompositeFieldContainer[PageDifferences]
    complete: bool
    def __init__(self, document_id: _Optional[str] = ..., to: _Optional[str] = ..., pages: _Optional[_Iterable[_Union[PageDifferences, _Mapping]]] = ..., complete: _Optional[bool] = ...) -> None: ...

class PageDifferences(_message.Message):
    __slots__ = ("old_page_number", "new_page_number", "components", "texts")
    OLD_PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    NEW_PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    old_page_number: int
    new_page_number: int
    components: _containers.RepeatedCompositeFieldContainer[Difference]
    texts: _containers.RepeatedCompositeFieldContainer[Difference]
    def __init__(self, old_page_number: _Optional[int] = ..., new_page_number: _Optional[int] = ..., components: _Optional[_Iterable[_Union[Difference, _Mapping]]] = ..., texts: _Optional[_Iterable[_Union[Difference, _Mapping]]] = ...) -> None: ...

class Difference(_message.Message):
    __slots__ = ("kind", "old", "new", "old_bbox", "new_bbox")
    KIND_FIELD_NUMBER: _ClassVar[int]
    OLD_FIELD_NUMBER: _ClassVar[int]
    NEW_FIELD_NUMBER: _ClassVar[int]
    OLD_BBOX_FIELD_NUMBER: _ClassVar[int]
    NEW_BBOX_FIELD_NUMBER: _ClassVar[int]
    kind: DifferenceKind
    old: str
    new: str
    old_bbox: _containers.RepeatedScalarFieldContainer[float]
    new_bbox: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, kind: _Optional[_Union[DifferenceKind, str]] = ..., old: _Optional[str] = ..., new: _Optional[str] = ..., old_bbox: _Optional[_Iterable[float]] = ..., new_bbox: _Optional[_Iterable[float]] = ...) -> None: ...

class RecognitionBox(_message.Message):
    __slots__ = ("bbox",)
    BBOX_FIELD_NUMBER: _ClassVar[int]
    bbox: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, bbox: _Optional[_Iterable[float]] = ...) -> None: ...

class RecognizeComponentsRequest(_message.Message):
    __slots__ = ("document_id", "page_number", "boxes")
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    document_id: str
    page_number: int
    boxes: _containers.RepeatedCompositeFieldContainer[RecognitionBox]
    def __init__(self, document_id: _Optional[str] = ..., page_number: _Optional[int] = ..., boxes: _Optional[_Iterable[_Union[RecognitionBox, _Mapping]]] = ...) -> None: ...

class RecognizeComponentsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RecognizedBox]
    def __init__(self, results: _Optional[_Iterable[_Union[RecognizedBox, _Mapping]]] = ...) -> None: ...

class RecognizeImageRequest(_message.Message):
    __slots__ = ("metadata", "chunk")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    metadata: RecognizeImageMetadata
    chunk: bytes
    def __init__(self, metadata: _Optional[_Union[RecognizeImageMetadata, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class RecognizeImageMetadata(_message.Message):
    __slots__ = ("bboxes", "project_id", "filename", "content_type")
    BBOXES_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    bboxes: _containers.RepeatedScalarFieldContainer[float]
    project_id: str
    filename: str
    content_type: str
    def __init__(self, bboxes: _Optional[_Iterable[float]] = ..., project_id: _Optional[str] = ..., filename: _Optional[str] = ..., content_type: _Optional[str] = ...) -> None: ...

class RecognizeImageResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RecognizedBox]
    def __init__(self, results: _Optional[_Iterable[_Union[RecognizedBox, _Mapping]]] = ...) -> None: ...

class RecognizedBox(_message.Message):
    __slots__ = ("bbox", "confidence", "alternatives", "method", "symbol_id", "error")
    BBOX_FIELD_NUMBER: _ClassVar[int]
    CLASS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    bbox: _containers.RepeatedScalarFieldContainer[float]
    confidence: float
    alternatives: _containers.RepeatedCompositeFieldContainer[ClassAlternative]
    method: ComponentMethod
    symbol_id: str
    error: str
    def __init__(self, bbox: _Optional[_Iterable[float]] = ..., confidence: _Optional[float] = ..., alternatives: _Optional[_Iterable[_Union[ClassAlternative, _Mapping]]] = ..., method: _Optional[_Union[ComponentMethod, str]] = ..., symbol_id: _Optional[str] = ..., error: _Optional[str] = ..., **kwargs) -> None: ...

class ClassAlternative(_message.Message):
    __slots__ = ("confidence",)
    CLASS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    confidence: float
    def __init__(self, confidence: _Optional[float] = ..., **kwargs) -> None: ...
