"""The bill of materials as a message and as files."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence

from google.protobuf.json_format import MessageToJson

from core.errors import invalid
from drawings.models import State
from drawings.queries.bill_of_materials import BillOfMaterials, Place, Row
from tandem.drawing.v1 import drawing_pb2

#: Places of a row in the message.
MAX_PLACES = 100
#: Spreadsheets take a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_COLUMNS = ("Class", "Prefix", "Rating", "Value", "Unit", "Confirmed", "Proposed", "Designators", "Places")
_PLACE_COLUMNS = (
    "Class", "Prefix", "Rating", "Designator", "State", "Document", "Page", "x0", "y0", "x1", "y1", "Component",
    "Document id",
)  # fmt: skip

Value = str | int | float


def bill_message(bill: BillOfMaterials, max_places: int | None = MAX_PLACES) -> drawing_pb2.GetBillOfMaterialsResponse:
    """Return the message of a bill of materials.

    Args:
        max_places: of a row; None = all.
    """
    return drawing_pb2.GetBillOfMaterialsResponse(
        rows=[_row_message(row, max_places) for row in bill.rows],
        confirmed_count=sum(row.confirmed for row in bill.rows),
        proposed_count=sum(row.proposed for row in bill.rows),
    )


def bill_file(bill: BillOfMaterials, file_format: str) -> tuple[drawing_pb2.BillOfMaterialsFile, bytes]:
    """Return the metadata and the bytes of a bill of materials as a file.

    Raises:
        ValidationError: on `format`.
    """
    found = _FORMATS.get(file_format)
    if found is None:
        raise invalid("format", "choice", f"Choose one of: {', '.join(sorted(_FORMATS))}.")
    content_type, write = found
    content = write(bill)
    metadata = drawing_pb2.BillOfMaterialsFile(
        filename=f"{bill.project.name} bill of materials.{file_format}",
        content_type=content_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    return metadata, content


def plain_text(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: with an apostrophe in front if it would."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row_message(row: Row, max_places: int | None) -> drawing_pb2.BillOfMaterialsRow:
    message = drawing_pb2.BillOfMaterialsRow(
        prefix=row.prefix,
        confirmed_count=row.confirmed,
        proposed_count=row.proposed,
        places=[_place_message(place) for place in row.places[:max_places]],
        place_count=len(row.places),
        **{"class": row.component_class},  # type: ignore[arg-type]
    )
    if row.rating.raw:
        message.rating.raw, message.rating.value, message.rating.unit = row.rating
    return message


def _place_message(place: Place) -> drawing_pb2.BillOfMaterialsPlace:
    return drawing_pb2.BillOfMaterialsPlace(
        component_id=str(place.component_id),
        document_id=str(place.document_id),
        page_number=place.page_number,
        designator=place.designator,
        state=place.state,  # type: ignore[arg-type]
        bbox=place.box,
    )


def _rows(bill: BillOfMaterials) -> Iterator[Sequence[Value]]:
    for row in bill.rows:
        places = dict.fromkeys(f"{place.document_title}, page {place.page_number + 1}" for place in row.places)
        value: Value = row.rating.value if row.rating.unit else ""
        yield (
            row.component_class, row.prefix, row.rating.raw, value, row.rating.unit, row.confirmed, row.proposed,
            ", ".join(row.designators), "; ".join(places),
        )  # fmt: skip


def _places(bill: BillOfMaterials) -> Iterator[Sequence[Value]]:
    for row in bill.rows:
        for place in row.places:
            yield (
                row.component_class, row.prefix, row.rating.raw, place.designator, State(place.state).label,
                place.document_title, place.page_number + 1, *place.box, str(place.component_id),
                str(place.document_id),
            )  # fmt: skip


def _json(bill: BillOfMaterials) -> bytes:
    return MessageToJson(bill_message(bill, None), preserving_proto_field_name=True, ensure_ascii=False).encode()


def _csv(bill: BillOfMaterials) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in _rows(bill):
        writer.writerow([plain_text(value) if isinstance(value, str) else value for value in row])
    # With a byte order mark, spreadsheets read it as UTF-8.
    return text.getvalue().encode("utf-8-sig")


def _xlsx(bill: BillOfMaterials) -> bytes:
    # Only this needs openpyxl, which is a tenth of the work of starting a process.
    from drawings.messages.spreadsheets import spreadsheet

    sheets = {"Bill of materials": (_COLUMNS, _rows(bill)), "Places": (_PLACE_COLUMNS, _places(bill))}
    return spreadsheet(sheets, plain_text)


_FORMATS: dict[str, tuple[str, Callable[[BillOfMaterials], bytes]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "json": ("application/json", _json),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
}
