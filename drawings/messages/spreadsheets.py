"""Spreadsheets of Office Open XML (.xlsx)."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

_MAX_CELL = 32_000

Value = str | int | float


def spreadsheet(
    sheets: Mapping[str, tuple[Sequence[str], Iterable[Sequence[Value]]]], plain_text: Callable[[str], str]
) -> bytes:
    """Return a file with these sheets, each with its columns and rows, whose texts `plain_text` makes harmless."""
    workbook = Workbook(write_only=True)
    for name, (columns, rows) in sheets.items():
        sheet = workbook.create_sheet(name)
        sheet.append(columns)
        for row in rows:
            sheet.append([_cell(sheet, value, plain_text) for value in row])
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def _cell(sheet: Any, value: Value, plain_text: Callable[[str], str]) -> Any:
    """Return a cell that holds exactly this value; a text never becomes a formula."""
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, plain_text(ILLEGAL_CHARACTERS_RE.sub("", value))[:_MAX_CELL])
    cell.data_type = "s"
    return cell
