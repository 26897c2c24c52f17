"""Frame of a sheet: zones, and the title block."""

import random

from bench.sheets.pen import Pen
from drawing_engine.pages import Box


def frame(pen: Pen, chance: random.Random, number: str, title: str) -> None:
    """Draw a border with zones, and a title block in the bottom right corner."""
    width, height = pen.size
    pen.begin_page()
    pen.box(Box(14, 14, width - 14, height - 14))
    pen.box(Box(26, 26, width - 26, height - 26))
    for n in range(8):
        x = 26 + (n + 0.5) * (width - 52) / 8
        pen.text(x, 24, str(n + 1), 7)
    for n in range(6):
        pen.text(16, 26 + (n + 0.5) * (height - 52) / 6, "ABCDEF"[n], 7)
    block = Box(width - 26 - 330, height - 26 - 72, width - 26, height - 26)
    pen.box(block)
    for n in (1, 2):
        pen.line((block.x0, block.y0 + 24 * n), (block.x1, block.y0 + 24 * n))
    for x in (110, 220):
        pen.line((block.x0 + x, block.y0 + 24), (block.x0 + x, block.y1))
    revision = chance.choice(["A", "C2", "R3", "01"])
    cells = [
        (0, 0, "Title", title), (0, 1, "Drawn by", chance.choice(["K5", "M. Berg", "Q. Ito"])),
        (110, 1, "Date", f"2026-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}"), (220, 1, "Rev", revision),
        (0, 2, "Project", f"P{chance.randint(100, 999)}"), (110, 2, "Scale", "1:50"), (220, 2, "Sheet", number),
    ]  # fmt: skip
    for x, row, name, value in cells:
        pen.text(block.x0 + x + 3, block.y0 + 24 * row + 7, name, 5)
        pen.text(block.x0 + x + 3, block.y0 + 24 * row + 19, value, 9)
