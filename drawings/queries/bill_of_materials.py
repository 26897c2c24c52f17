"""The bill of materials of a project: its components, grouped, each row with its places."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from core.actors import Actor
from core.errors import Conflict
from drawings.models import Component, Document, State
from projects.models import Project
from projects.queries import get_project

MAX_COMPONENTS = 100_000


class Rating(NamedTuple):
    """A rating; equal ones may be written differently, as 10k and 10 kΩ."""

    raw: str
    value: float
    unit: str


class Place(NamedTuple):
    """A component on a page."""

    component_id: UUID
    document_id: UUID
    document_title: str
    page_number: int
    designator: str
    state: State
    box: tuple[float, float, float, float]


@dataclass(slots=True)
class Row:
    """Equal components.

    Attributes:
        confirmed: number of devices with a confirmed place.
        proposed: number of the other devices.
        places: of all devices, by document and page.
    """

    component_class: str
    prefix: str
    rating: Rating
    confirmed: int = 0
    proposed: int = 0
    places: list[Place] = field(default_factory=list)

    @property
    def designators(self) -> list[str]:
        return list(dict.fromkeys(place.designator for place in self.places if place.designator))


@dataclass(frozen=True, slots=True)
class BillOfMaterials:
    project: Project
    rows: Sequence[Row]


def bill_of_materials(actor: Actor, project_id: str) -> BillOfMaterials:
    """Return the bill of materials of a project.

    A designator is one device of a document, though it may be at several places, such as a relay's coil and contacts.
    Rejected components and superseded documents are left out.

    Raises:
        Project.DoesNotExist
        Conflict: the project has too many components.
    """
    project, _ = get_project(actor, project_id)
    superseded = Document.objects.filter(project=project.pk, supersedes__isnull=False).values("supersedes")
    components = list(
        Component.objects.filter(document__project=project.pk)
        .exclude(state=State.REJECTED)
        .exclude(document__in=superseded)
        .order_by("document__created_at", "document", "page_number", "id")
        .select_related("document")
        .defer("document__search_words", "document__metadata")[: MAX_COMPONENTS + 1]
    )
    if len(components) > MAX_COMPONENTS:
        raise Conflict(f"The project has more than {MAX_COMPONENTS} components; reject those that do not belong in it.")
    devices: dict[tuple[UUID, str], list[Component]] = {}
    for component in components:
        devices.setdefault((component.document_id, component.designator or str(component.pk)), []).append(component)
    rows: dict[tuple[str, str, object], Row] = {}
    for device in devices.values():
        _add(rows, device)
    return BillOfMaterials(project, sorted(rows.values(), key=_order))


def _add(rows: dict[tuple[str, str, object], Row], device: Sequence[Component]) -> None:
    """Add a device to its row. The first place with a rating decides about it."""
    first = next((one for one in device if one.rating_raw), device[0])
    rating = Rating(first.rating_raw, first.rating_value, first.rating_unit)
    key = (rating.value, rating.unit) if rating.unit else rating.raw.casefold()
    own = Row(first.component_class, first.prefix, rating)
    row = rows.setdefault((first.component_class, first.prefix, key), own)
    if any(one.state == State.CONFIRMED for one in device):
        row.confirmed += 1
    else:
        row.proposed += 1
    row.places += [
        Place(
            one.pk,
            one.document_id,
            str(one.document),
            one.page_number,
            one.designator,
            State(one.state),
            one.box,
        )
        for one in device
    ]


def _order(row: Row) -> tuple[str, str, str, float, str]:
    return row.component_class, row.prefix, row.rating.unit, row.rating.value, row.rating.raw
