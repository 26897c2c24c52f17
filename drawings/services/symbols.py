"""Write operations on symbols: creation, by a box or by a legend, deletion, and the start and end of a count."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from changes.services import acting, forget
from changes.triggers import subject_type_of
from core import idempotency
from core.actors import Actor
from core.db import ids
from core.db.saving import save_clean
from core.errors import Conflict, invalid
from core.jobs import enqueue
from core.preconditions import ANY_VERSION, ExpectedVersion
from drawing_engine.exemplars import NoSymbol, find_exemplar
from drawing_engine.legends import read_legend
from drawing_engine.pages import Box
from drawings import services
from drawings.models import COUNTING, CountStatus, Document, Page, Symbol
from drawings.models.components import UNKNOWN_CLASS, Component
from drawings.queries import symbols as queries
from drawings.services.field_names import named_as_in_contract
from projects.queries import get_project
from projects.services import project_for

#: Symbols of one legend.
MAX_LEGEND_ROWS = 200


def create_symbol(
    actor: Actor, project_id: str, document_id: str, page_number: int, bbox: Sequence[float], fields: Mapping[str, Any]
) -> Symbol:
    """Add a symbol by an exemplar: the lines in a rectangle of a page.

    Args:
        fields: `name`, `symbol_class`, `may_rotate`, `may_mirror`.

    Raises:
        Project.DoesNotExist, PermissionDenied, Conflict
        ValidationError: on `document_id`, `page_number`, `name`, or on `bbox` if it holds no symbol.
    """
    with acting(actor), named_as_in_contract():
        document, page, box = _place(actor, project_id, document_id, page_number, bbox, _faults(fields))
        _check_exemplar(page, box)
        return save_clean(_symbol(actor, document, page, box, fields))


def create_symbols_of_legend(
    actor: Actor, project_id: str, document_id: str, page_number: int, bbox: Sequence[float]
) -> list[Symbol]:
    """Add the symbols of a legend that a rectangle surrounds: one for each row with lines and a name.

    Raises:
        Project.DoesNotExist, PermissionDenied, Conflict
        ValidationError: as `create_symbol`.
    """
    with acting(actor):
        document, page, box = _place(actor, project_id, document_id, page_number, bbox)
        entries = read_legend(queries.engine_page(page), box)[:MAX_LEGEND_ROWS]
        if not entries:
            raise invalid("bbox", "legend", "No symbols with names beside them were found here. Surround a legend.")
        rows = []
        for entry in entries:
            around = Box(entry.box.x0 - 1, entry.box.y0 - 1, entry.box.x1 + 1, entry.box.y1 + 1)
            symbol = _symbol(actor, document, page, around, {"name": entry.name[:200]})
            symbol.is_of_legend = True
            rows.append(save_clean(symbol))
        return rows


def delete_symbol(actor: Actor, symbol_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> None:
    """Delete a symbol for good. What was counted by it stays.

    Raises:
        Symbol.DoesNotExist, PermissionDenied, Conflict, Stale
    """
    with acting(actor):
        symbol = _to_change(actor, symbol_id, expected_version)
        # The deletion clears the row's key.
        pk = symbol.pk
        symbol.delete()
        forget(str(subject_type_of(Symbol)), pk)
        idempotency.forget(pk)


def count_symbol(
    actor: Actor, symbol_id: str, *, all_sheets: bool = False, expected_version: ExpectedVersion = ANY_VERSION
) -> Symbol:
    """Queue the count of a symbol on all pages of its project.

    Args:
        all_sheets: on legends, schedules and details, too.

    Raises:
        Symbol.DoesNotExist, PermissionDenied, Stale
        Conflict: it is being counted, or the project is archived.
    """
    with acting(actor):
        symbol = _to_change(actor, symbol_id, expected_version)
        if symbol.count_status in COUNTING:
            raise Conflict("The symbol is being counted already; cancel that, or wait until it ends.")
        save_clean(
            symbol, run=symbol.run + 1, count_status=CountStatus.QUEUED, count_progress=0, match_count=0,
            withheld_count=0, is_complete=True, notes=[], count_failure="",
        )  # fmt: skip
        enqueue(
            "drawings.count", fairness_key=str(symbol.document.project_id), symbol_id=str(symbol.pk), run=symbol.run,
            all_sheets=all_sheets,
        )  # fmt: skip
        return symbol


def cancel_count(actor: Actor, symbol_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> Symbol:
    """Cancel the count. What was found on the pages before stays.

    Raises:
        Symbol.DoesNotExist, PermissionDenied, Stale
        Conflict: it is not being counted, or the project is archived.
    """
    with acting(actor):
        symbol = _to_change(actor, symbol_id, expected_version)
        if symbol.count_status not in COUNTING:
            raise Conflict("The symbol is not being counted.")
        return save_clean(symbol, count_status=CountStatus.CANCELLED)


def _to_change(actor: Actor, symbol_id: str, expected_version: ExpectedVersion) -> Symbol:
    seen = queries.get_symbol(actor, symbol_id)
    document = services.document_to_change(actor, str(seen.document_id))
    symbol: Symbol | None = Symbol.objects.select_for_update(of=("self",), no_key=True).filter(pk=seen.pk).first()
    if symbol is None:
        raise queries.not_found(symbol_id)
    symbol.require_version(expected_version)
    symbol.document = document
    return symbol


def _place(
    actor: Actor,
    project_id: str,
    document_id: str,
    page_number: int,
    bbox: Sequence[float],
    faults: Mapping[str, list[ValidationError]] | None = None,
) -> tuple[Document, Page, Box]:
    """Return the document, the page and the rectangle that a request names.

    Args:
        faults: of the other fields of the request; raised together with what is missing here.

    Raises:
        ValidationError
    """
    project, _ = get_project(actor, project_id)
    project_for(actor, project_id)
    errors: dict[str, Any] = dict(faults or {})
    if not document_id:
        errors["document_id"] = ValidationError("Give the id of the document.", code="required")
    if len(bbox) != 4:
        errors["bbox"] = ValidationError(Component.BAD_BOX, code="box" if bbox else "required")
    if errors:
        raise ValidationError(errors)
    wanted = ids.parsed(document_id)
    rows = Document.objects.defer("search_words").select_for_update(of=("self",), no_key=True)
    document = rows.filter(pk=wanted, project=project.pk).first() if wanted else None
    if document is None:
        raise invalid("document_id", "unknown", Document.NO_SUCH_DOCUMENT)
    page = Page.objects.filter(document=document.pk, number=page_number).first() if 0 <= page_number < 2**31 else None
    if page is None:
        raise invalid("page_number", "unknown", "The document has no such page, or it has not been read yet.")
    return document, page, Box(*bbox)


def _check_exemplar(page: Page, box: Box) -> None:
    """Check that a rectangle holds a symbol.

    Raises:
        ValidationError: on `bbox`.
    """
    try:
        find_exemplar(queries.engine_page(page), box)
    except NoSymbol as exc:
        raise invalid("bbox", "no_symbol", str(exc)) from exc


def _symbol(actor: Actor, document: Document, page: Page, box: Box, fields: Mapping[str, Any]) -> Symbol:
    changes = _with_class(fields)
    x0, y0, x1, y1 = box
    return Symbol(
        document=document, page_number=page.number, x0=x0, y0=y0, x1=x1, y1=y1, created_by_id=actor.pk, **changes
    )


def _with_class(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a new symbol with its class, which is unknown unless they name it."""
    return {**fields, "symbol_class": str(fields.get("symbol_class", "")).strip() or UNKNOWN_CLASS}


def _faults(fields: Mapping[str, Any]) -> dict[str, list[ValidationError]]:
    """Return what the model's rules find wrong with the fields of a new symbol, without its place."""
    given = _with_class(fields)
    try:
        Symbol(**given).clean_fields(exclude={field.name for field in Symbol._meta.fields} - given.keys())
    except ValidationError as exc:
        return exc.error_dict
    return {}
