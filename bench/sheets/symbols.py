"""Symbols of generated sheets, in units of a symbol's size, with the centre at (0, 0) and y downwards."""

import math
from collections.abc import Callable

from bench.sheets.pen import Pen, Placing, Point
from drawing_engine.pages import Box

Draw = Callable[["Brush"], None]


class Brush:
    """Draws shapes of one symbol on a pen's page; keeps the box about them."""

    def __init__(self, pen: Pen, placing: Placing) -> None:
        self.pen, self.placing, self.slim = pen, placing, pen.style.slimness
        self._points: list[Point] = []

    @property
    def box(self) -> Box:
        xs, ys = zip(*self._points, strict=True)
        return Box(min(xs), min(ys), max(xs), max(ys))

    def at(self, x: float, y: float) -> Point:
        point = self.placing.point(x, y)
        self._points.append(point)
        return point

    def line(self, *points: Point) -> None:
        self.pen.line(*(self.at(*point) for point in points))

    def closed(self, *points: Point, filled: bool = False) -> None:
        self.pen.closed([self.at(*point) for point in points], filled=filled)

    def rectangle(self, x0: float, y0: float, x1: float, y1: float) -> None:
        first, second = self.at(x0, y0), self.at(x1, y1)
        self.pen.box(Box(min(first[0], second[0]), min(first[1], second[1]),
                         max(first[0], second[0]), max(first[1], second[1])))  # fmt: skip

    def circle(self, x: float, y: float, radius: float, *, filled: bool = False) -> None:
        for dx, dy in ((-radius, -radius), (radius, radius)):
            self.at(x + dx, y + dy)
        self.pen.circle(*self.placing.point(x, y), radius * self.placing.scale, filled=filled)

    def half_circle(self, x: float, y: float, radius: float) -> None:
        """Draw the upper half of a circle."""
        if isinstance(self.pen.style.circles, int):
            count = self.pen.style.circles // 2
            turn = math.pi / count
            self.line(*((x - radius * math.cos(turn * n), y - radius * math.sin(turn * n)) for n in range(count + 1)))
            return
        bend = 0.5523 * radius
        for side in (-1, 1):
            self.pen.curve(self.at(x + side * radius, y), self.at(x + side * radius, y - bend),
                           self.at(x + side * bend, y - radius), self.at(x, y - radius))  # fmt: skip

    def letters(self, text: str) -> None:
        """Draw an upright text at the centre."""
        size = 0.62 * self.placing.scale
        self.pen.text(self.placing.x - self.pen.width(text, size) / 2, self.placing.y + 0.36 * size, text, size)


def _legs(brush: Brush, reach: float) -> None:
    """Draw the two pins of a symbol that lies between (0, -reach) and (0, reach)."""
    brush.line((0, -1), (0, -reach))
    brush.line((0, reach), (0, 1))


def resistor(brush: Brush) -> None:
    brush.rectangle(-0.22 * brush.slim, -0.6, 0.22 * brush.slim, 0.6)
    _legs(brush, 0.6)


def zigzag(brush: Brush) -> None:
    xs = [0, *[0.25 * brush.slim * (-1) ** n for n in range(6)], 0]
    brush.line((0, -1), *((x, -0.6 + 1.2 * n / 7) for n, x in enumerate(xs)), (0, 1))


def capacitor(brush: Brush) -> None:
    brush.line((-0.5, -0.12), (0.5, -0.12))
    brush.line((-0.5, 0.12), (0.5, 0.12))
    _legs(brush, 0.12)


def inductor(brush: Brush) -> None:
    brush.line((0, -1), (0, -0.6))
    for n in range(4):
        y = -0.6 + 0.3 * n
        brush.pen.curve(brush.at(0, y), brush.at(0.28 * brush.slim, y), brush.at(0.28 * brush.slim, y + 0.3),
                        brush.at(0, y + 0.3))  # fmt: skip
    brush.line((0, 0.6), (0, 1))


def diode(brush: Brush) -> None:
    width = 0.38 * brush.slim
    brush.closed((-width, -0.3), (width, -0.3), (0, 0.3))
    brush.line((-width, 0.3), (width, 0.3))
    _legs(brush, 0.3)


def fuse(brush: Brush) -> None:
    brush.rectangle(-0.2 * brush.slim, -0.5, 0.2 * brush.slim, 0.5)
    brush.line((0, -1), (0, 1))


def breaker(brush: Brush) -> None:
    brush.line((0, -1), (0, -0.4))
    brush.line((-0.12, -0.52), (0.12, -0.28))
    brush.line((-0.12, -0.28), (0.12, -0.52))
    brush.line((0, 0.45), (-0.42 * brush.slim, -0.35))
    brush.line((0, 0.45), (0, 1))


def contact(brush: Brush) -> None:
    brush.line((0, -1), (0, -0.4))
    brush.line((0, 0.45), (-0.42 * brush.slim, -0.4))
    brush.line((0, 0.45), (0, 1))


def closed_contact(brush: Brush) -> None:
    brush.line((0, -1), (0, -0.4), (0.4 * brush.slim, -0.4))
    brush.line((0, 0.45), (0.34 * brush.slim, -0.5))
    brush.line((0, 0.45), (0, 1))


def button(brush: Brush) -> None:
    contact(brush)
    brush.line((-0.22, 0), (-0.8, 0))
    brush.line((-0.7, -0.2), (-0.8, -0.2), (-0.8, 0.2), (-0.7, 0.2))


def coil(brush: Brush) -> None:
    brush.rectangle(-0.6 * brush.slim, -0.32, 0.6 * brush.slim, 0.32)
    _legs(brush, 0.32)


def lamp(brush: Brush) -> None:
    brush.circle(0, 0, 0.45)
    reach = 0.45 * math.sqrt(0.5)
    brush.line((-reach, -reach), (reach, reach))
    brush.line((-reach, reach), (reach, -reach))
    _legs(brush, 0.45)


def motor(brush: Brush) -> None:
    brush.circle(0, 0, 0.6)
    brush.letters("M")
    _legs(brush, 0.6)


def transformer(brush: Brush) -> None:
    brush.circle(0, -0.25, 0.4)
    brush.circle(0, 0.25, 0.4)
    _legs(brush, 0.65)


def battery(brush: Brush) -> None:
    brush.line((-0.5, -0.1), (0.5, -0.1))
    brush.line((-0.25, 0.1), (0.25, 0.1))
    _legs(brush, 0.1)


def transistor(brush: Brush) -> None:
    brush.circle(0.05, 0, 0.6)
    brush.line((-0.2, -0.35), (-0.2, 0.35))
    brush.line((-1, 0), (-0.2, 0))
    brush.line((-0.2, -0.12), (0.25, -0.4), (0.25, -1))
    brush.line((-0.2, 0.12), (0.25, 0.4), (0.25, 1))


# Floor plans: a wall is at y = 0.5, below the symbol.


def socket(brush: Brush) -> None:
    brush.half_circle(0, 0.3, 0.4)
    brush.line((-0.4, 0.3), (0.4, 0.3))
    brush.line((0, -0.1), (0, -0.5))


def double_socket(brush: Brush) -> None:
    brush.half_circle(0, 0.3, 0.4)
    brush.line((-0.4, 0.3), (0.4, 0.3))
    brush.line((-0.12, -0.08), (-0.12, -0.5))
    brush.line((0.12, -0.08), (0.12, -0.5))


def grounded_socket(brush: Brush) -> None:
    socket(brush)
    brush.line((-0.4, -0.1), (0.4, -0.1))


def light_switch(brush: Brush) -> None:
    brush.circle(0, 0.2, 0.18)
    brush.line((0.1, 0.05), (0.45, -0.5), (0.65, -0.37))


def double_switch(brush: Brush) -> None:
    light_switch(brush)
    brush.line((0.34, -0.33), (0.54, -0.2))


def changeover_switch(brush: Brush) -> None:
    light_switch(brush)
    brush.line((-0.1, 0.35), (-0.45, 0.9), (-0.65, 0.77))


def luminaire(brush: Brush) -> None:
    brush.circle(0, 0, 0.45)
    reach = 0.45 * math.sqrt(0.5)
    brush.line((-reach, -reach), (reach, reach))
    brush.line((-reach, reach), (reach, -reach))


def panel_light(brush: Brush) -> None:
    brush.rectangle(-0.9, -0.3 * brush.slim, 0.9, 0.3 * brush.slim)
    brush.line((-0.9, 0), (0.9, 0))


def emergency_light(brush: Brush) -> None:
    brush.rectangle(-0.5, -0.5, 0.5, 0.5)
    brush.circle(0, 0, 0.22, filled=True)
    brush.line((-0.5, -0.5), (0.5, 0.5))
    brush.line((-0.5, 0.5), (0.5, -0.5))


def smoke_detector(brush: Brush) -> None:
    brush.circle(0, 0, 0.5)
    brush.letters("S")


def heat_detector(brush: Brush) -> None:
    brush.circle(0, 0, 0.5)
    brush.letters("H")


def data_outlet(brush: Brush) -> None:
    brush.closed((-0.45, 0.35), (0.45, 0.35), (0, -0.4))
    brush.line((0, 0.35), (0, 0.6))


def loudspeaker(brush: Brush) -> None:
    brush.rectangle(-0.45, -0.25, -0.1, 0.25)
    brush.closed((-0.1, -0.25), (0.35, -0.55), (0.35, 0.55), (-0.1, 0.25))


#: Symbols of floor plans, with the words of a legend.
PLAN: dict[str, tuple[Draw, str]] = {
    "socket": (socket, "Socket outlet"),
    "double_socket": (double_socket, "Double socket outlet"),
    "grounded_socket": (grounded_socket, "Socket outlet, earthed"),
    "light_switch": (light_switch, "One-way switch"),
    "double_switch": (double_switch, "Two-circuit switch"),
    "changeover_switch": (changeover_switch, "Two-way switch"),
    "luminaire": (luminaire, "Luminaire, ceiling"),
    "panel_light": (panel_light, "LED panel"),
    "emergency_light": (emergency_light, "Emergency luminaire"),
    "smoke_detector": (smoke_detector, "Smoke detector"),
    "heat_detector": (heat_detector, "Heat detector"),
    "data_outlet": (data_outlet, "Data outlet"),
    "loudspeaker": (loudspeaker, "Loudspeaker"),
}
