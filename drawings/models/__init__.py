"""The models of drawings: documents and their pages."""

from drawings.models.components import MAX_CLASS, MAX_PREFIX, Component, Method, State
from drawings.models.documents import OVER, RUNNING, Document, DocumentQuerySet, Status
from drawings.models.pages import Kind, Page, PageContent
from drawings.models.parts import DocumentChild, of_user
from drawings.models.symbols import COUNTING, CountStatus, Symbol
from drawings.models.uploads import DocumentUpload

__all__ = [
    "COUNTING",
    "MAX_CLASS",
    "MAX_PREFIX",
    "OVER",
    "RUNNING",
    "Component",
    "CountStatus",
    "Document",
    "DocumentChild",
    "DocumentQuerySet",
    "DocumentUpload",
    "Kind",
    "Method",
    "Page",
    "PageContent",
    "State",
    "Status",
    "Symbol",
    "of_user",
]
