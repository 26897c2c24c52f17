"""Drawings of symbols as polylines, which training and evaluation draw with. Units are free; y points down."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from drawing_engine.classifier.letters import letter_strokes

Points = npt.NDArray[np.float64]
#: Two points of a line, as x0, y0, x1, y1.
Ends = tuple[float, float, float, float]


@dataclass
class Drawing:
    """Strokes, and areas that may be filled.

    Attributes:
        strokes: polylines of (n, 2) points.
        areas: closed polygons, also among the strokes, which a drawing may show filled.
        filled: closed polygons that are always filled.
    """

    strokes: list[Points] = field(default_factory=list)
    areas: list[Points] = field(default_factory=list)
    filled: list[Points] = field(default_factory=list)

    def line(self, *points: tuple[float, float]) -> None:
        """Add a polyline."""
        self.strokes.append(np.array(points, float))

    def lines(self, *ends: Ends) -> None:
        """Add straight lines."""
        for x0, y0, x1, y1 in ends:
            self.line((x0, y0), (x1, y1))

    def polygon(self, *points: tuple[float, float], area: bool = False, filled: bool = False) -> None:
        """Add a closed polygon; an area may be shown filled, a filled one always is."""
        outline = np.array([*points, points[0]], float)
        self.strokes.append(outline)
        if filled:
            self.filled.append(outline)
        elif area:
            self.areas.append(outline)

    def box(self, x: float, y: float, width: float, height: float, *, filled: bool = False) -> None:
        """Add a rectangle about its centre."""
        w, h = width / 2, height / 2
        self.polygon((x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h), filled=filled)

    def arc(self, x: float, y: float, radius: float, start: float, end: float, *, flat: float = 1.0) -> None:
        """Add an arc of a circle, from one angle to another in degrees, its height multiplied by `flat`."""
        turns = np.radians(np.linspace(start, end, max(6, int(abs(end - start) / 12))))
        self.strokes.append(np.stack([x + radius * np.cos(turns), y + radius * flat * np.sin(turns)], 1))

    def circle(self, x: float, y: float, radius: float, *, area: bool = False, filled: bool = False) -> None:
        """Add a circle."""
        self.arc(x, y, radius, 0, 360)
        if filled:
            self.filled.append(self.strokes[-1])
        elif area:
            self.areas.append(self.strokes[-1])

    def letters(self, text: str, x: float, y: float, height: float) -> None:
        """Add a text of plain strokes about its centre."""
        for stroke in letter_strokes(text):
            self.strokes.append(stroke * height + (x, y))

    def arrow(self, x0: float, y0: float, x1: float, y1: float, *, head: float = 0.12, filled: bool = True) -> None:
        """Add a line with an arrow head at its end."""
        self.line((x0, y0), (x1, y1))
        along = np.array([x1 - x0, y1 - y0]) / (np.hypot(x1 - x0, y1 - y0) or 1)
        across = np.array([-along[1], along[0]])
        tip = np.array([x1, y1])
        wings = [tip - head * along + head * 0.5 * across, tip, tip - head * along - head * 0.5 * across]
        self.strokes.append(np.array(wings))
        if filled:
            self.filled.append(np.array([*wings, wings[0]]))

    def moved(self, matrix: Points) -> "Drawing":
        """Return the drawing, transformed by a 2 × 2 matrix."""
        strokes, areas, filled = (
            [points @ matrix.T for points in many] for many in (self.strokes, self.areas, self.filled)
        )
        return Drawing(strokes, areas, filled)

    def add(self, strokes: Sequence[Points]) -> None:
        """Add strokes."""
        self.strokes.extend(strokes)


def segments_of(drawing: Drawing) -> npt.NDArray[np.float32]:
    """Return the straight pieces of the strokes, (n, 4), as a page's segments."""
    pieces = [np.concatenate([stroke[:-1], stroke[1:]], 1) for stroke in drawing.strokes if len(stroke) > 1]
    return np.concatenate(pieces).astype(np.float32) if pieces else np.zeros((0, 4), np.float32)
