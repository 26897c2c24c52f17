"""GetSymbol."""

from core.db.ids import uuid7
from tandem.drawing.v1.drawing_pb2 import GetSymbolRequest
from tests.support.components import SERVICE
from tests.support.drawings import project_of
from tests.support.factories import SymbolFactory
from tests.support.transports import Transport
from users.models import User


def test_symbol_has_its_exemplar_and_no_count_yet(api: Transport, ann: User) -> None:
    symbol = SymbolFactory(document__project=project_of(ann), name="Lamp", symbol_class="lamp")
    found = api(f"{SERVICE}GetSymbol", GetSymbolRequest(symbol_id=str(symbol.pk)), actor=ann).symbol
    assert (found.name, getattr(found, "class"), list(found.bbox)) == ("Lamp", "lamp", [95, 295, 125, 325])
    assert found.project_id == str(symbol.document.project_id) and not found.HasField("count")


def test_unknown_symbols_and_those_of_others_are_not_found(api: Transport, ann: User) -> None:
    for symbol_id in (str(SymbolFactory().pk), str(uuid7()), "x"):
        request = GetSymbolRequest(symbol_id=symbol_id)
        assert api.failure(f"{SERVICE}GetSymbol", request, actor=ann).reason == "NOT_FOUND"
