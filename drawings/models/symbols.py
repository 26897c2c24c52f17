"""Symbols: what a project's legend explains, each by one exemplar on a page, and how often they were counted."""

import math

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models

from changes.triggers import logged
from core.db.fields import MultiLineField, SingleLineField
from drawings.models.components import UNKNOWN_CLASS, Component
from drawings.models.parts import DocumentChild, of_user


class CountStatus(models.IntegerChoices):
    """Statuses of the count of a symbol, numbered as in drawing.v1.CountStatus."""

    #: It was not counted yet.
    NONE = 0
    QUEUED = 1
    COUNTING = 2
    READY = 3
    FAILED = 4
    CANCELLED = 5


#: The symbol is being counted, or will be.
COUNTING = (CountStatus.QUEUED, CountStatus.COUNTING)


class Symbol(DocumentChild):
    """One row = one symbol. It belongs to the document of its exemplar, and is deleted with it."""

    name = SingleLineField(
        max_length=200, error_messages={"blank": "A name is required.", "null": "A name is required."}
    )
    symbol_class = SingleLineField(max_length=50, default=UNKNOWN_CLASS)
    #: Of the exemplar, from 0.
    page_number = models.PositiveIntegerField(editable=False)
    x0 = models.FloatField(editable=False)
    y0 = models.FloatField(editable=False)
    x1 = models.FloatField(editable=False)
    y1 = models.FloatField(editable=False)
    may_rotate = models.BooleanField(default=True)
    may_mirror = models.BooleanField(default=True)
    #: The exemplar explains the symbol, and is not a device itself.
    is_of_legend = models.BooleanField(default=False, editable=False)
    #: ON DELETE SET NULL (migration 0003).
    created_by = of_user()
    #: Counts how often it was counted.
    run = models.PositiveIntegerField(default=0, editable=False)
    count_status = models.PositiveSmallIntegerField(choices=CountStatus, default=CountStatus.NONE, editable=False)
    #: In percent.
    count_progress = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(100)], editable=False
    )  # fmt: skip
    match_count = models.PositiveIntegerField(default=0, editable=False)
    withheld_count = models.PositiveIntegerField(default=0, editable=False)
    #: No limit ended the search on any page.
    is_complete = models.BooleanField(default=True, editable=False)
    #: Pages that were not counted, and why: sentences for people.
    notes = models.JSONField(default=list, blank=True, editable=False)
    count_failure = MultiLineField(max_length=1000, blank=True, default="", editable=False)

    class Meta:
        indexes = [models.Index(fields=["document", "id"], name="drawings_symbols")]
        triggers = logged("drawing.symbol")

    def __str__(self) -> str:
        return f"{self.name}"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The rectangle of the exemplar: x0, y0, x1, y1, in points."""
        return self.x0, self.y0, self.x1, self.y1

    def clean(self) -> None:
        """Check the rectangle."""
        if not all(map(math.isfinite, self.box)) or self.x0 >= self.x1 or self.y0 >= self.y1:
            raise ValidationError({"bbox": ValidationError(Component.BAD_BOX, code="box")})
