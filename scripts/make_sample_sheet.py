"""Draws the sample drawing: a motor control cabinet in two sheets, with IEC symbols, designators and ratings.

    .venv/bin/python -m scripts.make_sample_sheet samples/cabinet.pdf

Each run gives the same bytes. `SHEETS` is what is on it.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from reportlab.pdfgen.canvas import Canvas

from scripts.classifier.evaluation_style import STYLE
from scripts.classifier.samples import position
from scripts.classifier.shapes import Drawing

#: A3, in points.
WIDTH, HEIGHT = 1191, 842
#: Size of a symbol: its unit in points.
UNIT = 6.5
#: Heights of the supply and of the first symbols, and from one symbol of a circuit to the next.
SUPPLY, FIRST, STEP = 110, 200, 140


class Device(NamedTuple):
    """A device of a circuit: its class, its designator, and its rating."""

    name: str
    designator: str
    rating: str = ""


class Sheet(NamedTuple):
    """A sheet: its number, its title, and its circuits from left to right, each from top to bottom."""

    number: str
    title: str
    circuits: list[list[Device]]


def _feeder(number: int, current: str, power: str) -> list[Device]:
    return [
        Device("circuit_breaker", f"-Q{number}", current),
        Device("contactor", f"-QA{number}", current),
        Device("motor", f"-M{number}", power),
    ]


def _control(number: int) -> list[Device]:
    return [
        Device("fuse", f"-F{number}", "2 A"),
        Device("push_button", f"-S{number}"),
        Device("contact_nc", f"-K{number + 10}"),
        Device("relay_coil", f"-K{number}", "24 V"),
    ]


SHEETS = [
    Sheet(
        "1", "Motor feeders",
        [_feeder(1, "16 A", "5.5 kW"), _feeder(2, "16 A", "5.5 kW"), _feeder(3, "10 A", "3 kW"),
         _feeder(4, "10 A", "3 kW"), _feeder(5, "6 A", "1.5 kW"),
         [Device("fuse", "-F9", "63 A"), Device("transformer", "-T1", "250 VA"), Device("ground", "")]],
    ),
    Sheet(
        "2", "Control and indicators",
        [_control(1), _control(2), _control(3),
         [Device("contact_no", "-K1"), Device("lamp", "-P1", "24 V")],
         [Device("contact_no", "-K2"), Device("lamp", "-P2", "24 V")],
         [Device("contact_no", "-K3"), Device("lamp", "-P3", "24 V"), Device("resistor", "-R1", "470 Ω")],
         [Device("contact_no", "-K11"), Device("lamp", "-P4", "24 V")]],
    ),
]  # fmt: skip


def draw(path: Path) -> None:
    """Write the drawing."""
    canvas = Canvas(str(path), (WIDTH, HEIGHT), invariant=1)
    canvas.setTitle("Sample cabinet")
    canvas.setAuthor("Tandem")
    for sheet in SHEETS:
        _frame(canvas, sheet)
        for at, circuit in enumerate(sheet.circuits):
            _circuit(canvas, 130 + at * 150, circuit)
        canvas.showPage()
    canvas.save()


def _circuit(canvas: Canvas, x: float, circuit: list[Device]) -> None:
    """Draw devices one below the other, joined by wires."""
    end = float(SUPPLY)
    for at, device in enumerate(circuit):
        lines, y = _standing(device), FIRST + at * STEP
        points = np.concatenate(lines.strokes)
        _line(canvas, x, end, x, y + float(points[:, 1].min()) * UNIT)
        _device(canvas, x, y, device, lines)
        end = y + float(points[:, 1].max()) * UNIT
    _line(canvas, x - 4, SUPPLY + 4, x + 4, SUPPLY - 4)


def _standing(device: Device) -> Drawing:
    """Return the symbol with its wires above and below. Most lie, and get a quarter turn."""
    drawing = STYLE[device.name][0]()
    return drawing if device.name in ("motor", "ground") else drawing.moved(position(1))


def _device(canvas: Canvas, x: float, y: float, device: Device, lines: Drawing) -> None:
    """Draw a device with its labels."""
    for stroke in lines.strokes:
        (first_x, first_y), *others = (np.array([x, HEIGHT - y]) + stroke * (UNIT, -UNIT)).tolist()
        path = canvas.beginPath()
        path.moveTo(first_x, first_y)
        for next_x, next_y in others:
            path.lineTo(next_x, next_y)
        canvas.drawPath(path)
    canvas.setFont("Helvetica", 9)
    canvas.drawString(x + 30, HEIGHT - y - 1, device.designator)
    canvas.setFont("Helvetica", 8)
    canvas.drawString(x + 30, HEIGHT - y - 12, device.rating)


def _line(canvas: Canvas, x0: float, y0: float, x1: float, y1: float) -> None:
    canvas.line(x0, HEIGHT - y0, x1, HEIGHT - y1)


def _frame(canvas: Canvas, sheet: Sheet) -> None:
    """Draw the border, the supply, and the title block."""
    canvas.setLineWidth(0.7)
    canvas.rect(20, 20, WIDTH - 40, HEIGHT - 40)
    _line(canvas, 60, SUPPLY, WIDTH - 60, SUPPLY)
    canvas.setFont("Helvetica", 8)
    canvas.drawString(40, HEIGHT - SUPPLY - 3, "L+")
    left, top = WIDTH - 20 - 330, HEIGHT - 20 - 48
    canvas.rect(left, 20, 330, 48)
    _line(canvas, left, top + 24, WIDTH - 20, top + 24)
    for x in (110, 220):
        _line(canvas, left + x, top + 24, left + x, HEIGHT - 20)
    cells = [(0, 0, "Title", sheet.title), (0, 1, "Project", "Sample cabinet"), (110, 1, "Scale", "1:1"),
             (220, 1, "Sheet", sheet.number)]  # fmt: skip
    for x, row, label, value in cells:
        canvas.setFont("Helvetica", 5)
        canvas.drawString(left + x + 3, HEIGHT - top - 24 * row - 7, label)
        canvas.setFont("Helvetica", 9)
        canvas.drawString(left + x + 3, HEIGHT - top - 24 * row - 19, value)


def main() -> None:
    """Write the drawing to the given path."""
    parser = argparse.ArgumentParser(description="Draw the sample drawing.")
    parser.add_argument("path", type=Path, help="the PDF to write")
    draw(parser.parse_args().path)


if __name__ == "__main__":
    main()
