"""CreateSymbolsOfLegend: the symbols that a legend explains."""

from pathlib import Path

from bench.sheets.plan import plan_document
from bench.sheets.styles import STYLES
from drawings.models import Document
from tandem.drawing.v1.drawing_pb2 import (
    CreateSymbolsOfLegendRequest,
    ListSymbolsRequest,
)
from tests.support.components import SERVICE, counted
from tests.support.drawings import a_document, processed, project_of
from tests.support.transports import Transport
from users.models import User


def test_legend_makes_symbols_that_do_not_count_themselves(
    api: Transport, ann: User, tmp_path: Path
) -> None:  # fmt: skip
    path = tmp_path / "plan.pdf"
    sheet = plan_document(path, STYLES[0], 101, count=40)[0]
    flagged = processed(a_document(project_of(ann), ann, content=path.read_bytes()))
    request = CreateSymbolsOfLegendRequest(
        project_id=str(flagged.project_id), document_id=str(flagged.pk), bbox=sheet.legend_box
    )
    made = api(f"{SERVICE}CreateSymbolsOfLegend", request, actor=ann).symbols
    assert [symbol.name for symbol in made] == [name for name, _ in sheet.legend]
    luminaire = next(symbol for symbol in made if symbol.name == "Luminaire, ceiling")
    count = counted(api, ann, luminaire)
    assert count.match_count == sum(one.kind == "luminaire" and not one.trap for one in sheet.symbols)
    listed = api(f"{SERVICE}ListSymbols", ListSymbolsRequest(project_id=str(flagged.project_id)), actor=ann)
    assert [symbol.id for symbol in listed.symbols] == [symbol.id for symbol in made]


def test_box_without_a_legend_is_refused(api: Transport, ann: User, flagged: Document) -> None:
    request = CreateSymbolsOfLegendRequest(
        project_id=str(flagged.project_id), document_id=str(flagged.pk), bbox=[0, 0, 842, 595]
    )
    assert api.failure(f"{SERVICE}CreateSymbolsOfLegend", request, actor=ann).fields == {"bbox": "legend"}
