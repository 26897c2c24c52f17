"""ListSymbols."""

from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.drawing.v1.drawing_pb2 import ListSymbolsRequest
from tests.support.components import SERVICE
from tests.support.drawings import project_of
from tests.support.factories import SymbolFactory
from tests.support.transports import Transport
from users.models import User


def test_symbols_of_the_project_come_in_the_order_in_which_they_were_made(api: Transport, ann: User) -> None:
    project = project_of(ann)
    made = [SymbolFactory(document__project=project) for _ in range(3)]
    SymbolFactory()
    request = ListSymbolsRequest(project_id=str(project.pk), pagination=PaginationRequest(page_size=2))
    first = api(f"{SERVICE}ListSymbols", request, actor=ann)
    request.pagination.page_token = first.pagination.next_page_token
    rest = api(f"{SERVICE}ListSymbols", request, actor=ann)
    assert [one.id for one in (*first.symbols, *rest.symbols)] == [str(symbol.pk) for symbol in made]
    assert first.pagination.total_count == 3
