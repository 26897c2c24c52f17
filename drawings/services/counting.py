"""The work on one count of a symbol: page after page, each committed by itself.

What a page holds of an earlier count of the symbol, and no person has decided, is replaced. Every write is fenced by
the lease of the job, and checks that the count was not cancelled.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from changes.services import acting
from core.cached_results import cached_result
from core.db.bulk_insert import insert_many
from core.db.saving import clean, save_clean
from core.jobs import Attempt, Reschedule
from drawing_engine.counting import Count, Place, count_symbol
from drawing_engine.exemplars import Exemplar, NoSymbol, find_exemplar
from drawing_engine.legends import find_legends
from drawing_engine.pages import Box
from drawings.models import COUNTING, Component, CountStatus, Method, Page, State, Symbol
from drawings.models.components import UNKNOWN_CLASS, prefix_of
from drawings.queries.symbols import engine_page, pages_to_count
from drawings.services.recognition import delete_components

ACTOR = "drawings"
MAX_NOTES = 20
GIVEN_UP = "The count failed repeatedly. Count again; if that fails, too, ask an administrator to look for the reason."


class Cancelled(Exception):
    """The count was cancelled, or the symbol was deleted."""


def run_count(symbol_id: UUID, run: int, attempt: Attempt, *, all_sheets: bool) -> None:
    """Count a symbol on all pages of its project. Do nothing if it was cancelled or deleted.

    Raises:
        Reschedule: the worker is stopping.
        LeaseLost: another worker has taken over the job.
    """
    with suppress(Cancelled):
        _Work(symbol_id, run, attempt).count(all_sheets=all_sheets)


def give_up(symbol_id: UUID, run: int) -> None:
    """End the count, in the caller's transaction, because its job has used up its retries."""
    with suppress(Cancelled):
        _Work(symbol_id, run, None).end(GIVEN_UP)


class _Work:
    """One count in progress.

    Args:
        attempt: of its job; None = the job is given up.
    """

    def __init__(self, symbol_id: UUID, run: int, attempt: Attempt | None) -> None:
        self._symbol_id, self._run, self._attempt = symbol_id, run, attempt

    @contextmanager
    def _commit(self) -> Iterator[Symbol]:
        """Open a transaction that renews the job's lease and locks the symbol's row.

        Raises:
            LeaseLost, Cancelled
        """
        with acting(ACTOR):
            if self._attempt:
                self._attempt.renew_lease(made_progress=True)
            rows = Symbol.objects.select_for_update(of=("self",), no_key=True).filter(pk=self._symbol_id)
            symbol: Symbol | None = rows.first()
            if symbol is None or symbol.run != self._run or symbol.count_status not in COUNTING:
                raise Cancelled
            yield symbol

    def count(self, *, all_sheets: bool) -> None:
        with self._commit() as symbol:
            save_clean(
                symbol, count_status=CountStatus.COUNTING, count_progress=0, match_count=0, withheld_count=0,
                is_complete=True, notes=[],
            )  # fmt: skip
        own = Page.objects.filter(document=symbol.document_id, number=symbol.page_number).first()
        if own is None:
            self.end("The page of the exemplar is gone. Create the symbol again.")
            return
        try:
            page = engine_page(own)
            exemplar = find_exemplar(page, Box(*symbol.box))
        except NoSymbol as exc:
            self.end(str(exc))
            return
        rows = pages_to_count(symbol.document.project_id)
        for done, row in enumerate(rows, 1):
            if self._attempt and self._attempt.stopping:
                raise Reschedule
            self._count_page(symbol, exemplar, row, all_sheets=all_sheets, percent=min(99, 100 * done // len(rows)))
        self.end()

    def _count_page(self, symbol: Symbol, exemplar: Exemplar, row: Page, *, all_sheets: bool, percent: int) -> None:
        found = _counted(symbol, exemplar, row, all_sheets=all_sheets)
        with self._commit() as counted:
            if not Page.objects.filter(pk=row.pk).exists():  # Its document was deleted since.
                return
            matches, withheld = _store(counted, row, found)
            notes = [*counted.notes, f"{row.document}: {found.refusal}"] if found.refusal else counted.notes
            save_clean(
                counted, count_progress=percent, match_count=counted.match_count + matches,
                withheld_count=counted.withheld_count + withheld,
                is_complete=counted.is_complete and found.complete, notes=notes[:MAX_NOTES],
            )  # fmt: skip

    def end(self, failure: str = "") -> None:
        """End the count.

        Args:
            failure: why the symbol could not be counted, as a sentence for people.

        Raises:
            LeaseLost, Cancelled
        """
        with self._commit() as symbol:
            status = CountStatus.FAILED if failure else CountStatus.READY
            progress = symbol.count_progress if failure else 100
            save_clean(symbol, count_status=status, count_progress=progress, count_failure=failure[:1000])


def _counted(symbol: Symbol, exemplar: Exemplar, row: Page, *, all_sheets: bool) -> Count:
    """Return the places of a symbol on a page. On the exemplar's own page it is always counted."""
    is_own = row.document_id == symbol.document_id and row.number == symbol.page_number
    all_sheets = all_sheets or (is_own and not symbol.is_of_legend)

    def make() -> Count:
        page = engine_page(row)
        legends = find_legends(page)
        if is_own and symbol.is_of_legend:
            legends = [*legends, Box(*symbol.box)]
        return count_symbol(
            exemplar,
            page,
            rotate=symbol.may_rotate,
            mirror=symbol.may_mirror,
            all_sheets=all_sheets,
            legends=legends,
        )

    arguments = (
        row.document.sha256, row.number, symbol.document.sha256, symbol.page_number, symbol.box, symbol.may_rotate,
        symbol.may_mirror, symbol.is_of_legend, all_sheets,
    )  # fmt: skip
    return cached_result("symbol_count", arguments, make)


def _store(symbol: Symbol, row: Page, found: Count) -> tuple[int, int]:
    """Store the places on a page as proposals, and return how many matches and withheld ones there are.

    Places that people have decided about stay as they are. A match in the place of a component that the text names
    is that component.
    """
    rows = Component.objects.filter(document=row.document_id, page_number=row.number)
    of_symbol = rows.filter(symbol_id=symbol.pk)
    delete_components(list(of_symbol.filter(decided_at=None, state=State.PROPOSED).values_list("pk", flat=True)))
    kept = [Box(*one.box) for one in of_symbol]
    proposals = [
        _component(symbol, row, place)
        for place in (*found.matches, *found.withheld)
        if not any(_is_same(place.box, box) for box in kept)
    ]
    for proposal in proposals:
        clean(proposal)
    if proposals:
        insert_many(Component, proposals)
    return len(found.matches), len(found.withheld)


def _component(symbol: Symbol, row: Page, place: Place) -> Component:
    x0, y0, x1, y1 = (round(side, 3) for side in place.box)
    return Component(
        document_id=row.document_id, page_number=row.number, designator=place.label[:100],
        prefix=prefix_of(place.label)[:10],
        component_class=symbol.symbol_class if symbol.symbol_class != UNKNOWN_CLASS else symbol.name[:50],
        x0=x0, y0=y0, x1=x1, y1=y1, method=Method.VECTOR, confidence=round(min(1.0, place.share), 4),
        remark=place.reason[:300], symbol_id=symbol.pk,
    )  # fmt: skip


def _is_same(place: Box, box: Box) -> bool:
    x, y = (place.x0 + place.x1) / 2, (place.y0 + place.y1) / 2
    return box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1
