"""Words and paths of generated sheets are what was drawn: each word at its place, each path with its points."""

import random
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from reportlab.lib.pagesizes import A2, A3, A4, landscape
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from drawing_engine.pages import Page
from tests.support.drawing_files import read

SHEETS = 20
FONTS = ("Helvetica", "Helvetica-Bold", "Times-Roman", "Courier")
TEXTS = ("-K{n}", "-F{n}:1", "=A1+B2-Q{n}", "24VDC", "3x1.5mm²", "R{n}", "10kR", "MOTOR-{n}", "Ø{n}")


class Truth(NamedTuple):
    """Words and paths as drawn, with the origin at the top left.

    Attributes:
        words: text, x0, baseline, x1.
        paths: points of each path; a curve's are its ends.
    """

    words: list[tuple[str, float, float, float]]
    paths: list[list[tuple[float, float]]]


def sheet(canvas: Canvas, size: tuple[float, float], seed: int) -> Truth:
    """Draw symbols on a grid, so that words do not touch; return what was drawn."""
    chance, (width, height) = random.Random(seed), size
    words, paths = [], []

    def line(*points: tuple[float, float]) -> None:
        path = canvas.beginPath()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        canvas.drawPath(path)
        paths.append([(x, height - y) for x, y in points])

    for column in range(int((width - 60) // 120)):
        for row in range(int(height // 80)):
            x, y = 120 * column + chance.uniform(5, 15), 80 * row + chance.uniform(15, 25)
            canvas.setLineWidth(chance.choice((0.2, 0.5, 1)))
            line((x, y), (x + chance.uniform(5, 30), y))
            line((x, y + 5), (x + 9, y + chance.uniform(9, 30)), (x + 20, y + 5))
            canvas.rect(x, y + 30, 12, 9)
            bottom, top = height - y - 30, height - y - 39
            paths.append([(x, bottom), (x + 12, bottom), (x + 12, top), (x, top), (x, bottom)])
            font, points = chance.choice(FONTS), chance.choice((4, 6, 8, 10))
            canvas.setFont(font, points)
            text = " ".join(chance.choice(TEXTS).format(n=chance.randrange(999)) for _ in range(chance.randint(1, 2)))
            canvas.drawString(x + 25, y + 30, text)
            start = x + 25
            for word in text.split(" "):
                length = stringWidth(word, font, points)
                words.append((word, start, height - y - 30, start + length))
                start += length + stringWidth(" ", font, points)
    return Truth(words, paths)


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Truth]]:
    path = tmp_path_factory.mktemp("truth") / "sheets.pdf"
    canvas, truths = Canvas(str(path)), []
    for number in range(SHEETS):
        size = landscape((A4, A3, A2)[number % 3])
        canvas.setPageSize(size)
        truths.append(sheet(canvas, size, number))
        canvas.showPage()
    canvas.save()
    return path, truths


def test_words_and_paths_are_what_was_drawn(drawing: tuple[Path, list[Truth]]) -> None:
    path, truths = drawing
    pages = read(path)
    assert len(pages) == SHEETS
    for page, truth in zip(pages, truths, strict=True):
        assert isinstance(page, Page)
        compare(page, truth)


def compare(page: Page, truth: Truth) -> None:
    assert sorted(word.text for word in page.words) == sorted(word[0] for word in truth.words)
    for text, x0, baseline, x1 in truth.words:
        same = [word.box for word in page.words if word.text == text]
        found = [
            box for box in same if abs(box.x0 - x0) < 0.2 and abs(box.x1 - x1) < 0.2 and box.y0 < baseline < box.y1
        ]
        assert len(found) == 1 and found[0].height < 16, (text, x0, baseline, same)
    assert len(page.paths) == len(truth.paths)
    for index, points in enumerate(truth.paths):
        segments = page.segments[page.segment_path == index]
        expected = np.array([[*one, *other] for one, other in pairwise(points)])
        assert segments.shape == expected.shape and np.allclose(segments, expected, atol=0.01)
