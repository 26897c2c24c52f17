"""Uploads of documents, in one request or in pieces."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.db.fields import checked_line
from core.db.saving import clean, save_clean
from core.errors import AlreadyExists, QuotaExceeded, TooLarge, invalid
from core.texts import trimmed
from core.uploads import quotas
from core.uploads.declared import check_declared, check_received
from core.uploads.files import ABANDONED_AFTER, Resumed, incoming
from core.uploads.purposes import Purpose
from core.uploads.quotas import Room
from core.uploads.resumable import update
from drawings import services
from drawings.models import Document, DocumentUpload
from drawings.models.documents import MAX_TITLE_LENGTH
from drawings.services import processing
from drawings.services.files import DOCUMENTS
from projects.models import Project
from projects.queries import get_project
from projects.services import project_for

UNTITLED = "Untitled document"


@dataclass(frozen=True, slots=True)
class UploadMetadata:
    """The metadata that a client declares before it sends a document.

    Attributes:
        title: empty = the file's name.
        supersedes: the id of the document that this one replaces; empty = none.
        size: in bytes; 0 = not known.
        sha256: in hex; empty = not known.
    """

    project_id: str = ""
    title: str = ""
    revision: str = ""
    supersedes: str = ""
    filename: str = ""
    content_type: str = ""
    size: int = 0
    sha256: str = ""

    @property
    def name(self) -> str:
        """The file's name without directories, separated by slashes or backslashes."""
        return PurePosixPath(self.filename.replace("\\", "/")).name

    @property
    def new_title(self) -> str:
        return trimmed(self.title) or trimmed(self.name)[:MAX_TITLE_LENGTH] or UNTITLED


class Uploaded(NamedTuple):
    """The document that a file has become, or was before."""

    document: Document
    duplicate: bool


def upload_document(actor: Actor, metadata: UploadMetadata, chunks: Iterable[bytes]) -> Uploaded:
    """Store a document in its project, and queue it. It is on disk on return.

    If an error is raised, also by `chunks`, the file and the document are not kept.

    Raises:
        ValidationError: invalid metadata, or the received bytes do not match it.
        Project.DoesNotExist, PermissionDenied
        Conflict: the project is archived.
        UnsupportedMediaType, TooLarge, QuotaExceeded
        InsufficientStorage, Unavailable: the disk is full.
    """
    verify_metadata(actor, metadata)
    room = _room_for(actor, metadata.size)
    with incoming(DOCUMENTS) as upload:
        for chunk in chunks:
            room.take(len(chunk))
            upload.write(chunk)
        check_received(metadata.size, metadata.sha256, upload.size, upload.sha256)
        name = upload.keep()
    try:
        uploaded = attach(actor, metadata, upload.size, upload.sha256, name)
    except BaseException:
        # A commit whose response was lost may have succeeded; the file is then in use.
        if not Document.objects.filter(file=name).exists():
            DOCUMENTS.storage.delete(name)
        raise
    if uploaded.duplicate:
        DOCUMENTS.storage.delete(name)
    return uploaded


def verify_metadata(actor: Actor, metadata: UploadMetadata) -> Project:
    """Validate the metadata before any data is sent, and return the project.

    Raises:
        ValidationError, Project.DoesNotExist, PermissionDenied, Conflict
    """
    checked_line("filename", metadata.name, 255)
    check_declared(metadata.size, metadata.sha256)
    with acting(actor):
        project = _project(actor, metadata.project_id)
        document, errors = _new_document(actor, project, metadata)
        clean(document, only={"title", "revision"}, extra_errors=errors)
    return project


def attach(actor: Actor, metadata: UploadMetadata, size: int, sha256: str, name: str) -> Uploaded:
    """Make the stored file a document of its project, and queue it; or return the document with the same content.

    Args:
        name: of the file in the storage. It is not needed if the answer is a duplicate.

    Raises:
        Project.DoesNotExist, PermissionDenied, Conflict, ValidationError
    """
    try:
        with acting(actor):
            project = _project(actor, metadata.project_id)
            if known := _same_content(project, sha256):
                return Uploaded(known, duplicate=True)
            document, errors = _new_document(actor, project, metadata)
            document.size, document.sha256, document.file = size, sha256, name
            save_clean(document, extra_errors=errors)
            processing.enqueue_run(document)
            return Uploaded(document, duplicate=False)
    except AlreadyExists:
        # Another request has stored the same content in the meantime.
        if known := _same_content(get_project(actor, metadata.project_id)[0], sha256):
            return Uploaded(known, duplicate=True)
        raise


def prune() -> int:
    """Delete the stored files that no document has, and return how many.

    Files that a running upload has not made a document of yet are younger than `ABANDONED_AFTER`.
    """
    abandoned = of_no_document(timezone.now() - ABANDONED_AFTER)
    for name in abandoned:
        DOCUMENTS.storage.delete(name)
    return len(abandoned)


def of_no_document(before: datetime) -> list[str]:
    """Return the names of the stored files that were written before this time, and that no document has."""
    return DOCUMENTS.unreferenced(before, _of_documents)


class Documents(Purpose):
    """Uploads of documents in pieces. The last piece makes the document, which is QUEUED."""

    name = "document"
    model = DocumentUpload
    kind = DOCUMENTS

    @property
    def max_bytes(self) -> int:
        return int(settings.MAX_DOCUMENT_BYTES)

    def too_large(self) -> TooLarge:
        return TooLarge(f"A document has at most {settings.MAX_DOCUMENT_BYTES:,} bytes. Split it.")

    def create(self, actor: Actor, declared: UploadMetadata, length: int | None, metadata: str) -> DocumentUpload:
        with acting(actor):
            project = verify_metadata(actor, declared)
            announced = quotas.check_upload(self, actor, length)
            if not actor.is_administrator:
                _check_stored(actor, announced)
            return DocumentUpload.objects.create(
                project=project,
                created_by_id=actor.pk,
                filename=declared.name,
                content_type=declared.content_type,
                sha256=declared.sha256.lower(),
                title=trimmed(declared.title),
                revision=trimmed(declared.revision),
                supersedes=declared.supersedes,
                length=length,
                metadata=metadata,
            )

    def finish(self, actor: Actor, upload: DocumentUpload, file: Resumed) -> None:
        declared = UploadMetadata(
            project_id=str(upload.project_id),
            title=upload.title,
            revision=upload.revision,
            supersedes=upload.supersedes,
            filename=upload.filename,
            size=upload.offset,
            sha256=upload.sha256,
        )
        head, sha256 = file.look()
        self.kind.check(head)
        check_received(declared.size, declared.sha256, upload.offset, sha256)
        name = file.keep()
        with acting(actor):
            uploaded = attach(actor, declared, upload.offset, sha256, name)
            update(upload, ended_at=timezone.now(), document_id=uploaded.document.pk)
        if uploaded.duplicate:
            file.drop(kept=uploaded.document.file == name)


DOCUMENT_UPLOADS = Documents()


def _project(actor: Actor, project_id: str) -> Project:
    """Return the project, which stays as it is until the transaction ends, if the actor may put documents in it.

    Raises:
        Project.DoesNotExist, PermissionDenied, Conflict
    """
    if not project_id:
        raise invalid("project_id", "required", "Give the id of the project.")
    get_project(actor, project_id)
    return project_for(actor, project_id)


def _new_document(
    actor: Actor, project: Project, metadata: UploadMetadata
) -> tuple[Document, dict[str, ValidationError]]:
    """Return a document without a file, which is neither checked nor saved, and the errors of its references."""
    fields: dict[str, Any] = {"title": metadata.new_title, "revision": metadata.revision}
    changes, errors = services.resolved({**fields, "supersedes": metadata.supersedes})
    document = Document(project=project, file_name=metadata.name, uploaded_by_id=actor.pk, **changes)
    return document, errors


def _same_content(project: Project, sha256: str) -> Document | None:
    return Document.objects.defer("search_words").filter(project=project, sha256=sha256).first()


def _room_for(actor: Actor, size: int) -> Room:
    """Return the limit of a document that is sent in one piece.

    Raises:
        QuotaExceeded, InsufficientStorage, TooLarge
    """
    quotas.check_size(DOCUMENT_UPLOADS, size)
    most = DOCUMENT_UPLOADS.max_bytes
    if actor.is_administrator:
        return Room(most, DOCUMENT_UPLOADS.too_large())
    announced = quotas.announced_bytes(actor, size)
    left = settings.UPLOAD_BYTES_PER_USER - announced
    if settings.DOCUMENT_BYTES_PER_USER:
        left = min(left, settings.DOCUMENT_BYTES_PER_USER - _check_stored(actor, announced + size) - announced)
    if left < most:
        return Room(left, QuotaExceeded(f"You may send at most {max(0, left):,} more bytes; delete a document first."))
    return Room(most, DOCUMENT_UPLOADS.too_large())


def _check_stored(actor: Actor, more: int) -> int:
    """Return how many bytes the user's documents have.

    Raises:
        QuotaExceeded: with `more` bytes they would exceed the quota.
    """
    if not settings.DOCUMENT_BYTES_PER_USER:
        return 0
    documents = Document.objects.filter(uploaded_by=actor.pk)
    stored = int(documents.aggregate(stored=Coalesce(Sum("size"), Value(0)))["stored"])
    if stored + more > settings.DOCUMENT_BYTES_PER_USER:
        raise QuotaExceeded(
            f"Your documents have {stored:,} bytes of at most {settings.DOCUMENT_BYTES_PER_USER:,}; delete one first."
        )
    return stored


def _of_documents(names: list[str]) -> set[str]:
    return set(Document.objects.filter(file__in=names).values_list("file", flat=True))
