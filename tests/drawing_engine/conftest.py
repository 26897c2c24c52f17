"""Fixtures of the drawing engine's tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

Draw = Callable[[Canvas], object]


@pytest.fixture
def pdf(tmp_path: Path) -> Callable[..., Path]:
    """Make a PDF file: each argument draws one page."""

    def make(*pages: Draw, size: tuple[float, float] = (1191, 842)) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.pdf"
        canvas = Canvas(str(path), pagesize=size)
        for draw in pages:
            draw(canvas)
            canvas.showPage()
        canvas.save()
        return path

    return make
