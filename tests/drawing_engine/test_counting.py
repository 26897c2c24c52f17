"""Symbols counted by one exemplar."""

import random
from pathlib import Path

import numpy as np
import pytest

from bench.drawings import BARS, counts, legends
from bench.sheets.plan import plan_document
from bench.sheets.styles import STYLES
from drawing_engine.counting import Count, count_symbol
from drawing_engine.exemplars import NoSymbol, find_exemplar
from drawing_engine.legends import find_legends, read_legend
from drawing_engine.lines import LineIndex
from drawing_engine.pages import Box, Kind, Page, Word
from drawing_engine.poses import find_poses
from tests.support.drawing_files import read_page

#: A flag: pole, triangle, and a bar, 20 points high, without symmetry.
FLAG = np.array([(0, 0, 0, 20), (0, 0, 12, 5), (12, 5, 0, 9), (-5, 20, 3, 20)], float)

#: A box about a flag at (100, 100).
AROUND_FLAG = Box(94, 99, 113, 121)


def at(x: float, y: float, *, turns: int = 0, mirrored: bool = False) -> np.ndarray:
    points = FLAG.reshape(-1, 2) * ((-1, 1) if mirrored else (1, 1))
    for _ in range(turns):
        points = np.stack([-points[:, 1], points[:, 0]], 1)
    return (points + np.array((x, y))).reshape(-1, 4)


def page_of(*parts: np.ndarray, words: tuple[Word, ...] = (), title: str = "", kind: Kind = Kind.VECTOR_TEXT) -> Page:
    segments = np.concatenate(parts) if parts else np.empty((0, 4))
    return Page(
        0, 1000, 800, segments=segments.astype(np.float32), words=words, sheet_title=title, kind=kind
    )  # fmt: skip


def counted(page: Page, box: Box = AROUND_FLAG, **options: object) -> Count:
    return count_symbol(find_exemplar(page, box), page, **options)  # type: ignore[arg-type]


def word(text: str, x: float, y: float) -> Word:
    return Word(text, Box(x, y, x + 5 * len(text), y + 8))


def test_generated_plans_reach_the_bars() -> None:
    score = counts(STYLES[1:3], range(100, 102), loose=0.25)
    assert score.expected > 200
    assert score.precision >= BARS["count precision"], score.errors
    assert score.recall >= BARS["count recall"], score.errors


def test_symbol_is_found_turned_and_mirrored_and_the_exemplar_counts_once() -> None:
    parts = [at(100 + 60 * turns, 100 + 100 * mirrored, turns=turns, mirrored=bool(mirrored))
             for turns in range(4) for mirrored in range(2)]  # fmt: skip
    page = page_of(*parts)
    found = counted(page)
    assert len(found.matches) == 8 and not found.withheld and found.complete
    assert {(place.turns, place.mirrored) for place in found.matches} == {
        (t, m) for t in range(4) for m in (False, True)
    }
    assert len(counted(page, rotate=False, mirror=False).matches) == 1
    assert len(counted(page, mirror=False).matches) == 4


def test_wires_that_touch_or_cross_do_not_matter() -> None:
    wire = np.array([(0, 120, 400, 120), (312, 105, 400, 60), (290, 110, 330, 110)], float)
    assert len(counted(page_of(at(100, 100), at(300, 100), wire)).matches) == 2


def test_symbol_of_parallel_bars_is_not_its_longest_bar() -> None:
    # An earth: its bars touch nothing but the wire. Bars of the same length are parts of other symbols.
    earth = np.array([(-9, 0, 9, 0), (-6, 4, 6, 4), (-2, 8, 2, 8)], float)
    wire, bar = np.array([(0, -60, 0, 0)], float), np.array([(-9, 0, 9, 0)], float)
    earths = [part + np.tile((100 + 80 * n, 100), 2) for n in range(3) for part in (earth, wire)]
    others = [bar + np.tile((100 + 40 * n, 300), 2) for n in range(12)]
    found = counted(page_of(*earths, *others), Box(88, 96, 112, 112))
    assert sorted(round(place.box.x0) for place in found.matches) == [91, 171, 251]


def test_incomplete_symbol_is_withheld_with_its_share() -> None:
    found = counted(page_of(at(100, 100), at(300, 100)[:3]))
    assert len(found.matches) == 1
    assert [place.reason for place in found.withheld] == ["Only 85% of the symbol's lines are there."]


def test_larger_symbol_that_contains_the_lines_is_withheld() -> None:
    ring = np.array([(312, 105, 320, 105), (320, 105, 320, 112), (320, 112, 312, 105)], float)
    found = counted(page_of(at(100, 100), at(300, 100), ring))
    assert len(found.matches) == 1
    assert found.withheld[0].reason.startswith("It has more lines than the exemplar")


def test_labels_decide_in_a_labelled_family() -> None:
    parts = [at(100 + 80 * n, 100) for n in range(6)]
    labels = [word(f"S{n + 1}", 105 + 80 * n, 123) for n in range(4)] + [word("H5", 425, 123)]
    found = counted(page_of(*parts, words=tuple(labels)))
    assert [place.label for place in found.matches] == ["S1", "S2", "S3", "S4"]
    assert [place.reason for place in found.withheld] == [
        'Its label is "H5"; the others begin with S.', "It has no label; the others begin with S.",
    ]  # fmt: skip


def test_letters_inside_a_symbol_belong_to_it() -> None:
    frame = np.array([(0, 0, 20, 0), (20, 0, 20, 20), (20, 20, 0, 20), (0, 20, 0, 0), (0, 20, 8, 30)], float)
    page = page_of(
        frame + 100, frame + np.array([200, 100, 200, 100]), words=(word("M", 107, 106), word("G", 207, 106))
    )
    found = counted(page, Box(99, 99, 121, 131))
    assert len(found.matches) == 1 and not found.withheld


def test_strokes_of_text_in_the_box_are_not_part_of_the_symbol() -> None:
    strokes = np.array([(108, 102, 108, 108), (108, 105, 112, 108)], float)
    page = page_of(at(100, 100), at(300, 100), strokes, words=(word("K", 107.5, 101),))
    assert len(find_exemplar(page, Box(94, 99, 114, 121)).shape.segments) == 4


@pytest.mark.parametrize("title", ["Legend", "Luminaire schedule", "DETAILS"])
def test_sheets_that_show_nothing_installed_are_counted_on_request_only(title: str) -> None:
    page = page_of(at(100, 100), title=title)
    assert title in counted(page).refusal and not counted(page).matches
    assert len(counted(page, all_sheets=True).matches) == 1


def test_scan_is_refused_with_a_sentence() -> None:
    scan = page_of(kind=Kind.RASTER)
    exemplar = find_exemplar(page_of(at(100, 100)), Box(94, 99, 113, 121))
    assert "is a scan" in count_symbol(exemplar, scan).refusal
    with pytest.raises(NoSymbol, match="is a scan"):
        find_exemplar(scan, Box(0, 0, 100, 100))


@pytest.mark.parametrize("box", [Box(500, 500, 600, 600), Box(-1e9, -1e9, -5e8, -5e8), Box(99, 101, 101, 119)])
def test_box_without_a_whole_line_is_refused(box: Box) -> None:
    with pytest.raises(NoSymbol, match="no line"):
        find_exemplar(page_of(at(100, 100)), box)


def test_box_around_a_whole_drawing_is_refused() -> None:
    chance = np.random.default_rng(1)
    with pytest.raises(NoSymbol, match="closely around one symbol"):
        find_exemplar(page_of(chance.uniform(0, 800, (3000, 4))), Box(0, 0, 1000, 800))


def test_search_that_reaches_its_limit_is_incomplete() -> None:
    page = page_of(*(at(30 + 40 * (n % 20), 30 + 40 * (n // 20)) for n in range(300)))
    exemplar = find_exemplar(page, Box(24, 29, 43, 51))
    assert not find_poses(exemplar.shape, LineIndex(page.segments), seconds=0.0).complete
    assert find_poses(exemplar.shape, LineIndex(page.segments), seconds=60).complete


def test_legend_gives_names_and_exemplars_which_are_not_counted(tmp_path: Path) -> None:
    score = legends(STYLES[:1], range(101, 102))
    assert score.precision == score.recall == 1.0
    path = tmp_path / "plan.pdf"
    sheet = plan_document(path, STYLES[0], 101, count=40)[0]
    page = read_page(path)
    areas = find_legends(page)
    entry = next(one for one in read_legend(page, sheet.legend_box) if one.name == "Luminaire, ceiling")  # type: ignore[arg-type]
    wanted = [one for one in sheet.symbols if one.kind == "luminaire" and not one.trap]
    found = count_symbol(find_exemplar(page, entry.box), page, legends=areas)
    assert len(found.matches) == len(wanted)
    assert [place.reason for place in found.withheld] == ["It lies in a legend."]


def test_legend_of_nothing_has_no_rows() -> None:
    assert read_legend(page_of(), Box(0, 0, 100, 100)) == []
    assert read_legend(page_of(at(100, 100), words=(word("Flag", 130, 105),)), Box(0, 0, 50, 50)) == []


def test_random_lines_are_searched_in_bounded_time() -> None:
    chance = random.Random(3)
    noise = np.array([[chance.uniform(0, 1000) for _ in range(4)] for _ in range(20_000)])
    found = counted(page_of(noise + 2000, at(100, 100), at(300, 300, turns=1)), seconds=5)
    assert len(found.matches) == 2
