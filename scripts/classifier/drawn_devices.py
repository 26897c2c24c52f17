"""Drawings of `drawn_style`: fuses, motors, meters, sources and connections."""

from scripts.classifier.drawn_wires import Random, ends
from scripts.classifier.shapes import Drawing


def fuse(random: Random) -> Drawing:
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
    return ends(drawing, random, -width / 2, width / 2)


def _circled(random: Random, texts: tuple[str, ...]) -> Drawing:
    drawing, radius = Drawing(), 1.0
    drawing.circle(0, 0, radius)
    text = str(random.choice(texts))
    high = random.uniform(0.75, 1.2) / max(1, len(text) * 0.55)
    y = random.uniform(-0.3, 0) if random.random() < 0.5 else 0.0
    drawing.letters(text, 0, y, high)
    return drawing


def motor(random: Random) -> Drawing:
    drawing = _circled(random, ("M",))
    if random.random() < 0.5:
        drawing.letters(str(random.choice(("3~", "1~", "~"))), 0, random.uniform(0.4, 0.6), random.uniform(0.3, 0.5))
    if random.random() < 0.5:
        far, apart = random.uniform(0.2, 1.2), random.uniform(0.4, 0.75)
        down = -((1 - apart**2) ** 0.5)
        drawing.lines((-apart, down, -apart, -1 - far), (0, -1, 0, -1 - far), (apart, down, apart, -1 - far))
        return drawing
    return ends(drawing, random, -1, 1)


def meter(random: Random) -> Drawing:
    return ends(_circled(random, ("V", "A", "W", "A", "V", "HZ", "KWH")), random, -1, 1)


def lamp(random: Random) -> Drawing:
    drawing, at = Drawing(), 0.7071
    drawing.circle(0, 0, 1)
    drawing.lines((-at, -at, at, at), (-at, at, at, -at))
    return ends(drawing, random, -1, 1)


def battery(random: Random) -> Drawing:
    drawing, gap, tall = Drawing(), random.uniform(0.2, 0.45), random.uniform(0.8, 1.2)
    short, count = tall * random.uniform(0.4, 0.6), int(random.choice((1, 1, 2, 3)))
    end = (2 * count - 1) * gap / 2
    for cell in range(count):
        x = -end + 2 * cell * gap
        drawing.lines((x, -tall, x, tall), (x + gap, -short, x + gap, short))
        if random.random() < 0.3:
            drawing.box(x + gap, 0, 0.12, 2 * short, filled=True)
    return ends(drawing, random, -end, end)


def ground(random: Random) -> Drawing:
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


def terminal(random: Random) -> Drawing:
    drawing = Drawing()
    drawing.circle(0, 0, 1, filled=random.random() < 0.25)
    kind, far = random.random(), random.uniform(1, 1.6)
    if kind < 0.45:
        drawing.line((-0.7071 * far, 0.7071 * far), (0.7071 * far, -0.7071 * far))
    elif kind < 0.7:
        return ends(drawing, random, -1, 1)
    elif kind < 0.85:
        drawing.line((1, 0), (1 + random.uniform(0.5, 3), 0))
    return drawing


def socket(random: Random) -> Drawing:
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
