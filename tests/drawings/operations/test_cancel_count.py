"""CancelCount: the end of a count before its time."""

from drawings.models import Component, Document
from drawings.services.symbols import count_symbol
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import (
    CancelCountRequest,
    CountSymbolRequest,
)
from tests.jobs import run_jobs
from tests.support.components import SERVICE, created
from tests.support.transports import Transport
from users.models import User


def test_count_is_cancelled(api: Transport, ann: User, flagged: Document) -> None:
    symbol = created(api, ann, flagged)
    count_symbol(ann, symbol.id)
    again = api.failure(f"{SERVICE}CountSymbol", CountSymbolRequest(symbol_id=symbol.id), actor=ann)
    assert again.reason == "CONFLICT"
    cancelled = api(f"{SERVICE}CancelCount", CancelCountRequest(symbol_id=symbol.id), actor=ann).symbol
    assert cancelled.count.status == drawing_pb2.COUNT_STATUS_CANCELLED
    run_jobs()
    assert not Component.objects.exists()
    assert api.failure(f"{SERVICE}CancelCount", CancelCountRequest(symbol_id=symbol.id), actor=ann).reason == "CONFLICT"
