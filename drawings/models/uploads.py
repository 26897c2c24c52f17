"""Uploads of documents that arrive in pieces."""

from django.db import models

from core.db.fields import SingleLineField
from core.uploads.rows import ResumableUpload
from drawings.models.documents import MAX_TITLE_LENGTH
from projects.models import Project


class DocumentUpload(ResumableUpload):
    """One row = one document that arrives in pieces (tus 1.0)."""

    #: ON DELETE CASCADE (migration 0001).
    project = models.ForeignKey(Project, models.DO_NOTHING, related_name="+", db_constraint=False)
    #: The metadata that the client declared.
    title = SingleLineField(max_length=MAX_TITLE_LENGTH, blank=True)
    revision = SingleLineField(max_length=50, blank=True)
    supersedes = models.CharField(max_length=36, blank=True)
    #: The document that the file has become, or was before. No foreign key: it may be deleted.
    document_id = models.UUIDField(null=True)
