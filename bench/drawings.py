"""Measure the recognition of components on generated sheets, and print the bars with whether they are reached.

The seeds and the style "atelier" are never used while recognition is developed.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.sheets.plan import plan_document
from bench.sheets.schematic import iec_document, ieee_document
from bench.sheets.styles import HELD_STYLE, STYLES, Style
from bench.sheets.truth import Drawn, Labelled, Sheet
from drawing_engine.counting import count_symbol
from drawing_engine.designators import Designation, find_designations
from drawing_engine.exemplars import NoSymbol, find_exemplar
from drawing_engine.legends import find_legends, read_legend
from drawing_engine.lines import LineIndex
from drawing_engine.pages import Box, Page
from drawing_engine.reading import read_document

#: First of the seeds for measurement; development uses seeds below 1,000.
HELD_SEEDS = 9_000
#: Lowest value of each figure, or the highest of times.
BARS = {
    "IEC precision": 0.99, "IEC recall": 0.99, "IEEE precision": 0.95, "IEEE recall": 0.97, "ratings": 0.97,
    "count precision": 0.98, "count recall": 0.95, "count median": 0.5, "count worst": 2.0,
}  # fmt: skip


@dataclass(slots=True)
class Score:
    """Found, expected and correct things, and examples of errors."""

    right: int = 0
    expected: int = 0
    found: int = 0
    withheld: int = 0
    withheld_right: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.found)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.expected)

    @property
    def withheld_rate(self) -> float:
        """Share of the shown places that a person must decide."""
        return self.withheld / max(1, self.withheld + self.found)


def pages_of(path: Path) -> list[Page]:
    return [page for page in read_document(path) if isinstance(page, Page)]


def score_designators(sheet: Sheet, found: Sequence[Designation], names: Score, ratings: Score) -> None:
    """Add a sheet's designators and ratings to the scores. A designator is right at its place only."""
    left = list(found)
    names.expected += len(sheet.components)
    names.found += len(found)
    for truth in sheet.components:
        hit = next((one for one in left if one.designator == truth.designator and one.box.overlaps(truth.box)), None)
        if hit is None:
            names.errors.append(f"missed {truth.designator}")
            continue
        left.remove(hit)
        names.right += 1
        ratings.expected += 1
        ratings.found += 1
        if _same_rating(truth, hit):
            ratings.right += 1
        else:
            ratings.errors.append(f"{truth.designator}: {truth.rating}, found {hit.rating}")
    names.errors += [f"false {one.designator}" for one in left]


def _same_rating(truth: Labelled, found: Designation) -> bool:
    if truth.rating is None or found.rating is None:
        return truth.rating is None and found.rating is None
    same = truth.rating.raw == found.rating.raw and truth.rating.unit == found.rating.unit
    return same and abs(truth.rating.value - found.rating.value) <= 1e-9 * max(1e-12, abs(truth.rating.value))


def designators(
    write: Callable[[Path, Style, int], list[Sheet]], styles: Sequence[Style], seeds: range
) -> tuple[Score, Score]:
    """Return the scores of designators and of ratings."""
    names, ratings = Score(), Score()
    with tempfile.TemporaryDirectory() as folder:
        for style in styles:
            for seed in seeds:
                path = Path(folder, "sheet.pdf")
                sheets = write(path, style, seed)
                for sheet, page in zip(sheets, pages_of(path), strict=True):
                    score_designators(sheet, find_designations(page), names, ratings)
    return names, ratings


def count_all(page: Page, sheet: Sheet, chance: random.Random, *, loose: float) -> Iterator[tuple[str, Score, float]]:
    """Count each kind of symbol by one exemplar; yield its name, score and processor time in seconds.

    Args:
        loose: margin of the exemplar's box, in sizes of the symbol; a point is added.
    """
    index, legends = LineIndex(page.segments), find_legends(page)
    for kind in sorted({symbol.kind for symbol in sheet.symbols}):
        wanted = [symbol for symbol in sheet.symbols if symbol.kind == kind and not symbol.trap]
        if not wanted:
            continue
        box = chance.choice(wanted).box
        margin = 1 + loose * max(box.width, box.height)
        score = Score(expected=len(wanted))
        begin = time.process_time()
        try:
            exemplar = find_exemplar(page, Box(box.x0 - margin, box.y0 - margin, box.x1 + margin, box.y1 + margin))
            counted = count_symbol(exemplar, page, legends=legends, index=index)
        except NoSymbol as refusal:
            score.errors.append(str(refusal))
            yield kind, score, time.process_time() - begin
            continue
        seconds = time.process_time() - begin
        left = list(wanted)
        for place in counted.matches:
            hit = next((symbol for symbol in left if _same_place(place.box, symbol)), None)
            if hit:
                left.remove(hit)
                score.right += 1
            else:
                score.errors.append(f"false {kind} at {place.box.x0:.0f}, {place.box.y0:.0f}")
        score.found, score.withheld = len(counted.matches), len(counted.withheld)
        score.withheld_right = sum(any(_same_place(place.box, one) for one in left) for place in counted.withheld)
        score.errors += [f"missed {kind} at {one.box.x0:.0f}, {one.box.y0:.0f}" for one in left]
        yield kind, score, seconds


def _same_place(box: Box, symbol: Drawn) -> bool:
    reach = 0.3 * max(symbol.box.width, symbol.box.height)
    x, y = box.x0 + box.x1 - symbol.box.x0 - symbol.box.x1, box.y0 + box.y1 - symbol.box.y0 - symbol.box.y1
    return abs(x) / 2 < reach and abs(y) / 2 < reach


def counts(styles: Sequence[Style], seeds: range, *, loose: float) -> Score:
    """Return the score of all symbols, half of the plans with labels."""
    total = Score()
    with tempfile.TemporaryDirectory() as folder:
        for style in styles:
            for seed in seeds:
                path = Path(folder, "plan.pdf")
                sheet = plan_document(path, style, seed, labelled=seed % 2 == 0)[0]
                for _, score, _ in count_all(pages_of(path)[0], sheet, random.Random(seed), loose=loose):
                    _add(total, score)
    return total


def _add(total: Score, score: Score) -> None:
    total.right += score.right
    total.expected += score.expected
    total.found += score.found
    total.withheld += score.withheld
    total.withheld_right += score.withheld_right
    total.errors += score.errors


def legends(styles: Sequence[Style], seeds: range) -> Score:
    """Return the score of the rows of legends, each with its name and the box about its symbol."""
    score = Score()
    with tempfile.TemporaryDirectory() as folder:
        for style in styles:
            for seed in seeds:
                path = Path(folder, "plan.pdf")
                sheet = plan_document(path, style, seed, count=10)[0]
                assert sheet.legend_box is not None
                entries = read_legend(pages_of(path)[0], sheet.legend_box)
                score.expected += len(sheet.legend)
                score.found += len(entries)
                for name, box in sheet.legend:
                    score.right += any(
                        entry.name == name and max(abs(a - b) for a, b in zip(entry.box, box, strict=True)) < 1.5
                        for entry in entries
                    )
    return score


def large_page(seed: int) -> tuple[int, list[float], Score]:
    """Return the segments of a large plan, the processor time of each count, and their score."""
    total, seconds = Score(), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plan.pdf")
        sheet = plan_document(path, STYLES[0], seed, labelled=True, count=400, hatch=100_000, large=True)[0]
        page = pages_of(path)[0]
        for _, score, used in count_all(page, sheet, random.Random(seed), loose=0.1):
            _add(total, score)
            seconds.append(used)
    return len(page.segments), seconds, total


def _row(name: str, value: float, bar: str, note: str = "", *, highest: bool = False) -> str:
    limit = BARS.get(bar)
    reached = "" if limit is None else "reached" if (value <= limit if highest else value >= limit) else "NOT REACHED"
    sign = "≤" if highest else "≥"
    return f"{name:<44} {value:>7.4f}  {f'{sign} {limit}' if limit else '':<8} {reached:<12} {note}"


def table(seeds: int, *, show: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    held = range(HELD_SEEDS, HELD_SEEDS + seeds)
    for place, styles in (("unseen seeds", STYLES), ("unseen style", (HELD_STYLE,))):
        for standard, write in (("IEC", iec_document), ("IEEE", ieee_document)):
            names, ratings = designators(write, styles, held)
            yield _row(f"{standard} designators, {place}: precision", names.precision, f"{standard} precision",
                       f"of {names.found}")  # fmt: skip
            yield _row(f"{standard} designators, {place}: recall", names.recall, f"{standard} recall",
                       f"of {names.expected}")  # fmt: skip
            yield _row(f"{standard} ratings, {place}: exact", ratings.recall, "ratings")
            yield from (f"    {error}" for error in (names.errors + ratings.errors if show else []))
        for box, loose in (("tight box", 0.0), ("loose box", 0.25)):
            score = counts(styles, held, loose=loose)
            note = f"withheld {score.withheld_rate:.2f}, right among them {score.withheld_right}"
            yield _row(f"count, {place}, {box}: precision", score.precision, "count precision", f"of {score.found}")
            yield _row(f"count, {place}, {box}: recall", score.recall, "count recall", note)
            yield from (f"    {error}" for error in (score.errors if show else []))
        score = legends(styles, held)
        yield _row(f"legend rows, {place}: recall", score.recall, "", f"precision {score.precision:.2f}")
    segments, seconds, score = large_page(HELD_SEEDS)
    note = f"{segments} segments; precision {score.precision:.3f}, recall {score.recall:.3f}"
    yield _row("count, large page: median seconds", statistics.median(seconds), "count median", note, highest=True)
    yield _row("count, large page: worst seconds", max(seconds), "count worst", highest=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="Sheets of each style.")
    parser.add_argument("--errors", action="store_true", help="Print each error.")
    arguments = parser.parse_args()
    for line in table(arguments.seeds, show=arguments.errors):
        print(line, flush=True)


if __name__ == "__main__":
    main()
