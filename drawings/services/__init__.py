"""Write operations on documents."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from changes.services import acting, forget
from changes.triggers import subject_type_of
from core import idempotency
from core.actors import Actor
from core.db import ids
from core.db.saving import save_clean
from core.preconditions import ANY_VERSION, ExpectedVersion
from drawings import queries
from drawings.models import Component, Document, DocumentChild, Page, Symbol
from drawings.services.files import DOCUMENTS
from projects.services import project_for

#: The models of what belongs to a document, in the order in which they are deleted.
PARTS: tuple[type[DocumentChild], ...] = (Symbol, Component, Page)


def update_document(
    actor: Actor, document_id: str, fields: Mapping[str, Any], *, expected_version: ExpectedVersion = ANY_VERSION
) -> Document:
    """Set these fields of a document; all others keep their values.

    Args:
        fields: of `Document`; `supersedes` is the id of a document as the client wrote it, or empty.

    Raises:
        Document.DoesNotExist, PermissionDenied, Conflict, Stale, ValidationError
    """
    with acting(actor):
        document = document_to_change(actor, document_id, expected_version)
        changes, errors = resolved(fields)
        return save_clean(document, extra_errors=errors, **changes)


def delete_document(actor: Actor, document_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> None:
    """Delete the document for good, with its file, its pages and what was found on them. The change log keeps the
    document's fields, and forgets its parts.

    Raises:
        Document.DoesNotExist, PermissionDenied, Conflict, Stale
    """
    with acting(actor):
        _delete(document_to_change(actor, document_id, expected_version, to_delete=True))


def delete_of_project(project_id: UUID) -> None:
    """Delete all documents of a project, in the caller's transaction, which has locked the project."""
    for document in (
        Document.objects.defer("search_words").filter(project=project_id).select_for_update().order_by("pk")
    ):
        _delete(document)


def document_to_change(
    actor: Actor,
    document_id: str,
    expected_version: ExpectedVersion = ANY_VERSION,
    *,
    to_delete: bool = False,
) -> Document:
    """Return the document with its row locked, if the actor may change it. Its project stays as it is until the
    transaction ends.

    Args:
        to_delete: lock the row against new references, too.

    Raises:
        Document.DoesNotExist, PermissionDenied, Stale
        Conflict: the project is archived.
    """
    seen = queries.get_document(actor, document_id)
    try:
        project_for(actor, str(seen.project_id))
    except ValidationError:  # The actor has left the project since.
        raise queries.not_found(document_id) from None
    rows = Document.objects.defer("search_words").select_for_update(of=("self",), no_key=not to_delete)
    document = rows.filter(pk=seen.pk).first()
    if document is None:
        raise queries.not_found(document_id)
    document.require_version(expected_version)
    return document


def resolved(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, ValidationError]]:
    """Return the fields with the reference to a document resolved, and its error."""
    changes = dict(fields)
    if (supersedes := changes.pop("supersedes", None)) is None:
        return changes, {}
    changes["supersedes_id"] = ids.parsed(supersedes) if supersedes else None
    if supersedes and changes["supersedes_id"] is None:
        return changes, {"supersedes": ValidationError(Document.NO_SUCH_DOCUMENT, code="unknown")}
    return changes, {}


def _delete(document: Document) -> None:
    DOCUMENTS.delete_on_commit(document.file)
    for model in PARTS:
        part_ids = list(model._default_manager.filter(document=document.pk).values_list("pk", flat=True))
        model._default_manager.filter(document=document.pk).delete()
        forget(str(subject_type_of(model)), *part_ids)
        idempotency.forget(*part_ids)
    idempotency.forget(document.pk)
    document.delete()
