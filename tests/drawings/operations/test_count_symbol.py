"""CountSymbol: the places of a symbol on all pages of a project."""

from drawings.models import Component, CountStatus, Document, State
from drawings.services.components import Decision, decide_components
from drawings.services.symbols import count_symbol
from projects.models import Project, Role
from projects.models import Status as ProjectStatus
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import (
    CountSymbolRequest,
)
from tests.jobs import run_jobs
from tests.support.components import SERVICE, counted, created, flags
from tests.support.drawings import a_document, member, processed
from tests.support.factories import DocumentFactory, SymbolFactory
from tests.support.transports import Transport
from users.models import User


def test_symbol_is_counted_in_the_background(api: Transport, ann: User, flagged: Document) -> None:
    symbol = created(api, ann, flagged, may_rotate=True)
    assert (symbol.name, getattr(symbol, "class"), symbol.created_by) == ("Flag", "unknown", str(ann.pk))
    count = counted(api, ann, symbol)
    assert (count.status, count.progress) == (drawing_pb2.COUNT_STATUS_READY, 100)
    assert (count.match_count, count.withheld_count, count.complete) == (3, 1, True)
    found = Component.objects.filter(symbol_id=symbol.id)
    assert {(round(one.x0), one.component_class, one.state) for one in found.filter(remark="")} == {
        (95, "Flag", State.PROPOSED), (195, "Flag", State.PROPOSED), (295, "Flag", State.PROPOSED),
    }  # fmt: skip
    assert found.exclude(remark="").get().remark == "Only 85% of the symbol's lines are there."


def test_decisions_stay_when_it_is_counted_again(api: Transport, ann: User, flagged: Document) -> None:
    symbol = created(api, ann, flagged)
    counted(api, ann, symbol)
    first, second = Component.objects.filter(symbol_id=symbol.id).order_by("x0")[:2]
    decide_components(
        ann, str(flagged.project_id),
        [Decision(str(first.pk), State.CONFIRMED), Decision(str(second.pk), State.REJECTED)],
    )  # fmt: skip
    counted(api, ann, symbol)
    states = dict(Component.objects.filter(symbol_id=symbol.id).values_list("pk", "state"))
    assert (len(states), states[first.pk], states[second.pk]) == (4, State.CONFIRMED, State.REJECTED)


def test_all_documents_are_counted_but_superseded_ones(api: Transport, ann: User, flagged: Document) -> None:
    symbol = created(api, ann, flagged)
    processed(a_document(flagged.project, ann, content=flags((500, 300))))
    old = processed(a_document(flagged.project, ann, content=flags((500, 400), (600, 400))))
    DocumentFactory(project=flagged.project, supersedes=old)
    assert counted(api, ann, symbol).match_count == 4


def test_count_without_its_page_fails_with_a_sentence(ann: User, flagged: Document) -> None:
    symbol = SymbolFactory(document=flagged, page_number=7)
    count_symbol(ann, str(symbol.pk))
    run_jobs()
    symbol.refresh_from_db()
    assert (symbol.count_status, symbol.count_failure[:8]) == (CountStatus.FAILED, "The page")


def test_viewers_and_archived_projects_count_nothing(api: Transport, ann: User, flagged: Document) -> None:
    symbol, viewer = created(api, ann, flagged), member(flagged.project, Role.VIEWER)
    request = CountSymbolRequest(symbol_id=symbol.id)
    assert api.failure(f"{SERVICE}CountSymbol", request, actor=viewer).reason == "FORBIDDEN"
    Project.objects.filter(pk=flagged.project_id).update(status=ProjectStatus.ARCHIVED)
    assert api.failure(f"{SERVICE}CountSymbol", request, actor=ann).reason == "CONFLICT"
