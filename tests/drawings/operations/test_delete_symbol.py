"""DeleteSymbol."""

from changes.models import Change
from drawings.models import Component, Document, Symbol
from tandem.drawing.v1.drawing_pb2 import DeleteSymbolRequest
from tests.support.components import SERVICE, counted, created
from tests.support.transports import Transport
from users.models import User


def test_deleted_symbol_leaves_its_components(api: Transport, ann: User, flagged: Document) -> None:
    symbol = created(api, ann, flagged)
    counted(api, ann, symbol)
    api(f"{SERVICE}DeleteSymbol", DeleteSymbolRequest(symbol_id=symbol.id), actor=ann)
    assert not Symbol.objects.exists() and Component.objects.count() == 4


def test_the_change_log_forgets_a_deleted_symbol(api: Transport, ann: User, flagged: Document) -> None:
    symbol = created(api, ann, flagged)
    changes = Change.objects.filter(subject_type="drawing.symbol", subject_id=symbol.id)
    assert [change.new is None for change in changes] == [False]
    api(f"{SERVICE}DeleteSymbol", DeleteSymbolRequest(symbol_id=symbol.id), actor=ann)
    assert [(change.old, change.new) for change in changes.all()] == [(None, None), (None, None)]
