"""Components: devices on pages, found by the engine or entered by people, and what people decided about them."""

import math
import re
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from changes.triggers import logged
from core.db.fields import SingleLineField
from drawings.models.parts import DocumentChild, of_user

UNKNOWN_CLASS = "unknown"
MAX_CLASS, MAX_PREFIX = 50, 10
_LETTERS = re.compile(r"([A-Za-z]{1,10})\d*[A-Za-z]?(?:\.\d+)?\Z")


class Method(models.IntegerChoices):
    """Ways of finding a component, numbered as in drawing.v1.ComponentMethod."""

    TEXT = 1
    VECTOR = 2
    CLASSIFIER = 3
    MANUAL = 4


class State(models.IntegerChoices):
    """States of a component, numbered as in drawing.v1.ComponentState."""

    PROPOSED = 1
    CONFIRMED = 2
    REJECTED = 3


def prefix_of(designator: str) -> str:
    """Return the letters of a designator: K of -K12, KF of =A1+S2-KF3; empty if it has none."""
    found = _LETTERS.search(re.split(r"[-=+:]", designator.partition(":")[0])[-1])
    return found[1] if found else ""


class Component(DocumentChild):
    """One row = one device at one place of a page."""

    BAD_BOX = "Give four numbers in points: x0, y0, x1, y1, with x0 <= x1 and y0 <= y1."

    #: From 0. Not a reference: the row stays while the page is read again.
    page_number = models.PositiveIntegerField(editable=False)
    designator = SingleLineField(max_length=100, blank=True, default="")
    #: The letters of the designator.
    prefix = SingleLineField(max_length=MAX_PREFIX, blank=True, default="", editable=False)
    component_class = SingleLineField(max_length=MAX_CLASS, default=UNKNOWN_CLASS)
    rating_raw = SingleLineField(max_length=100, blank=True, default="")
    #: In `rating_unit`; 0 if `rating_raw` cannot be read.
    rating_value = models.FloatField(default=0, editable=False)
    rating_unit = SingleLineField(max_length=10, blank=True, default="", editable=False)
    #: In points.
    x0 = models.FloatField()
    y0 = models.FloatField()
    x1 = models.FloatField()
    y1 = models.FloatField()
    method = models.PositiveSmallIntegerField(choices=Method, editable=False)
    confidence = models.FloatField(default=1, validators=[MinValueValidator(0), MaxValueValidator(1)], editable=False)
    state = models.PositiveSmallIntegerField(choices=State, default=State.PROPOSED)
    #: Why it is only proposed, as a sentence for people.
    remark = SingleLineField(max_length=300, blank=True, default="", editable=False)
    #: The symbol that it was counted by. No foreign key: counted components stay when the symbol is deleted.
    symbol_id = models.UUIDField(null=True, blank=True, editable=False)
    #: ON DELETE SET NULL (migration 0002).
    decided_by = of_user()
    #: When a person confirmed, rejected or corrected it last.
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["document", "page_number", "id"], name="drawings_components_of_page"),
            models.Index(fields=["symbol_id"], name="drawings_components_of_symbol"),
            # For lists over all documents, by the beginning of the designator and by state.
            models.Index(fields=["designator"], name="drawings_components_by_name", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["state", "id"], name="drawings_components_by_state"),
        ]
        triggers = logged("drawing.component")

    def __str__(self) -> str:
        return f"{self.designator or self.component_class}"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The rectangle x0, y0, x1, y1, in points."""
        return self.x0, self.y0, self.x1, self.y1

    @property
    def project_id(self) -> str:
        """Id of the document's project."""
        project_id: UUID = self.document.project_id
        return str(project_id)

    def clean(self) -> None:
        """Check the rectangle."""
        finite = all(isinstance(side, (int, float)) and math.isfinite(side) for side in self.box)
        if not finite or self.x0 > self.x1 or self.y0 > self.y1:
            raise ValidationError({"bbox": ValidationError(self.BAD_BOX, code="box")})


def fields_of_designator(designator: str) -> dict[str, Any]:
    """Return the fields that a designator sets."""
    return {"designator": designator, "prefix": prefix_of(designator)}
