"""CreateSymbol: a symbol by the lines in a box."""

import pytest

from drawings.models import Document, Symbol
from tandem.drawing.v1.drawing_pb2 import (
    CreateSymbolRequest,
)
from tests.support.components import SERVICE
from tests.support.transports import Transport
from users.models import User


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"bbox": [600, 500, 700, 550]}, "bbox"), ({"bbox": []}, "bbox"), ({"bbox": [9, 9, 1, 1]}, "bbox"),
        ({"name": ""}, "name"), ({"name": "x" * 201}, "name"), ({"page_number": 1}, "page_number"),
        ({"page_number": -1}, "page_number"), ({"document_id": "x"}, "document_id"),
        ({"class": "x" * 51}, "class"),
    ],
)  # fmt: skip
def test_invalid_symbol_is_refused(
    api: Transport, ann: User, flagged: Document, fields: dict[str, object], error: str
) -> None:
    symbol = {"name": "Flag", "document_id": str(flagged.pk), "bbox": [94, 99, 113, 121]} | fields
    request = CreateSymbolRequest(project_id=str(flagged.project_id), symbol=symbol)  # type: ignore[arg-type]
    failed = api.failure(f"{SERVICE}CreateSymbol", request, actor=ann)
    assert set(failed.fields) == {error}
    assert not Symbol.objects.exists()


def test_all_that_is_missing_is_reported_at_once(api: Transport, ann: User, flagged: Document) -> None:
    request = CreateSymbolRequest(project_id=str(flagged.project_id), symbol={"class": "x" * 51})  # type: ignore[arg-type]
    failed = api.failure(f"{SERVICE}CreateSymbol", request, actor=ann)
    assert set(failed.fields) == {"document_id", "bbox", "name", "class"}
