"""Write operations on components: what people add, correct and decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.db import ids
from core.db.saving import save_clean
from core.errors import Stale, invalid
from core.preconditions import ANY_VERSION, ExpectedVersion
from drawing_engine.ratings import parse_rating
from drawings import services
from drawings.models import Component, Method, Page, State
from drawings.models.components import UNKNOWN_CLASS, fields_of_designator
from drawings.queries import components as queries
from drawings.services.field_names import named_as_in_contract
from projects.queries import get_project
from projects.services import project_for

#: Components that one call decides.
MAX_DECISIONS = 500


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of a person about a component.

    Attributes:
        component_id: as the client wrote it.
        state: CONFIRMED, REJECTED, or PROPOSED to undo either.
        version: that the component must have; 0 = any.
    """

    component_id: str
    state: int
    version: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    """The components in the order of the decisions, and the decisions that restore what they were."""

    components: Sequence[Component]
    undo: Sequence[Decision]


def create_component(actor: Actor, document_id: str, page_number: int, fields: Mapping[str, Any]) -> Component:
    """Add a component that a person sees on a page. It is confirmed.

    Args:
        fields: `designator`, `component_class`, `rating` (as it is written), `bbox`.

    Raises:
        Document.DoesNotExist, PermissionDenied, Conflict, ValidationError
    """
    with acting(actor), named_as_in_contract():
        document = services.document_to_change(actor, document_id)
        changes = _columns({"component_class": "", "bbox": (), **fields})
        page = Page.objects.filter(document=document.pk, number=page_number).first() if page_number >= 0 else None
        if page is None:
            raise invalid("page_number", "unknown", "The document has no such page, or it has not been read yet.")
        _check_on_page(changes, page)
        component = Component(
            document=document,
            page_number=page_number,
            method=Method.MANUAL,
            state=State.CONFIRMED,
            decided_by_id=actor.pk,
            decided_at=timezone.now(),
            **changes,
        )
        return save_clean(component)


def update_component(
    actor: Actor, component_id: str, fields: Mapping[str, Any], *, expected_version: ExpectedVersion = ANY_VERSION
) -> Component:
    """Correct these fields of a component; all others keep their values.

    Raises:
        Component.DoesNotExist, PermissionDenied, Conflict, Stale, ValidationError
    """
    with acting(actor), named_as_in_contract():
        seen = queries.get_component(actor, component_id)
        document = services.document_to_change(actor, str(seen.document_id))
        component: Component | None = (
            Component.objects.select_for_update(of=("self",), no_key=True).filter(pk=seen.pk).first()
        )
        if component is None:
            raise queries.not_found(component_id)
        component.require_version(expected_version)
        changes = _columns(fields)
        page = Page.objects.filter(document=document.pk, number=component.page_number).first()
        if page is not None:
            _check_on_page(changes, page)
        decided = {"decided_by_id": actor.pk, "decided_at": timezone.now()}
        component.document = document
        return save_clean(component, also=decided, **changes)


def decide_components(actor: Actor, project_id: str, decisions: Sequence[Decision]) -> Decided:
    """Confirm or reject components of a project, all or none of them, as one change that can be undone.

    Raises:
        Project.DoesNotExist, PermissionDenied, Conflict
        Stale: a component is at another version; another person may have decided it.
        ValidationError: a decision is not valid, or names a component that the project does not have.
    """
    with acting(actor):
        project, _ = get_project(actor, project_id)
        project_for(actor, project_id)
        wanted = _checked(decisions)
        rows = {
            row.pk: row
            for row in Component.objects.select_for_update(of=("self",), no_key=True)
            .filter(pk__in=wanted, document__project=project.pk)
            .order_by("pk")
        }
        if missing := [wanted.index(pk) for pk in wanted if pk not in rows]:
            message = "There is no such component in this project."
            raise ValidationError(
                {f"decisions.{n}.component_id": ValidationError(message, code="unknown") for n in missing}
            )
        for pk, decision in zip(wanted, decisions, strict=True):
            if decision.version and rows[pk].version != decision.version:
                raise Stale(rows[pk].version)
        before = {pk: State(row.state) for pk, row in rows.items()}
        for state in State:
            changed = [
                pk for pk, one in zip(wanted, decisions, strict=True) if one.state == state and before[pk] != state
            ]
            _set_state(actor, changed, state)
        after = Component.objects.in_bulk(wanted)
        undo = [Decision(str(pk), before[pk], after[pk].version) for pk in wanted if before[pk] != after[pk].state]
        return Decided([after[pk] for pk in wanted], undo)


def _checked(decisions: Sequence[Decision]) -> list[UUID]:
    """Return the ids of the components.

    Raises:
        ValidationError
    """
    if not 1 <= len(decisions) <= MAX_DECISIONS:
        code = "length" if decisions else "required"
        raise invalid("decisions", code, f"Give 1 to {MAX_DECISIONS} decisions.")
    errors: dict[str, ValidationError] = {}
    wanted: list[UUID] = []
    for n, decision in enumerate(decisions):
        pk = ids.parsed(decision.component_id)
        if pk is None:
            code = "unknown" if decision.component_id else "required"
            message = "There is no such component in this project."
            errors[f"decisions.{n}.component_id"] = ValidationError(message, code=code)
            continue
        if pk in wanted:
            errors[f"decisions.{n}.component_id"] = ValidationError(
                "The component is named twice; decide it once.", code="duplicate"
            )
        if decision.state not in State.values:
            errors[f"decisions.{n}.state"] = ValidationError(
                "Choose confirmed, rejected or proposed.", code="choice" if decision.state else "required"
            )
        if decision.version < 0:
            errors[f"decisions.{n}.version"] = ValidationError("A version is not negative.", code="range")
        wanted.append(pk)
    if errors:
        raise ValidationError(errors)
    return wanted


def _set_state(actor: Actor, component_ids: Sequence[UUID], state: State) -> None:
    if not component_ids:
        return
    is_decided = state != State.PROPOSED
    now = timezone.now()
    Component.objects.filter(pk__in=component_ids).update(
        state=state,
        decided_by=actor.pk if is_decided else None,
        decided_at=now if is_decided else None,
        updated_at=now,
    )


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that these fields of a component set.

    Raises:
        ValidationError: on `bbox`.
    """
    columns: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "designator":
            columns |= fields_of_designator(value)
        elif name == "component_class":
            columns[name] = value.strip() or UNKNOWN_CLASS
        elif name == "rating":
            rating = parse_rating(value.strip(), curves=True)
            columns["rating_raw"] = value
            columns |= {"rating_value": rating.value if rating else 0, "rating_unit": rating.unit if rating else ""}
        elif name == "bbox":
            if len(value) != 4:
                raise invalid("bbox", "box" if value else "required", Component.BAD_BOX)
            columns |= dict(zip(("x0", "y0", "x1", "y1"), value, strict=True))
    return columns


def _check_on_page(columns: Mapping[str, Any], page: Page) -> None:
    """Check that a rectangle touches the page.

    Raises:
        ValidationError: on `bbox`.
    """
    if "x0" not in columns or not page.width:
        return
    outside = columns["x0"] > page.width or columns["y0"] > page.height or columns["x1"] < 0 or columns["y1"] < 0
    if outside:
        message = f"Give a part of the page, which has {page.width:g} x {page.height:g} points."
        raise invalid("bbox", "box", message)
