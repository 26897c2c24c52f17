"""The models of drawings: documents and their pages."""

from drawings.models.documents import OVER, RUNNING, Document, DocumentQuerySet, Status
from drawings.models.pages import Kind, Page, PageContent
from drawings.models.parts import DocumentChild, of_user
from drawings.models.uploads import DocumentUpload

__all__ = [
    "OVER",
    "RUNNING",
    "Document",
    "DocumentChild",
    "DocumentQuerySet",
    "DocumentUpload",
    "Kind",
    "Page",
    "PageContent",
    "Status",
    "of_user",
]
