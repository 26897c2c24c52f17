"""The selected rows of a list as CSV."""

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

#: Spreadsheets take texts that begin so for formulas.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class CsvExport(ModelAdmin):
    """An admin with the action `export_csv`. Whole tables are exported by the API and `manage.py`."""

    #: The columns of the file; people and projects are named.
    export_fields: ClassVar[Sequence[str]] = ()

    @admin.action(description="Export the selected rows as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        file = StringIO()
        writer = csv.writer(file)
        writer.writerow(self.export_fields)
        writer.writerows([[_cell(row, name) for name in self.export_fields] for row in queryset])
        name = f"{self.opts.verbose_name_plural}.csv".replace(" ", "-")
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(file.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def _cell(row: Any, name: str) -> str:
    display = getattr(row, f"get_{name}_display", None)
    value = display() if display else getattr(row, name)
    if value is None:
        return ""
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
