"""Pages of documents, and what is drawn and written on them."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from changes.triggers import logged
from core.db.fields import MultiLineField, SingleLineField
from core.db.search import words_of
from drawings.models.parts import DocumentChild


class Kind(models.IntegerChoices):
    """Kinds of pages, numbered as in drawing.v1.PageKind."""

    #: The page could not be read.
    UNSPECIFIED = 0
    VECTOR_TEXT = 1
    VECTOR_ONLY = 2
    RASTER = 3
    MIXED = 4
    BLANK = 5


class Page(DocumentChild):
    """One row = one page that was read, or could not be read. The row stays when the document is processed again, so
    that what people did on the page stays, too.
    """

    #: From 0.
    number = models.PositiveIntegerField(editable=False)
    #: The run of the document that read the page last.
    run = models.PositiveIntegerField(editable=False)
    #: In points, with the rotation applied.
    width = models.FloatField(default=0, editable=False)
    height = models.FloatField(default=0, editable=False)
    #: In degrees clockwise.
    rotation = models.PositiveSmallIntegerField(default=0, editable=False)
    kind = models.PositiveSmallIntegerField(choices=Kind, default=Kind.UNSPECIFIED, editable=False)
    image_count = models.PositiveIntegerField(default=0, editable=False)
    #: Vector paths, also those beyond a limit.
    drawing_count = models.PositiveIntegerField(default=0, editable=False)
    word_count = models.PositiveIntegerField(default=0, editable=False)
    sheet_number = SingleLineField(max_length=100, blank=True, default="", editable=False)
    sheet_title = SingleLineField(max_length=300, blank=True, default="", editable=False)
    #: Sentences for people.
    warnings = models.JSONField(default=list, blank=True, editable=False)
    #: A limit was reached: words or paths are missing.
    is_partial = models.BooleanField(default=False, editable=False)
    #: Why the page could not be read, as a sentence for people; empty = it was read.
    failure_reason = MultiLineField(max_length=1000, blank=True, default="", editable=False)

    class Meta:
        constraints = [
            # A page that is read again, after an interruption or by another run, is the same row.
            models.UniqueConstraint(fields=["document", "number"], name="drawings_page_unique"),
        ]
        indexes = [models.Index(fields=["created_at", "id"], name="drawings_pages_in_order")]
        triggers = logged("drawing.page")

    def __str__(self) -> str:
        return " ".join(filter(None, (self.sheet_number, self.sheet_title))) or f"Page {self.number + 1}"


class PageContent(models.Model):
    """One row = the words and paths of a page. They are packed (`drawings.packing`), because a page may have hundreds
    of thousands of them. They are not in the change log: the file contains the same.
    """

    #: ON DELETE CASCADE (migration 0001).
    page = models.OneToOneField(Page, models.DO_NOTHING, primary_key=True, related_name="content", db_constraint=False)
    #: Lines in reading order.
    text = models.TextField(blank=True)
    #: Each different word of the page once, for the search; see `drawings.packing.words_to_search`.
    distinct_words = models.TextField(blank=True)
    words = models.BinaryField()
    paths = models.BinaryField()

    search_words = words_of("distinct_words")

    class Meta:
        indexes = [GinIndex(fields=["search_words"], name="drawings_pages_words")]

    def __str__(self) -> str:
        return f"Content of page {self.page_id}"
