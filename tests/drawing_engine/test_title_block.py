"""The number and the title of a sheet in title blocks of several layouts."""

import pytest

from drawing_engine.pages import Box, Word
from drawing_engine.title_block import Title, read_title_block

#: Text, x, y of the upper left corner, height. The sheet is 1191 x 842 pt.
Texts = list[tuple[str, float, float, float]]

LABELS_ABOVE: Texts = [
    ("DRAWING TITLE", 900, 730, 6),
    ("GROUND FLOOR", 900, 740, 11),
    ("LIGHTING PLAN", 900, 752, 11),
    ("SCALE", 900, 790, 6),
    ("1:100", 900, 800, 9),
    ("DATE", 960, 790, 6),
    ("2026-03-01", 960, 800, 9),
    ("SHEET NO.", 1100, 790, 6),
    ("E-101", 1100, 800, 16),
    ("REV", 1160, 790, 6),
    ("C", 1160, 800, 9),
]
LABELS_BESIDE: Texts = [
    ("Title:", 800, 760, 8),
    ("Motor control circuit", 850, 760, 8),
    ("Drawing No.", 800, 775, 8),
    ("4711-03", 850, 775, 8),
    ("Sheet 3 of 12", 1100, 775, 8),
    ("Drawn by", 800, 790, 8),
    ("J. Smith", 850, 790, 8),
]
GERMAN: Texts = [
    ("Benennung", 700, 780, 5),
    ("Einspeisung und Steuerung", 700, 787, 9),
    ("Zeichnungs-Nr.", 900, 780, 5),
    ("ES-2026/17", 900, 787, 9),
    ("Blatt", 1120, 780, 5),
    ("7", 1120, 787, 9),
    ("gez.", 600, 780, 5),
    ("Mü", 600, 787, 9),
]
RIGHT_STRIP: Texts = [
    ("PROJECT", 1080, 400, 6),
    ("Water works", 1080, 408, 10),
    ("SHEET TITLE", 1080, 600, 6),
    ("ONE-LINE DIAGRAM", 1080, 608, 10),
    ("SHEET NUMBER", 1080, 760, 6),
    ("E2.01", 1080, 770, 24),
]
NO_LABELS: Texts = [
    ("General notes apply.", 900, 700, 7),
    ("See detail 4.", 900, 712, 7),
    ("POWER PLAN LEVEL 2", 950, 770, 14),
    ("A. Architect", 950, 790, 7),
    ("E-203", 1120, 800, 22),
]


def words(texts: Texts) -> tuple[Word, ...]:
    """Return the words of texts, each character half as wide as it is high."""
    result = []
    for text, x, y, height in texts:
        for word in text.split(" "):
            result.append(Word(word, Box(x, y, x + 0.5 * height * len(word), y + height)))
            x += 0.5 * height * (len(word) + 0.6)
    return tuple(result)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (LABELS_ABOVE, Title("E-101", "GROUND FLOOR LIGHTING PLAN")),
        (LABELS_BESIDE, Title("3", "Motor control circuit")),
        (GERMAN, Title("7", "Einspeisung und Steuerung")),
        (RIGHT_STRIP, Title("E2.01", "ONE-LINE DIAGRAM")),
        (NO_LABELS, Title("E-203", "POWER PLAN LEVEL 2")),
    ],
    ids=["above", "beside", "german", "strip", "no_labels"],
)
def test_title_block_is_read(texts: Texts, expected: Title) -> None:
    assert read_title_block(words(texts), 1191, 842) == expected


def test_words_elsewhere_are_not_a_title_block() -> None:
    drawing = [
        ("SHEET", 100, 100, 6),
        ("E-9", 100, 110, 16),
        ("-K1", 1100, 700, 8),
        ("K2", 1000, 800, 8),
        ("R12", 900, 800, 8),
    ]
    assert read_title_block(words(drawing), 1191, 842) == Title()


def test_sheet_without_words_has_no_title() -> None:
    assert read_title_block((), 1191, 842) == Title()
