"""Conversion of symbols: rows to messages, messages to fields."""

from typing import Any

from core.conversions import read_fields, set_timestamp
from drawings.models import CountStatus, Symbol
from tandem.drawing.v1 import drawing_pb2

_FIELDS = ("name", "class", "may_rotate", "may_mirror")


def symbol_message(symbol: Symbol, project_id: str) -> drawing_pb2.Symbol:
    """Return the message of a symbol."""
    message = drawing_pb2.Symbol(
        id=str(symbol.pk),
        project_id=project_id,
        name=symbol.name,
        document_id=str(symbol.document_id),
        page_number=symbol.page_number,
        bbox=symbol.box,
        may_rotate=symbol.may_rotate,
        may_mirror=symbol.may_mirror,
        created_by=str(symbol.created_by_id or ""),
        version=symbol.version,
        of_legend=symbol.is_of_legend,
        **{"class": symbol.symbol_class},
    )
    set_timestamp(message.created_at, symbol.created_at)
    set_timestamp(message.updated_at, symbol.updated_at)
    if symbol.count_status != CountStatus.NONE:
        message.count.CopyFrom(
            drawing_pb2.SymbolCount(
                status=symbol.count_status,  # type: ignore[arg-type]  # the numbers are the contract's
                progress=symbol.count_progress,
                match_count=symbol.match_count,
                withheld_count=symbol.withheld_count,
                complete=symbol.is_complete,
                notes=symbol.notes,
                failure_reason=symbol.count_failure,
            )
        )
    return message


def symbol_fields(message: drawing_pb2.Symbol) -> dict[str, Any]:
    """Return the fields of a new symbol, as the service takes them."""
    fields = read_fields(message, _FIELDS, {})
    fields["symbol_class"] = fields.pop("class")
    return fields
