"""Generated floor plans: walls, furniture, circuits, symbols in four rotations and mirrored, labels, a legend."""

import random
from pathlib import Path

from bench.sheets import symbols
from bench.sheets.frame import frame
from bench.sheets.pen import A1, A3, Pen, Placing, Point
from bench.sheets.styles import Style
from bench.sheets.truth import Drawn, Sheet
from drawing_engine.pages import Box

#: Prefixes of labels, for plans that carry them.
LABELS = {
    "socket": "S", "double_socket": "D", "grounded_socket": "E", "light_switch": "W", "double_switch": "V",
    "changeover_switch": "U", "luminaire": "L", "panel_light": "P", "emergency_light": "N", "smoke_detector": "SD",
    "heat_detector": "HD", "data_outlet": "RJ", "loudspeaker": "LS",
}  # fmt: skip


def plan_sheet(
    pen: Pen, chance: random.Random, number: str, *, count: int, labelled: bool, hatch: int = 0, legend: bool = True
) -> Sheet:
    """Draw one floor.

    Args:
        count: of symbols.
        labelled: symbols carry labels such as S1; some have the lines of one and the label of another, or none.
        hatch: additional line segments of hatching and furniture.
    """
    style, (width, height) = pen.style, pen.size
    sheet = Sheet(number, chance.choice(["Ground floor plan", "Level 1 power plan", "Lighting layout", "Level 2 plan"]))
    frame(pen, chance, number, sheet.title)
    right = width - (250 if legend else 40)
    pitch = style.unit * 3.4
    places = [
        (50 + pitch * (column + 0.5), 50 + pitch * (row + 0.5))
        for column in range(int((right - 60) // pitch))
        for row in range(int((height - 170) // pitch))
    ]
    chance.shuffle(places)
    kinds = list(symbols.PLAN)
    counters: dict[str, int] = {}
    for n in range(min(count, len(places))):
        x, y = places[n]
        kind = kinds[n % len(kinds)] if n < 3 * len(kinds) else chance.choice(kinds)
        drawn = _symbol(pen, chance, kind, x + chance.uniform(-3, 3), y + chance.uniform(-3, 3))
        label = ""
        trap = labelled and n >= 2 * len(kinds) and chance.random() < 0.08
        if trap and chance.random() < 0.5:
            _beside(pen, chance, drawn, f"Y{n}")
        elif labelled and not trap:
            counters[kind] = counters.get(kind, 0) + 1
            label = f"{LABELS[kind]}{counters[kind]}"
            _beside(pen, chance, drawn, label)
        elif chance.random() < 0.3:
            _beside(pen, chance, drawn, chance.choice(["+0.30", "C3", "2", "IP44"]))
        sheet.symbols.append(Drawn(kind, drawn, label, trap))
        if chance.random() < 0.5:
            _wire(pen, chance, drawn, places[(n + 1) % len(places)])
    for x, y in places[count : count + 10]:
        _furniture(pen, chance, x, y)
    _walls(pen, chance, right, height)
    if hatch:
        _hatching(pen, chance, hatch, right, height, [drawn.box for drawn in sheet.symbols])
    if legend:
        _legend(pen, sheet, right + 20)
    return sheet


def _symbol(pen: Pen, chance: random.Random, kind: str, x: float, y: float) -> Box:
    placing = Placing(x, y, turns=chance.randrange(4), mirrored=chance.random() < 0.5, scale=pen.style.unit)
    brush = symbols.Brush(pen, placing)
    symbols.PLAN[kind][0](brush)
    return brush.box


def _beside(pen: Pen, chance: random.Random, box: Box, text: str) -> None:
    size = pen.style.label_size * 0.8
    width = pen.width(text, size)
    x, y = chance.choice([
        (box.x1 + 2, (box.y0 + box.y1) / 2 + size / 3), (box.x0 - 2 - width, (box.y0 + box.y1) / 2 + size / 3),
        ((box.x0 + box.x1 - width) / 2, box.y0 - 2), ((box.x0 + box.x1 - width) / 2, box.y1 + 2 + 0.75 * size),
    ])  # fmt: skip
    pen.text(x, y, text, size)


def _wire(pen: Pen, chance: random.Random, box: Box, towards: Point) -> None:
    """Draw a circuit that touches the symbol: from the middle of a side, or through its whole height."""
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    how = chance.randrange(3)
    if how == 0:
        pen.line((box.x1, y), (box.x1 + 12, y), (box.x1 + 12, y + 70))
    elif how == 1:
        pen.curve((x, box.y1), (x, box.y1 + 30), (towards[0], box.y1 + 40), (towards[0], box.y1 + 45))
    else:
        pen.line((box.x0 - 45, y), (box.x1 + 45, y))


def _furniture(pen: Pen, chance: random.Random, x: float, y: float) -> None:
    size = pen.style.unit
    how = chance.randrange(3)
    if how == 0:
        pen.box(Box(x - size, y - size * 0.6, x + size, y + size * 0.6))
    elif how == 1:
        pen.circle(x, y, size * chance.uniform(0.3, 0.7))
    else:
        pen.line((x, y + size), (x, y), (x + size, y))
        pen.curve((x, y + size), (x + size * 0.55, y + size), (x + size, y + size * 0.55), (x + size, y))


def _walls(pen: Pen, chance: random.Random, right: float, height: float) -> None:
    for _ in range(6):
        x = chance.uniform(60, right - 20)
        pen.lines([((x, 45), (x, height - 130)), ((x + 5, 45), (x + 5, height - 130))])
        y = chance.uniform(60, height - 140)
        pen.lines([((45, y), (right, y)), ((45, y + 5), (right, y + 5))])
    for n in range(5):
        pen.text(60 + n * 150, 44, f"Room {chance.randint(100, 199)}", 8)


def _hatching(pen: Pen, chance: random.Random, count: int, right: float, height: float, taken: list[Box]) -> None:
    """Draw areas of short hatching lines; one in five of those that would cover a symbol."""
    drawn = 0
    while drawn < count:
        x, y = chance.uniform(50, right - 130), chance.uniform(50, height - 170)
        area = Box(x, y, x + 106, y + 6)
        if chance.random() < 0.8 and any(area.overlaps(box) for box in taken):
            continue
        pieces = [((x + n, y), (x + n + 6, y + 6)) for n in range(100)]
        pen.lines(pieces)
        drawn += len(pieces)


def _legend(pen: Pen, sheet: Sheet, x: float) -> None:
    style = pen.style
    step = style.unit * 1.7 + 8
    y = 60.0
    pen.text(x + 4, y - 4, "LEGEND", style.label_size * 1.2)
    top = y
    for kind, (draw, name) in symbols.PLAN.items():
        brush = symbols.Brush(pen, Placing(x + style.unit * 1.2, y + step / 2, scale=style.unit))
        draw(brush)
        sheet.symbols.append(Drawn(kind, brush.box, trap=True))
        sheet.legend.append((name, brush.box))
        pen.text(x + style.unit * 2.6, y + step / 2 + 3, name, style.label_size)
        y += step
        pen.line((x, y), (x + 200, y))
    pen.box(Box(x, top, x + 200, y))
    sheet.legend_box = Box(x - 2, top - 16, x + 202, y + 2)


def plan_document(
    path: Path, style: Style, seed: int, *, labelled: bool = False, count: int = 70, hatch: int = 0, large: bool = False
) -> list[Sheet]:
    """Write a PDF of one floor; return its truth."""
    chance, pen = random.Random(seed), Pen(path, style, A1 if large else A3)
    sheet = plan_sheet(pen, chance, "E-101", count=count, labelled=labelled, hatch=hatch)
    pen.end_page()
    pen.save()
    return [sheet]
