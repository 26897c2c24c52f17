"""Drawings of `drawn_style`: contacts, switches, and what a coil or a fault operates."""

import numpy as np

from scripts.classifier.drawn_wires import Random, ends
from scripts.classifier.shapes import Drawing


def _lever(drawing: Drawing, random: Random) -> float:
    """Draw an open lever from the right end, and return its height over the left one."""
    rise = random.uniform(0.55, 1.25)
    drawing.line((1, 0), (-random.uniform(0.75, 1.25), -rise))
    return rise


def contact_no(random: Random) -> Drawing:
    drawing = Drawing()
    if random.random() < 0.2:
        gap, height = random.uniform(0.35, 0.6), random.uniform(0.5, 0.8)
        drawing.lines((-gap, -height, -gap, height), (gap, -height, gap, height))
        return ends(drawing, random, -gap, gap)
    _lever(drawing, random)
    return ends(drawing, random, -1, 1)


def contact_nc(random: Random) -> Drawing:
    drawing = Drawing()
    if random.random() < 0.2:
        gap, height, over = random.uniform(0.35, 0.6), random.uniform(0.5, 0.8), random.uniform(0.9, 1.3)
        drawing.lines(
            (-gap, -height, -gap, height), (gap, -height, gap, height), (-gap, height * over, gap, -height * over)
        )
        return ends(drawing, random, -gap, gap)
    rise, past = random.uniform(0.4, 1.0), random.uniform(1.02, 1.35)
    drawing.line((1, 0), (1 - 2 * past, -rise * past))
    drawing.line((-1, 0), (-1, -rise * random.uniform(0.95, 1.4)))
    return ends(drawing, random, -1, 1)


def changeover_contact(random: Random) -> Drawing:
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


def switch_no(random: Random) -> Drawing:
    drawing = Drawing()
    radius = _terminals(drawing, random)
    drawing.line(
        (1 - radius * random.uniform(0, 1), -radius * 0.3), (-random.uniform(0.7, 1.1), -random.uniform(0.55, 1.2))
    )
    return ends(drawing, random, -1 - radius, 1 + radius)


def switch_nc(random: Random) -> Drawing:
    drawing = Drawing()
    radius = _terminals(drawing, random)
    drawing.line((1 - radius * 0.5, -radius), (-random.uniform(0.95, 1.3), -radius * random.uniform(0.9, 2.0)))
    return ends(drawing, random, -1 - radius, 1 + radius)


def push_button(random: Random) -> Drawing:
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
    return ends(drawing, random, -1, 1)


def relay_coil(random: Random) -> Drawing:
    drawing = Drawing()
    width, height = random.uniform(0.7, 1.3), random.uniform(1.8, 2.6)
    if random.random() < 0.2:
        radius = random.uniform(0.7, 1)
        drawing.arc(0, 0, radius, 110, 250, flat=1.3)
        drawing.arc(0, 0, radius, -70, 70, flat=1.3)
        return ends(drawing, random, -radius, radius)
    drawing.box(0, 0, width, height)
    if random.random() < 0.15:
        drawing.line((-width / 2, height / 2), (width / 2, -height / 2))
    return ends(drawing, random, -width / 2, width / 2)


def contactor(random: Random) -> Drawing:
    drawing, radius = Drawing(), random.uniform(0.18, 0.34)
    _lever(drawing, random)
    if random.random() < 0.5:
        drawing.arc(-1 - radius, 0, radius, 0, -180)
    else:
        drawing.arc(-1 - radius, 0, radius, 0, 180)
    return ends(drawing, random, -1, 1)


def circuit_breaker(random: Random) -> Drawing:
    drawing, size = Drawing(), random.uniform(0.18, 0.36)
    if random.random() < 0.75:
        _lever(drawing, random)
        drawing.lines((-1 - size, -size, -1 + size, size), (-1 - size, size, -1 + size, -size))
        if random.random() < 0.2:
            drawing.box(0, -random.uniform(0.4, 0.6), 0.6, 0.45)
    else:
        radius, start = _terminals(drawing, random), random.uniform(20, 40)
        drawing.arc(0, random.uniform(0, 0.5) - radius, 1.05, 180 + start, 360 - start, flat=random.uniform(0.6, 1))
    return ends(drawing, random, -1, 1)
