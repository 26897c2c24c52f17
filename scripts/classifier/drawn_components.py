"""Drawings of `drawn_style`: resistors, capacitors, coils and semiconductors."""

import numpy as np

from scripts.classifier.drawn_wires import Random, ends
from scripts.classifier.shapes import Drawing


def _rectangle(random: Random) -> Drawing:
    drawing, width, height = Drawing(), random.uniform(1.6, 2.6), random.uniform(0.5, 0.95)
    drawing.box(0, 0, width, height)
    return ends(drawing, random, -width / 2, width / 2)


def _zigzag(random: Random) -> Drawing:
    drawing, height, count = Drawing(), random.uniform(0.3, 0.7), int(random.integers(5, 9))
    x = np.linspace(-1, 1, count * 2 + 1)[1::2]
    points = [(-1.0, 0.0), *((float(at), height * (-1) ** n) for n, at in enumerate(x)), (1.0, 0.0)]
    drawing.line(*points)
    return ends(drawing, random, -1, 1)


def resistor(random: Random) -> Drawing:
    return _rectangle(random) if random.random() < 0.65 else _zigzag(random)


def variable_resistor(random: Random) -> Drawing:
    drawing = resistor(random)
    if random.random() < 0.5:
        x, y = random.uniform(0.6, 1.1), random.uniform(0.6, 1.1)
        drawing.arrow(-x, y, x, -y, head=random.uniform(0.2, 0.45), filled=random.random() < 0.6)
    else:
        drawing.arrow(0, -random.uniform(1.0, 1.7), 0, -0.4, head=0.3, filled=random.random() < 0.6)
    return drawing


def capacitor(random: Random) -> Drawing:
    drawing, gap, height = Drawing(), random.uniform(0.12, 0.28), random.uniform(0.6, 1.2)
    drawing.line((-gap, -height), (-gap, height))
    kind = random.random()
    if kind < 0.6:
        drawing.line((gap, -height), (gap, height))
    elif kind < 0.8:
        radius = random.uniform(1.2, 2)
        drawing.arc(gap + radius, 0, radius, 180 - 35, 180 + 35)
    else:
        drawing.strokes.pop()
        drawing.box(-gap, 0, gap, 2 * height)
        drawing.box(gap, 0, gap, 2 * height, filled=random.random() < 0.7)
        gap *= 1.5
    if random.random() < 0.3:
        drawing.lines((-0.9, -0.6, -0.5, -0.6), (-0.7, -0.8, -0.7, -0.4))
    return ends(drawing, random, -gap, gap)


def _coil(drawing: Drawing, random: Random, y: float, side: int, count: int) -> None:
    radius, flat = 1 / count, random.uniform(0.7, 1.6)
    for at in range(count):
        drawing.arc(-1 + radius * (2 * at + 1), y, radius, 180, 180 + 180 * side, flat=flat)


def inductor(random: Random) -> Drawing:
    drawing = Drawing()
    if random.random() < 0.15:
        drawing.box(0, 0, 2, random.uniform(0.5, 0.8), filled=True)
    else:
        _coil(drawing, random, 0, 1, int(random.integers(3, 6)))
        if random.random() < 0.3:
            high = -random.uniform(0.7, 1.0)
            drawing.line((-1, high), (1, high))
    return ends(drawing, random, -1, 1)


def transformer(random: Random) -> Drawing:
    drawing = Drawing()
    if random.random() < 0.5:
        radius, apart = random.uniform(0.8, 1.1), random.uniform(0.5, 0.75)
        for at in (-apart, apart):
            drawing.circle(at, 0, radius)
        return ends(drawing, random, -apart - radius, apart + radius)
    gap, count = random.uniform(0.25, 0.6), int(random.integers(3, 6))
    _coil(drawing, random, -gap, -1, count)
    _coil(drawing, random, gap, 1, int(random.integers(3, 6)))
    for at in [(), (0.0,), (-0.08, 0.08)][int(random.integers(3))]:
        drawing.line((-1, at), (1, at))
    far = random.uniform(0.2, 1)
    drawing.lines(
        (-1, -gap, -1, -gap - far), (1, -gap, 1, -gap - far), (-1, gap, -1, gap + far), (1, gap, 1, gap + far)
    )
    return drawing


def diode(random: Random) -> Drawing:
    drawing, width, height = Drawing(), random.uniform(0.5, 0.9), random.uniform(0.45, 0.8)
    drawing.polygon((-width, -height), (-width, height), (width, 0), area=True)
    drawing.line((width, -height), (width, height))
    if random.random() < 0.5:
        drawing.line((-width, 0), (width, 0))
    return ends(drawing, random, -width, width)


def zener_diode(random: Random) -> Drawing:
    drawing, size = Drawing(), random.uniform(0.5, 0.8)
    width, bend, lean = random.uniform(0.5, 0.9), random.uniform(0.15, 0.35), random.uniform(0, 0.3)
    drawing.polygon((-width, -size), (-width, size), (width, 0), area=True)
    drawing.line((width, -size), (width, size))
    drawing.line((width, size), (width - bend, size + lean))
    if random.random() < 0.6:
        drawing.line((width, -size), (width + bend, -size - lean))
    if random.random() < 0.5:
        drawing.line((-width, 0), (width, 0))
    return ends(drawing, random, -width, width)


def led(random: Random) -> Drawing:
    drawing = diode(random)
    x, y, far, head = (
        random.uniform(-0.3, 0.3),
        -random.uniform(0.6, 1),
        random.uniform(0.5, 0.9),
        random.uniform(0.2, 0.35),
    )
    step, is_filled, is_circled = random.uniform(0.3, 0.6), random.random() < 0.6, random.random() < 0.2
    for at in (0, step):
        drawing.arrow(x + at, y, x + at + far, y - far, head=head, filled=is_filled)
    if is_circled:
        drawing.circle(0, 0, random.uniform(1, 1.3))
    return drawing


def transistor(random: Random) -> Drawing:
    drawing, bar, out, slope = Drawing(), random.uniform(0.6, 1.1), random.uniform(0.7, 1.1), random.uniform(0.2, 0.5)
    end, far, foot = random.uniform(0.8, 1.4), random.uniform(0.0, 0.8), random.uniform(0.2, 0.9) * bar
    drawing.lines((-random.uniform(0.7, 1.6), 0, 0, 0), (0, -bar, 0, bar), (0, -foot, out, -end))
    head, is_filled = random.uniform(0.25, 0.45), random.random() < 0.6
    if random.random() < 0.5:
        drawing.arrow(0, foot, out, end, head=head, filled=is_filled)
    else:
        drawing.arrow(out, end, out * slope, foot + (end - foot) * slope, head=head, filled=is_filled)
        drawing.line((0, foot), (out, end))
    drawing.lines((out, end, out, end + far), (out, -end, out, -end - far))
    if random.random() < 0.4:
        drawing.circle(out * 0.4, 0, random.uniform(1.2, 1.5))
    return drawing


def mosfet(random: Random) -> Drawing:
    drawing, gap, tall, out = Drawing(), random.uniform(0.15, 0.3), random.uniform(0.7, 1), random.uniform(0.7, 1.2)
    gate = tall if random.random() < 0.4 else 0.0
    drawing.lines((-random.uniform(0.7, 1.4), gate, 0, gate), (0, -tall, 0, tall))
    if random.random() < 0.6:
        part = tall * random.uniform(0.24, 0.31)
        for middle in (-tall + part, 0, tall - part):
            drawing.line((gap, middle - part), (gap, middle + part))
    else:
        drawing.line((gap, -tall), (gap, tall))
    high, far = tall * random.uniform(0.65, 0.9), random.uniform(0.4, 1.2)
    drawing.line((gap, -high), (out, -high), (out, -high - far))
    drawing.line((gap, high), (out, high), (out, high + far))
    if random.random() < 0.8:
        ends = (out, 0, gap, 0) if random.random() < 0.5 else (gap, 0, out, 0)
        drawing.arrow(*ends, head=0.3, filled=random.random() < 0.6)
        drawing.line((out, 0), (out, high))
    if random.random() < 0.3:
        drawing.circle(out * 0.4, 0, random.uniform(1.3, 1.6))
    return drawing
