"""Components that the text of a page names."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.drawings import BARS, designators
from bench.sheets.schematic import iec_document, ieee_document
from bench.sheets.styles import STYLES
from drawing_engine.component_classes import Standard
from drawing_engine.designators import Designation, find_designations
from drawing_engine.pages import Box, Page, Word
from drawing_engine.ratings import parse_rating
from tests.support.drawing_files import read_page

Pdf = Callable[..., Path]


def page_of(*lines: tuple[float, float, str]) -> Page:
    """Return a page with lines of text, each at x and the baseline y, 10 points high."""
    words = []
    for x, y, line in lines:
        for text in line.split():
            words.append(Word(text, Box(x, y - 8, x + 5 * len(text), y + 2)))
            x += 5 * len(text) + 3
    return Page(0, 1000, 800, words=tuple(words))


def named(page: Page, standard: Standard = Standard.AUTO) -> dict[str, Designation]:
    return {found.designator: found for found in find_designations(page, standard)}


@pytest.mark.parametrize(("standard", "write"), [("IEC", iec_document), ("IEEE", ieee_document)])
def test_generated_sheets_reach_the_bars(standard: str, write: Callable[..., object]) -> None:
    names, ratings = designators(write, STYLES, range(100, 101))  # type: ignore[arg-type]
    assert names.expected > 100
    assert names.precision >= BARS[f"{standard} precision"], names.errors
    assert names.recall >= BARS[f"{standard} recall"], names.errors
    assert ratings.recall >= BARS["ratings"], ratings.errors


def test_sheet_with_dashes_follows_iec_so_pins_and_ratings_are_no_components() -> None:
    found = named(page_of((100, 100, "-K1"), (100, 112, "24 VDC"), (300, 100, "A1"), (400, 100, "-Q2 C16")))
    assert set(found) == {"-K1", "-Q2"}
    assert found["-K1"].component_class == "relay" and found["-K1"].rating == ("24 VDC", 24, "V")
    assert found["-Q2"].rating == ("C16", 16, "A")


def test_sheet_without_dashes_follows_ieee() -> None:
    found = named(page_of((100, 100, "C16"), (100, 112, "100nF"), (300, 100, "R2 4k7")))
    assert found["C16"].component_class == "capacitor" and found["C16"].rating == ("100nF", 1e-7, "F")
    assert found["R2"].rating == ("4k7", 4700, "Ω")


def test_designators_keep_their_context_and_lose_their_terminal() -> None:
    found = named(page_of((100, 100, "=A1+S1-KF2:13"), (300, 100, "\N{EN DASH}X1:4"), (500, 100, "-A1-K7")))
    assert list(found) == ["=A1+S1-KF2", "-X1", "-A1-K7"]
    assert [one.prefix for one in found.values()] == ["KF", "X", "K"]


def test_sentences_mention_components_without_naming_them() -> None:
    assert not named(page_of((100, 100, "NOTE: REPLACE R1 AND R2 IN PAIRS")))


def test_each_rating_belongs_to_one_designator_the_nearest() -> None:
    found = named(page_of((100, 100, "R1"), (100, 112, "10k"), (100, 140, "R2"), (100, 152, "22k"), (100, 180, "R3")))
    assert [one.rating and one.rating.raw for one in found.values()] == ["10k", "22k", None]


def test_names_on_wires_are_nets(pdf: Pdf) -> None:
    def draw(canvas):  # type: ignore[no-untyped-def]
        canvas.drawString(100, 500, "D3")
        canvas.line(80, 498, 200, 498)
        canvas.drawString(100, 400, "D4")

    assert [found.designator for found in find_designations(read_page(pdf(draw)))] == ["D4"]


def test_page_without_words_has_no_components() -> None:
    assert find_designations(Page(0, 1000, 800)) == []


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [("16A", 16, "A"), ("2,5 mm²", 2.5, "mm²"), ("5x1.5mm²", 1.5, "mm²"), ("10k", 10e3, ""), ("4R7", 4.7, "Ω"),
     ("2n2", 2.2e-9, ""), ("24VDC", 24, "V"), ("0,75kW", 750, "W"), ("16MHz", 16e6, "Hz"), ("14AWG", 14, "AWG"),
     ("100nF/50V", 1e-7, "F")],
)  # fmt: skip
def test_rating_has_its_value_in_the_unit(text: str, value: float, unit: str) -> None:
    rating = parse_rating(text)
    assert rating is not None and rating.unit == unit and rating.value == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "A", "C16", "13", "1:50", "2026-05-18", "IP44", "A" * 10_000, "9" * 10_000])
def test_other_texts_are_no_ratings(text: str) -> None:
    assert parse_rating(text) is None
