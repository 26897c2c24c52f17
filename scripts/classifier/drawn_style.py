"""Symbols with random proportions, for what schemdraw lacks or draws in one way only. For training.

Each function draws one symbol from left to right about the origin; its body is about 2 wide; y points down.
"""

from collections.abc import Callable

import numpy as np

from scripts.classifier.shapes import Drawing

Random = np.random.Generator
Symbol = Callable[[Random], Drawing]


def _ends(drawing: Drawing, random: Random, left: float, right: float) -> Drawing:
    # Some are needed: a coil and a resistor differ only in the sides that their wires leave from.
    far = random.uniform(0.25, 1.6)
    drawing.lines((left - far, 0, left, 0), (right, 0, right + far, 0))
    return drawing


def _rectangle(random: Random) -> Drawing:
    drawing, width, height = Drawing(), random.uniform(1.6, 2.6), random.uniform(0.5, 0.95)
    drawing.box(0, 0, width, height)
    return _ends(drawing, random, -width / 2, width / 2)


def _zigzag(random: Random) -> Drawing:
    drawing, height, count = Drawing(), random.uniform(0.3, 0.7), int(random.integers(5, 9))
    x = np.linspace(-1, 1, count * 2 + 1)[1::2]
    points = [(-1.0, 0.0), *((float(at), height * (-1) ** n) for n, at in enumerate(x)), (1.0, 0.0)]
    drawing.line(*points)
    return _ends(drawing, random, -1, 1)


def _resistor(random: Random) -> Drawing:
    return _rectangle(random) if random.random() < 0.65 else _zigzag(random)


def _variable_resistor(random: Random) -> Drawing:
    drawing = _resistor(random)
    if random.random() < 0.5:
        x, y = random.uniform(0.6, 1.1), random.uniform(0.6, 1.1)
        drawing.arrow(-x, y, x, -y, head=random.uniform(0.2, 0.45), filled=random.random() < 0.6)
    else:
        drawing.arrow(0, -random.uniform(1.0, 1.7), 0, -0.4, head=0.3, filled=random.random() < 0.6)
    return drawing


def _capacitor(random: Random) -> Drawing:
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
    return _ends(drawing, random, -gap, gap)


def _coil(drawing: Drawing, random: Random, y: float, side: int, count: int) -> None:
    radius, flat = 1 / count, random.uniform(0.7, 1.6)
    for at in range(count):
        drawing.arc(-1 + radius * (2 * at + 1), y, radius, 180, 180 + 180 * side, flat=flat)


def _inductor(random: Random) -> Drawing:
    drawing = Drawing()
    if random.random() < 0.15:
        drawing.box(0, 0, 2, random.uniform(0.5, 0.8), filled=True)
    else:
        _coil(drawing, random, 0, 1, int(random.integers(3, 6)))
        if random.random() < 0.3:
            high = -random.uniform(0.7, 1.0)
            drawing.line((-1, high), (1, high))
    return _ends(drawing, random, -1, 1)


def _transformer(random: Random) -> Drawing:
    drawing = Drawing()
    if random.random() < 0.5:
        radius, apart = random.uniform(0.8, 1.1), random.uniform(0.5, 0.75)
        for at in (-apart, apart):
            drawing.circle(at, 0, radius)
        return _ends(drawing, random, -apart - radius, apart + radius)
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


def _diode(random: Random) -> Drawing:
    drawing, width, height = Drawing(), random.uniform(0.5, 0.9), random.uniform(0.45, 0.8)
    drawing.polygon((-width, -height), (-width, height), (width, 0), area=True)
    drawing.line((width, -height), (width, height))
    if random.random() < 0.5:
        drawing.line((-width, 0), (width, 0))
    return _ends(drawing, random, -width, width)


def _zener_diode(random: Random) -> Drawing:
    drawing, size = Drawing(), random.uniform(0.5, 0.8)
    width, bend, lean = random.uniform(0.5, 0.9), random.uniform(0.15, 0.35), random.uniform(0, 0.3)
    drawing.polygon((-width, -size), (-width, size), (width, 0), area=True)
    drawing.line((width, -size), (width, size))
    drawing.line((width, size), (width - bend, size + lean))
    if random.random() < 0.6:
        drawing.line((width, -size), (width + bend, -size - lean))
    if random.random() < 0.5:
        drawing.line((-width, 0), (width, 0))
    return _ends(drawing, random, -width, width)


def _led(random: Random) -> Drawing:
    drawing = _diode(random)
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


def _transistor(random: Random) -> Drawing:
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


def _mosfet(random: Random) -> Drawing:
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


def _lever(drawing: Drawing, random: Random) -> float:
    """Draw an open lever from the right end, and return its height over the left one."""
    rise = random.uniform(0.55, 1.25)
    drawing.line((1, 0), (-random.uniform(0.75, 1.25), -rise))
    return rise


def _contact_no(random: Random) -> Drawing:
    drawing = Drawing()
    if random.random() < 0.2:
        gap, height = random.uniform(0.35, 0.6), random.uniform(0.5, 0.8)
        drawing.lines((-gap, -height, -gap, height), (gap, -height, gap, height))
        return _ends(drawing, random, -gap, gap)
    _lever(drawing, random)
    return _ends(drawing, random, -1, 1)


def _contact_nc(random: Random) -> Drawing:
    drawing = Drawing()
    if random.random() < 0.2:
        gap, height, over = random.uniform(0.35, 0.6), random.uniform(0.5, 0.8), random.uniform(0.9, 1.3)
        drawing.lines(
            (-gap, -height, -gap, height), (gap, -height, gap, height), (-gap, height * over, gap, -height * over)
        )
        return _ends(drawing, random, -gap, gap)
    rise, past = random.uniform(0.4, 1.0), random.uniform(1.02, 1.35)
    drawing.line((1, 0), (1 - 2 * past, -rise * past))
    drawing.line((-1, 0), (-1, -rise * random.uniform(0.95, 1.4)))
    return _ends(drawing, random, -1, 1)


def _changeover_contact(random: Random) -> Drawing:
    drawing, apart, far = Drawing(), random.uniform(0.5, 1.1), random.uniform(0.2, 1.2)
    radius = random.uniform(0.1, 0.2)
    drawing.lines((1, 0, 1 + far, 0), (-1, apart, -1 - far, apart), (-1, -apart, -1 - far, -apart))
    if random.random() < 0.5:
        for x, y in ((1, 0), (-1, apart), (-1, -apart)):
            drawing.circle(x, y, radius, area=True)
        drawing.line((1, 0), (-1, -apart * random.uniform(0.3, 1)))
    else:
        drawing.line((1, 0), (-1.15, -apart * 0.85))
        drawing.line((-1, -apart), (-1, -apart * random.uniform(0.5, 0.8)))
    return drawing


def _terminals(drawing: Drawing, random: Random) -> float:
    radius, is_filled = random.uniform(0.1, 0.24), random.random() < 0.2
    drawing.circle(-1, 0, radius, filled=is_filled)
    drawing.circle(1, 0, radius, filled=is_filled)
    return radius


def _switch_no(random: Random) -> Drawing:
    drawing = Drawing()
    radius = _terminals(drawing, random)
    drawing.line(
        (1 - radius * random.uniform(0, 1), -radius * 0.3), (-random.uniform(0.7, 1.1), -random.uniform(0.55, 1.2))
    )
    return _ends(drawing, random, -1 - radius, 1 + radius)


def _switch_nc(random: Random) -> Drawing:
    drawing = Drawing()
    radius = _terminals(drawing, random)
    drawing.line((1 - radius * 0.5, -radius), (-random.uniform(0.95, 1.3), -radius * random.uniform(0.9, 2.0)))
    return _ends(drawing, random, -1 - radius, 1 + radius)


def _push_button(random: Random) -> Drawing:
    drawing, is_dashed = Drawing(), random.random() < 0.5
    top = -random.uniform(1.3, 2.2)
    if random.random() < 0.6:
        if random.random() < 0.7:
            start = -_lever(drawing, random) / 2
        else:
            drawing.lines((1, 0, -1.2, -0.7), (-1, 0, -1, -0.9))
            start = -0.4
        if random.random() < 0.3:
            _terminals(drawing, random)
    else:
        radius = _terminals(drawing, random)
        start = -random.uniform(0.35, 0.7) if random.random() < 0.6 else radius * 1.1
        drawing.line((-1.1, start), (1.1, start))
        top = start - random.uniform(0.4, 1)
    if is_dashed:
        for at in np.arange(start, top, -0.35):
            drawing.line((0, at), (0, max(top, at - 0.2)))
    else:
        drawing.line((0, start), (0, top))
    wide, hook = random.uniform(0.25, 0.6), random.uniform(0, 0.35)
    if random.random() < 0.75:
        drawing.line((-wide, top + hook), (-wide, top), (wide, top), (wide, top + hook))
    else:
        drawing.arc(0, top, wide, 180, 360)
        drawing.line((-wide, top), (wide, top))
    return _ends(drawing, random, -1, 1)


def _relay_coil(random: Random) -> Drawing:
    drawing = Drawing()
    width, height = random.uniform(0.7, 1.3), random.uniform(1.8, 2.6)
    if random.random() < 0.2:
        radius = random.uniform(0.7, 1)
        drawing.arc(0, 0, radius, 110, 250, flat=1.3)
        drawing.arc(0, 0, radius, -70, 70, flat=1.3)
        return _ends(drawing, random, -radius, radius)
    drawing.box(0, 0, width, height)
    if random.random() < 0.15:
        drawing.line((-width / 2, height / 2), (width / 2, -height / 2))
    return _ends(drawing, random, -width / 2, width / 2)


def _contactor(random: Random) -> Drawing:
    drawing, radius = Drawing(), random.uniform(0.18, 0.34)
    _lever(drawing, random)
    if random.random() < 0.5:
        drawing.arc(-1 - radius, 0, radius, 0, -180)
    else:
        drawing.arc(-1 - radius, 0, radius, 0, 180)
    return _ends(drawing, random, -1, 1)


def _circuit_breaker(random: Random) -> Drawing:
    drawing, size = Drawing(), random.uniform(0.18, 0.36)
    if random.random() < 0.75:
        _lever(drawing, random)
        drawing.lines((-1 - size, -size, -1 + size, size), (-1 - size, size, -1 + size, -size))
        if random.random() < 0.2:
            drawing.box(0, -random.uniform(0.4, 0.6), 0.6, 0.45)
    else:
        radius, start = _terminals(drawing, random), random.uniform(20, 40)
        drawing.arc(0, random.uniform(0, 0.5) - radius, 1.05, 180 + start, 360 - start, flat=random.uniform(0.6, 1))
    return _ends(drawing, random, -1, 1)


def _fuse(random: Random) -> Drawing:
    drawing, width, height = Drawing(), random.uniform(1.4, 2.4), random.uniform(0.5, 0.9)
    kind = random.random()
    if kind < 0.75:
        drawing.box(0, 0, width, height)
        drawing.line((-width / 2, 0), (width / 2, 0))
    elif kind < 0.87:
        drawing.box(0, 0, width, height)
        for at in (-0.3, 0.3):
            drawing.line((at * width, -height / 2), (at * width, height / 2))
    else:
        drawing.arc(-0.5, 0, 0.5, 180, 360)
        drawing.arc(0.5, 0, 0.5, 180, 0)
        width = 2
    return _ends(drawing, random, -width / 2, width / 2)


def _circled(random: Random, texts: tuple[str, ...]) -> Drawing:
    drawing, radius = Drawing(), 1.0
    drawing.circle(0, 0, radius)
    text = str(random.choice(texts))
    high = random.uniform(0.75, 1.2) / max(1, len(text) * 0.55)
    y = random.uniform(-0.3, 0) if random.random() < 0.5 else 0.0
    drawing.letters(text, 0, y, high)
    return drawing


def _motor(random: Random) -> Drawing:
    drawing = _circled(random, ("M",))
    if random.random() < 0.5:
        drawing.letters(str(random.choice(("3~", "1~", "~"))), 0, random.uniform(0.4, 0.6), random.uniform(0.3, 0.5))
    if random.random() < 0.5:
        far, apart = random.uniform(0.2, 1.2), random.uniform(0.4, 0.75)
        down = -((1 - apart**2) ** 0.5)
        drawing.lines((-apart, down, -apart, -1 - far), (0, -1, 0, -1 - far), (apart, down, apart, -1 - far))
        return drawing
    return _ends(drawing, random, -1, 1)


def _meter(random: Random) -> Drawing:
    return _ends(_circled(random, ("V", "A", "W", "A", "V", "HZ", "KWH")), random, -1, 1)


def _lamp(random: Random) -> Drawing:
    drawing, at = Drawing(), 0.7071
    drawing.circle(0, 0, 1)
    drawing.lines((-at, -at, at, at), (-at, at, at, -at))
    return _ends(drawing, random, -1, 1)


def _battery(random: Random) -> Drawing:
    drawing, gap, tall = Drawing(), random.uniform(0.2, 0.45), random.uniform(0.8, 1.2)
    short, count = tall * random.uniform(0.4, 0.6), int(random.choice((1, 1, 2, 3)))
    end = (2 * count - 1) * gap / 2
    for cell in range(count):
        x = -end + 2 * cell * gap
        drawing.lines((x, -tall, x, tall), (x + gap, -short, x + gap, short))
        if random.random() < 0.3:
            drawing.box(x + gap, 0, 0.12, 2 * short, filled=True)
    return _ends(drawing, random, -end, end)


def _ground(random: Random) -> Drawing:
    drawing, wide, step = Drawing(), random.uniform(0.8, 1.2), random.uniform(0.25, 0.5)
    drawing.line((0, -random.uniform(0.2, 2)), (0, 0))
    kind = random.random()
    if kind < 0.75:
        narrow = random.uniform(0.55, 0.72)
        for at in range(3):
            half = wide * (narrow**at if random.random() < 0.5 else 1 - at * 0.35)
            drawing.line((-half, at * step), (half, at * step))
        if random.random() < 0.3:
            drawing.circle(0, 0.2, random.uniform(1.4, 1.7))
    elif kind < 0.87:
        drawing.polygon((-wide, 0), (wide, 0), (0, wide), area=True)
    else:
        drawing.line((-wide, 0), (wide, 0))
        for x in (-wide, 0.0, wide):
            drawing.line((x, 0), (x - 0.4, 0.6))
    return drawing


def _terminal(random: Random) -> Drawing:
    drawing = Drawing()
    drawing.circle(0, 0, 1, filled=random.random() < 0.25)
    kind, far = random.random(), random.uniform(1, 1.6)
    if kind < 0.45:
        drawing.line((-0.7071 * far, 0.7071 * far), (0.7071 * far, -0.7071 * far))
    elif kind < 0.7:
        return _ends(drawing, random, -1, 1)
    elif kind < 0.85:
        drawing.line((1, 0), (1 + random.uniform(0.5, 3), 0))
    return drawing


def _socket(random: Random) -> Drawing:
    drawing = Drawing()
    if random.random() < 0.75:
        flat = random.uniform(0.8, 1.1)
        drawing.arc(0, 0, 1, 180, 360, flat=flat)
        drawing.line((0, -flat), (0, -flat - random.uniform(0.4, 1.2)))
        if random.random() < 0.6:
            wide = random.uniform(0.6, 1.1)
            drawing.line((-wide, -flat), (wide, -flat))
        if random.random() < 0.25:
            drawing.line((-1, 0), (1, 0))
    else:
        drawing.circle(0, 0, 1)
        apart, tall = random.uniform(0.25, 0.45), random.uniform(0.25, 0.6)
        drawing.lines((-apart, -tall, -apart, tall), (apart, -tall, apart, tall))
        drawing.lines((-2, 0, -1, 0), (1, 0, 2, 0))
    return drawing


STYLE: dict[str, Symbol] = {
    "resistor": _resistor, "variable_resistor": _variable_resistor, "capacitor": _capacitor, "inductor": _inductor,
    "transformer": _transformer, "diode": _diode, "zener_diode": _zener_diode, "led": _led, "transistor": _transistor,
    "mosfet": _mosfet, "contact_no": _contact_no, "contact_nc": _contact_nc, "changeover_contact": _changeover_contact,
    "switch_no": _switch_no, "switch_nc": _switch_nc, "push_button": _push_button, "relay_coil": _relay_coil,
    "contactor": _contactor, "circuit_breaker": _circuit_breaker, "fuse": _fuse, "motor": _motor, "meter": _meter,
    "lamp": _lamp, "battery": _battery, "ground": _ground, "terminal": _terminal, "socket": _socket,
}  # fmt: skip
