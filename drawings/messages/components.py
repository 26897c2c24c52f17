"""Conversion of components: rows to messages, messages to fields."""

from collections.abc import Iterable
from typing import Any

from core.conversions import checked_numbers, read_fields, set_timestamp
from core.db.fields import checked_line
from drawings.models import MAX_CLASS, MAX_PREFIX, Component
from drawings.queries.components import ComponentFilter
from drawings.services.components import Decided, Decision
from tandem.drawing.v1 import drawing_pb2

#: The fields that the mask of UpdateComponent may name.
WRITABLE = ("designator", "class", "rating.raw", "bbox")
#: Column → field of the message, where they differ.
PATHS = {
    "component_class": "class", "rating_raw": "rating", "rating_value": "rating", "rating_unit": "rating",
    "x0": "bbox", "y0": "bbox", "x1": "bbox", "y1": "bbox", "decided_by_id": "decided_by",
}  # fmt: skip


def component_message(component: Component, project_id: str = "") -> drawing_pb2.Component:
    """Return the message of a component."""
    message = drawing_pb2.Component(
        id=str(component.pk),
        document_id=str(component.document_id or ""),
        project_id=project_id,
        page_number=component.page_number or 0,
        designator=component.designator,
        prefix=component.prefix,
        bbox=[side or 0 for side in component.box],
        method=component.method or 0,  # type: ignore[arg-type]  # the numbers are the contract's
        confidence=component.confidence,
        state=component.state,  # type: ignore[arg-type]
        remark=component.remark,
        symbol_id=str(component.symbol_id or ""),
        decided_by=str(component.decided_by_id or ""),
        version=component.version,
        **{"class": component.component_class},
    )
    if component.rating_raw:
        message.rating.raw, message.rating.unit = component.rating_raw, component.rating_unit
        message.rating.value = component.rating_value
    set_timestamp(message.created_at, component.created_at)
    set_timestamp(message.updated_at, component.updated_at)
    if component.decided_at:
        set_timestamp(message.decided_at, component.decided_at)
    return message


def component_fields(message: drawing_pb2.Component, paths: Iterable[str]) -> dict[str, Any]:
    """Return the fields of the message at these paths, as the services take them."""
    fields = read_fields(
        message, paths, {"rating.raw": lambda one, name: one.rating.raw, "bbox": lambda one, name: [*one.bbox]}
    )
    names = {"class": "component_class", "rating.raw": "rating"}
    return {names.get(name, name): value for name, value in fields.items()}


def component_filter(request: drawing_pb2.ListComponentsRequest) -> ComponentFilter:
    """Return the filter of a list request.

    Raises:
        ValidationError: an invalid state, method, class or prefix.
    """
    return ComponentFilter(
        document_id=request.document_id,
        page_number=request.page_number if request.HasField("page_number") else None,
        symbol_id=request.symbol_id,
        states=checked_numbers(drawing_pb2.ComponentState.DESCRIPTOR, request.states, "states"),
        methods=checked_numbers(drawing_pb2.ComponentMethod.DESCRIPTOR, request.methods, "methods"),
        component_class=checked_line("class", getattr(request, "class"), MAX_CLASS),
        prefix=checked_line("prefix", request.prefix, MAX_PREFIX),
    )


def decisions(request: drawing_pb2.DecideComponentsRequest) -> list[Decision]:
    """Return the decisions of a request."""
    return [Decision(one.component_id, one.state, one.version) for one in request.decisions]


def decided_message(decided: Decided, project_id: str) -> drawing_pb2.DecideComponentsResponse:
    """Return the message of decided components."""
    return drawing_pb2.DecideComponentsResponse(
        components=[component_message(component, project_id) for component in decided.components],
        undo=[
            drawing_pb2.ComponentDecision(component_id=one.component_id, state=one.state, version=one.version)  # type: ignore[arg-type]
            for one in decided.undo
        ],
    )
