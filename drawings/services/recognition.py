"""Components that the text of a page names, as rows. What people decided or corrected stays."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q

from changes.services import forget
from changes.triggers import subject_type_of
from core.db.bulk_insert import insert_many
from core.db.saving import clean
from drawing_engine import pages as engine
from drawing_engine.designators import Designation, find_designations
from drawings.models import Component, Document, Method, State
from drawings.models.components import UNKNOWN_CLASS

#: Of one page.
MAX_FOUND = 5_000


def found_on(page: engine.Page) -> Sequence[Designation]:
    """Return the components that the words of a page name."""
    return find_designations(page)[:MAX_FOUND]


def store_found(document: Document, number: int, found: Sequence[Designation]) -> None:
    """Store proposals for a page in place of those of an earlier run; in the caller's transaction.

    A proposal whose place a person has decided about is not stored again.
    """
    rows = Component.objects.filter(document=document.pk, page_number=number, method=Method.TEXT)
    untouched = list(rows.filter(decided_at=None, state=State.PROPOSED).values_list("pk", flat=True))
    delete_components(untouched)
    kept = list(rows.filter(~Q(pk__in=untouched)))
    proposals = [_row(document.pk, number, one) for one in found if not any(_same(one, row) for row in kept)]
    for row in proposals:
        clean(row)
    if proposals:
        insert_many(Component, proposals)


def delete_components(component_ids: Sequence[UUID]) -> None:
    """Delete components, which the change log then forgets; in the caller's transaction."""
    if component_ids:
        Component.objects.filter(pk__in=component_ids).delete()
        forget(str(subject_type_of(Component)), *component_ids)


def _row(document_id: UUID, number: int, found: Designation) -> Component:
    rating = found.rating
    x0, y0, x1, y1 = (round(side, 3) for side in found.box)
    return Component(
        document_id=document_id,
        page_number=number,
        designator=found.designator[:100],
        prefix=found.prefix[:10],
        component_class=found.component_class or UNKNOWN_CLASS,
        rating_raw=rating.raw[:100] if rating else "",
        rating_value=rating.value if rating else 0,
        rating_unit=rating.unit if rating else "",
        x0=x0,
        y0=y0,
        x1=x1,
        y1=y1,
        method=Method.TEXT,
        confidence=found.confidence,
    )


def _same(found: Designation, row: Component) -> bool:
    return found.box.overlaps(engine.Box(*row.box))
