"""Sheets with symbols at known places, and pictures of them."""

import io

import numpy as np
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from drawing_engine.classifier import crops
from scripts.classifier import drawn_style
from scripts.classifier.shapes import segments_of

WIDTH, HEIGHT = 842.0, 595.0
Place = tuple[float, float, float, float]


def lines_of(name: str, x: float, y: float, scale: float = 12, seed: int = 8) -> crops.Segments:
    """Return the lines of a symbol of this class about a place."""
    lines = segments_of(drawn_style.STYLE[name](np.random.default_rng(seed)))
    return lines * np.float32(scale) + np.array([x, y, x, y], np.float32)


def box_of(lines: crops.Segments, margin: float = 2) -> Place:
    """Return the box round lines."""
    x, y = lines[:, ::2], lines[:, 1::2]
    return float(x.min()) - margin, float(y.min()) - margin, float(x.max()) + margin, float(y.max()) + margin


def a_sheet(names: tuple[str, ...]) -> tuple[bytes, list[Place]]:
    """Return a PDF with these symbols on its page, and the box of each."""
    file = io.BytesIO()
    canvas = Canvas(file, (WIDTH, HEIGHT), invariant=1)
    boxes = []
    for at, name in enumerate(names):
        lines = lines_of(name, 100 + 150 * (at % 5), 100 + 120 * (at // 5))
        canvas.lines([(x0, HEIGHT - y0, x1, HEIGHT - y1) for x0, y0, x1, y1 in lines.tolist()])
        boxes.append(box_of(lines))
    canvas.showPage()
    canvas.save()
    return file.getvalue(), boxes


def a_picture(names: tuple[str, ...], kind: str = "PNG") -> tuple[bytes, list[Place]]:
    """Return a picture with these symbols in a row, and the box of each in pixels."""
    page = np.full((120, 40 + 100 * len(names)), 255, np.uint8)
    boxes = []
    for at, name in enumerate(names):
        (image,) = crops.from_segments([lines_of(name, 0, 0)])
        left = 40 + 100 * at
        page[30 : 30 + crops.SIDE, left : left + crops.SIDE] = np.rint(255 * (1 - image))
        boxes.append((left - 3.0, 27.0, left + crops.SIDE + 3.0, 33.0 + crops.SIDE))
    file = io.BytesIO()
    Image.fromarray(page).save(file, kind)
    return file.getvalue(), boxes


def a_scan(names: tuple[str, ...]) -> tuple[bytes, list[Place]]:
    """Return a PDF with a picture of these symbols on its page, and the box of each in points."""
    picture, boxes = a_picture(names)
    with Image.open(io.BytesIO(picture)) as image:
        width, height = image.size
        file = io.BytesIO()
        canvas = Canvas(file, (width, height), invariant=1)
        canvas.drawInlineImage(image, 0, 0, width, height)
    canvas.showPage()
    canvas.save()
    return file.getvalue(), boxes
