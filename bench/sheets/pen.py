"""A page on which symbols, wires and texts are drawn, in points from the top left corner."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from bench.sheets.styles import Style
from drawing_engine.pages import Box

Point = tuple[float, float]
#: Paper sizes, landscape.
A4, A3, A1 = (842.0, 595.0), (1191.0, 842.0), (2384.0, 1684.0)


class Placing:
    """A place of a symbol: its centre, quarter turns clockwise after mirroring (left to right), and its scale."""

    def __init__(self, x: float, y: float, *, turns: int = 0, mirrored: bool = False, scale: float = 1) -> None:
        self.x, self.y, self.turns, self.mirrored, self.scale = x, y, turns % 4, mirrored, scale

    def point(self, x: float, y: float) -> Point:
        if self.mirrored:
            x = -x
        for _ in range(self.turns):
            x, y = -y, x
        return self.x + x * self.scale, self.y + y * self.scale


class Pen:
    """Draws pages of one PDF file."""

    def __init__(self, path: Path, style: Style, size: Point = A3, *, outlines: bool = False) -> None:
        self.style, self.size, self.outlines = style, size, outlines
        self._canvas = Canvas(str(path), pagesize=size, pageCompression=1, invariant=1)
        self._canvas.setTitle("Generated sheet")

    def begin_page(self) -> None:
        """Set what holds for one page; the first thing drawn on it."""
        self._canvas.setLineWidth(self.style.stroke)

    def end_page(self) -> None:
        self._canvas.showPage()

    def save(self) -> None:
        self._canvas.save()

    def _up(self, point: Point) -> Point:
        return point[0], self.size[1] - point[1]

    def line(self, *points: Point) -> None:
        """Draw a polyline."""
        path = self._canvas.beginPath()
        path.moveTo(*self._up(points[0]))
        for point in points[1:]:
            path.lineTo(*self._up(point))
        self._canvas.drawPath(path)

    def lines(self, pieces: Iterable[tuple[Point, Point]]) -> None:
        """Draw separate lines as one path."""
        path = self._canvas.beginPath()
        for start, end in pieces:
            path.moveTo(*self._up(start))
            path.lineTo(*self._up(end))
        self._canvas.drawPath(path)

    def closed(self, points: Sequence[Point], *, filled: bool = False) -> None:
        path = self._canvas.beginPath()
        path.moveTo(*self._up(points[0]))
        for point in points[1:]:
            path.lineTo(*self._up(point))
        path.close()
        self._canvas.drawPath(path, stroke=1, fill=int(filled))

    def box(self, box: Box) -> None:
        corners = [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)]
        if self.style.boxes == "lines":
            for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
                self.line(start, end)
        else:
            x, y = self._up((box.x0, box.y1))
            self._canvas.rect(x, y, box.width, box.height)

    def circle(self, x: float, y: float, radius: float, *, filled: bool = False) -> None:
        if isinstance(self.style.circles, int):
            sides = self.style.circles
            turn = 2 * math.pi / sides
            self.closed(
                [(x + radius * math.cos(turn * n), y + radius * math.sin(turn * n)) for n in range(sides)],
                filled=filled,
            )
        else:
            self._canvas.circle(*self._up((x, y)), radius, stroke=1, fill=int(filled))

    def curve(self, *points: Point) -> None:
        """Draw one cubic Bézier of four points."""
        path = self._canvas.beginPath()
        path.moveTo(*self._up(points[0]))
        path.curveTo(*self._up(points[1]), *self._up(points[2]), *self._up(points[3]))
        self._canvas.drawPath(path)

    def width(self, text: str, size: float) -> float:
        return float(pdfmetrics.stringWidth(text, self.style.font, size))

    def text(self, x: float, y: float, text: str, size: float, *, letters: bool = False, upright: bool = True) -> Box:
        """Draw a text whose baseline begins at (x, y); return a box about it.

        Args:
            letters: draw each character by itself.
            upright: if not, the text reads from the bottom to the top.
        """
        width = self.width(text, size)
        box = Box(x, y - 0.75 * size, x + width, y) if upright else Box(x - 0.75 * size, y - width, x, y)
        if self.outlines:
            self._outlined(box, text, upright=upright)
            return box
        self._canvas.setFont(self.style.font, size)
        if not upright:
            self._canvas.saveState()
            self._canvas.translate(*self._up((x, y)))
            self._canvas.rotate(90)
            self._canvas.drawString(0, 0, text)
            self._canvas.restoreState()
        elif letters:
            for character in text:
                self._canvas.drawString(*self._up((x, y)), character)
                x += self.width(character, size)
        else:
            self._canvas.drawString(*self._up((x, y)), text)
        return box

    def _outlined(self, box: Box, text: str, *, upright: bool) -> None:
        """Draw strokes in place of characters: a zigzag for each, within the text's box."""
        count = max(1, len(text))
        for n in range(count):
            if upright:
                step = box.width / count
                x0, x1 = box.x0 + n * step, box.x0 + (n + 0.8) * step
                self.line((x0, box.y1), (x0, box.y0), (x1, (box.y0 + box.y1) / 2), (x1, box.y1))
            else:
                step = box.height / count
                y0, y1 = box.y1 - n * step, box.y1 - (n + 0.8) * step
                self.line((box.x1, y0), (box.x0, y0), ((box.x0 + box.x1) / 2, y1), (box.x1, y1))

    def image(self, path: Path) -> None:
        """Cover the page with an image."""
        self._canvas.drawImage(str(path), 0, 0, *self.size)
