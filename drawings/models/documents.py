"""Documents: the PDF files of projects, and the state of their processing."""

from uuid import UUID

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models

from changes.triggers import logged
from core.actors import Actor
from core.db.fields import Id, MultiLineField, SingleLineField
from core.db.search import words_of
from core.db.versioned import Versioned
from projects.models import Project, ids_of_member

MAX_TITLE_LENGTH = 200


class Status(models.IntegerChoices):
    """Statuses, numbered as in drawing.v1.DocumentStatus."""

    QUEUED = 1
    PROCESSING = 2
    READY = 3
    PARTIAL = 4
    FAILED = 5
    CANCELLED = 6


#: The document is being processed, or is queued.
RUNNING = (Status.QUEUED, Status.PROCESSING)
#: Processing has ended.
OVER = (Status.READY, Status.PARTIAL, Status.FAILED, Status.CANCELLED)


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, actor: Actor) -> "DocumentQuerySet":
        """Return the documents that the actor may see: administrators all, others those of their projects."""
        if not actor.is_authenticated:
            return self.none()
        return self if actor.is_administrator else self.visible_to_member(actor.pk)

    def visible_to_member(self, user_id: UUID) -> "DocumentQuerySet":
        return self.filter(project__in=ids_of_member(user_id))


class Document(Versioned):
    """One row = one PDF file of a project."""

    NO_SUCH_DOCUMENT = "There is no such document in this project."
    ITSELF = "A document cannot replace itself."

    already_exists = {"drawings_document_unique": "This project has a document with the same content already"}

    id = Id()
    project = models.ForeignKey(Project, models.DO_NOTHING, related_name="+", db_index=False, editable=False)
    title = SingleLineField(
        max_length=MAX_TITLE_LENGTH, error_messages={"blank": "Title is required", "null": "Title is required"}
    )
    revision = SingleLineField(max_length=50, blank=True, default="")
    #: The document of the same project that this one replaces. ON DELETE SET NULL (migration 0001).
    supersedes = models.ForeignKey(
        "self", models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False
    )
    file_name = SingleLineField(max_length=255, blank=True, default="", editable=False)
    #: In bytes.
    size = models.BigIntegerField(editable=False)
    #: In lower-case hex.
    sha256 = models.CharField(max_length=64, editable=False)
    #: The file's name in the storage `documents`.
    file = models.CharField(max_length=100, editable=False)
    #: 0 = not known yet.
    page_count = models.PositiveIntegerField(default=0, editable=False)
    #: The PDF's own.
    metadata = models.JSONField(default=dict, blank=True, editable=False)
    status = models.PositiveSmallIntegerField(choices=Status, default=Status.QUEUED, editable=False)
    #: In percent.
    progress = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)], editable=False)
    #: FAILED, PARTIAL and CANCELLED only: the reason, as a sentence for people.
    failure_reason = MultiLineField(max_length=1000, blank=True, default="", editable=False)
    #: Counts the times that the file was processed, from 1.
    run = models.PositiveIntegerField(default=1, editable=False)
    #: ON DELETE SET NULL (migration 0001).
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, editable=False, related_name="+",
        db_constraint=False,
    )  # fmt: skip

    search_words = words_of("title")

    objects = DocumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "sha256"], name="drawings_document_unique"),
        ]
        indexes = [
            models.Index(fields=["project", "created_at", "id"], name="drawings_newest_of_project"),
            models.Index(fields=["created_at", "id"], name="drawings_newest"),
            models.Index(fields=["file"], name="drawings_by_file"),
            GinIndex(fields=["search_words"], name="drawings_words"),
        ]
        triggers = logged("drawing.document", exclude=["search_words"])

    def __str__(self) -> str:
        return " ".join(filter(None, (self.title, self.revision)))

    def clean(self) -> None:
        """Check that the replaced document is another one of the same project."""
        if self.supersedes_id is None:
            return
        if self.supersedes_id == self.pk:
            raise ValidationError({"supersedes": ValidationError(self.ITSELF, code="self")})
        if not Document.objects.filter(pk=self.supersedes_id, project=self.project_id).exists():
            raise ValidationError({"supersedes": ValidationError(self.NO_SUCH_DOCUMENT, code="unknown")})
