"""Generated schematics: control circuits by IEC 60617 and 81346-2, electronics by IEEE 315."""

import random
from pathlib import Path

from bench.sheets import symbols
from bench.sheets.frame import frame
from bench.sheets.pen import A3, Pen, Placing
from bench.sheets.styles import Style
from bench.sheets.truth import Drawn, Labelled, Rating, Sheet
from drawing_engine.pages import Box

_SI = {"": 1.0, "k": 1e3, "M": 1e6, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "n": 1e-9, "p": 1e-12, "G": 1e9}


def _rating(raw: str, value: float, unit: str) -> Rating:
    return Rating(raw, value, unit)


def _scaled(number: str, prefix: str, unit: str, raw: str) -> Rating:
    return Rating(raw, float(number.replace(",", ".")) * _SI[prefix], unit)


def _current(chance: random.Random) -> Rating:
    amperes = chance.choice([2, 4, 6, 10, 16, 20, 25, 32, 63])
    form = chance.choice(["{}A", "{} A", "C{}", "B{}"])
    return _rating(form.format(amperes), amperes, "A")


def _fuse(chance: random.Random) -> Rating:
    amperes = chance.choice(["2", "4", "6,3", "10", "16", "0.5"])
    return _scaled(amperes, "", "A", chance.choice([amperes + "A", amperes + " A"]))


def _coil(chance: random.Random) -> Rating | None:
    volts = chance.choice([24, 230])
    raw = chance.choice([f"{volts}V", f"{volts} V", f"{volts}V{'DC' if volts == 24 else 'AC'}"])
    return chance.choice([None, _rating(raw, volts, "V")])


def _motor(chance: random.Random) -> Rating:
    kilowatts = chance.choice(["0,75", "1.5", "4", "5,5", "11"])
    return _scaled(kilowatts, "k", "W", f"{kilowatts}{chance.choice(['', ' '])}kW")


def _cable(chance: random.Random) -> Rating:
    area = chance.choice(["0,75", "1.5", "2,5", "4", "6"])
    return _rating(f"{area}{chance.choice(['', ' '])}mm²", float(area.replace(",", ".")), "mm²")


#: Symbol, prefixes (one letter, two letters), ratings.
IEC = (
    (symbols.breaker, ("Q", "QA", "FC"), _current), (symbols.fuse, ("F", "FC", "FA"), _fuse),
    (symbols.contact, ("K", "KF", "QA"), lambda chance: None),
    (symbols.closed_contact, ("K", "KF", "BT"), lambda chance: None),
    (symbols.button, ("S", "SF", "S"), lambda chance: None),
    (symbols.coil, ("K", "KF", "QA"), _coil), (symbols.lamp, ("H", "P", "PF"), _coil),
    (symbols.motor, ("M", "MA", "M"), _motor),
    (symbols.transformer, ("T", "TA", "T"), lambda chance: chance.choice([None, _rating("63VA", 63, "VA")])),
    (symbols.resistor, ("R", "RA", "R"), lambda chance: _scaled("47", "", "Ω", "47 Ohm")),
)  # fmt: skip


def iec_sheet(pen: Pen, chance: random.Random, number: str) -> Sheet:
    """Draw control circuits: paths from rail to rail, a terminal strip, a PLC, cables and cross references."""
    style, (width, height) = pen.style, pen.size
    sheet = Sheet(number, chance.choice(["Control circuit", "Power circuit", "Motor starters", "Safety circuit"]))
    frame(pen, chance, number, sheet.title)
    letters = chance.randrange(2)
    counts: dict[str, int] = {}
    whole = chance.choice(["", "", "=A1+S1", "+S2"])
    small = style.label_size * style.rating_share
    # Rails.
    for y, name in ((70, "L1"), (84, "L2"), (height - 190, "N"), (height - 176, "PE")):
        pen.line((50, y), (width - 50, y))
        pen.text(52, y - 3, name, small)
    columns = int((width - 140) // (style.unit * 5))
    for column in range(columns):
        x = 100 + column * style.unit * 5
        y = 84.0
        while y + style.unit * 4.6 < height - 190:
            draw, prefixes, rate = chance.choice(IEC)
            centre = y + style.unit * 1.7
            brush = symbols.Brush(pen, Placing(x, centre, scale=style.unit))
            draw(brush)
            sheet.symbols.append(Drawn(draw.__name__, brush.box))
            pen.line((x, y), (x, centre - style.unit))
            prefix = prefixes[letters + chance.randrange(2)] if letters else prefixes[0]
            number_ = counts[prefix] = counts.get(prefix, 0) + 1
            name = f"{whole}{style.dash}{prefix}{number_}"
            _label(pen, sheet, name, rate(chance), brush.box, dash=style.dash)
            if draw in (symbols.contact, symbols.closed_contact, symbols.button):
                pen.text(x + 2, centre - style.unit * 0.8, chance.choice(["13", "11", "21"]), small * 0.8)
                pen.text(x + 2, centre + style.unit * 0.95, chance.choice(["14", "12", "22"]), small * 0.8)
            if draw is symbols.coil:
                pen.text(x + 2, centre - style.unit * 0.7, "A1", small * 0.8)
                pen.text(x + 2, centre + style.unit * 0.85, "A2", small * 0.8)
                pen.text(x - 8, height - 196, f"/{chance.randint(1, 9)}.{chance.randint(1, 8)}", small * 0.8)
            y = centre + style.unit
            if chance.random() < 0.3:
                break
        pen.line((x, y), (x, height - 190))
        pen.text(x + 2, height - 200, str(100 + column), small * 0.8)
        pen.text(x, height - 160, chance.choice(["Pump 1 on", "Start", "Fault", "Fan C16 area", "Lighting"]), small)
    _strip(pen, sheet, chance)
    pen.text(60, height - 60, "NOTES: 1. ALL CONTROL WIRES 1,5 mm² UNLESS NOTED. 2. SEE SHEET 7 FOR K-CODES.", 6)
    return sheet


def _label(pen: Pen, sheet: Sheet, name: str, rating: Rating | None, box: Box, *, dash: str = "-") -> None:
    """Write a designator and its rating at the side of a symbol."""
    style = pen.style
    size, small = style.label_size, style.label_size * style.rating_share
    widths = [pen.width(name, size), pen.width(rating.raw, small) if rating else 0]
    beside = style.rating_place == "beside" and rating
    total = sum(widths) + 4 if beside else max(widths)
    x = box.x1 + 4 if style.label_side == "right" else box.x0 - 4 - total
    middle = (box.y0 + box.y1) / 2
    drawn = pen.text(x, middle, name, size, letters=style.letters)
    sheet.components.append(Labelled(name.replace("\N{EN DASH}", "-"), drawn, rating))
    if rating:
        place = (x + widths[0] + 4, middle) if beside else (x, middle + size + 1)
        pen.text(*place, rating.raw, small)


def _strip(pen: Pen, sheet: Sheet, chance: random.Random) -> None:
    """Draw a terminal strip, a cable below it, and a PLC's inputs."""
    style, height = pen.style, pen.size[1]
    strip, y = chance.choice(["X", "XD"]), height - 120
    for n in range(6):
        x = 110 + n * 40
        pen.box(Box(x, y, x + 14, y + 10))
        name = f"-{strip}1:{n + 1}"
        drawn = pen.text(x - 6, y - 4, name, 5.5)
        sheet.components.append(Labelled(f"-{strip}1", drawn))
    rating = _cable(chance)
    drawn = pen.text(360, y + 8, "-W1", 6.5)
    sheet.components.append(Labelled("-W1", drawn, rating))
    pen.text(drawn.x1 + 5, y + 8, rating.raw, 6.5)
    box = Box(460, y - 6, 650, y + 40)
    pen.box(box)
    drawn = pen.text(460, y - 10, "-A1", style.label_size)
    sheet.components.append(Labelled("-A1", drawn))
    for n in range(8):
        pen.text(466 + n * 23, y + 4, f"I0.{n}", 5)
        pen.text(466 + n * 23, y + 36, chance.choice([f"DI{n}", f"Q{n}", f"K{n}"]), 5)


def iec_document(path: Path, style: Style, seed: int, pages: int = 1) -> list[Sheet]:
    """Write a PDF of control circuits; return the truth of each page."""
    chance, pen, sheets = random.Random(seed), Pen(path, style, A3), []
    for page in range(pages):
        sheets.append(iec_sheet(pen, chance, str(page + 1)))
        pen.end_page()
    pen.save()
    return sheets


def _ohms(chance: random.Random) -> Rating:
    return chance.choice([
        _rating("10k", 10e3, "Ω"), _rating("4k7", 4.7e3, "Ω"), _rating("330R", 330, "Ω"), _rating("1M", 1e6, "Ω"),
        _rating("100", 100, "Ω"), _rating("2.2k", 2.2e3, "Ω"), _rating("0R", 0, "Ω"), _rating("47kΩ", 47e3, "Ω"),
    ])  # fmt: skip


def _farads(chance: random.Random) -> Rating:
    return chance.choice([
        _rating("100nF", 1e-7, "F"), _rating("10uF", 1e-5, "F"), _rating("2.2µF", 2.2e-6, "F"),
        _rating("22pF", 22e-12, "F"), _rating("100n", 1e-7, "F"), _rating("4u7", 4.7e-6, "F"),
    ])  # fmt: skip


def _henries(chance: random.Random) -> Rating:
    return chance.choice([_rating("10uH", 1e-5, "H"), _rating("4.7 mH", 4.7e-3, "H"), _rating("100µH", 1e-4, "H")])


#: Symbol, prefix, ratings, part names without a rating.
IEEE = (
    (symbols.zigzag, "R", _ohms, ""), (symbols.resistor, "R", _ohms, ""), (symbols.capacitor, "C", _farads, ""),
    (symbols.inductor, "L", _henries, ""), (symbols.diode, "D", lambda chance: None, "1N4148"),
    (symbols.diode, "CR", lambda chance: None, "BAT54"), (symbols.transistor, "Q", lambda chance: None, "2N7002"),
    (symbols.fuse, "F", lambda chance: _rating("5A", 5, "A"), ""),
    (symbols.button, "SW", lambda chance: None, ""), (symbols.lamp, "DS", lambda chance: _rating("12V", 12, "V"), ""),
    (symbols.battery, "BT", lambda chance: _rating("3.7 V", 3.7, "V"), ""),
    (symbols.transformer, "T", lambda chance: None, ""),
)  # fmt: skip

_PINS = (
    tuple(f"D{n}" for n in range(8)), tuple(f"A{n}" for n in range(8)),
    ("Q1", "Q2", "Q3", "Q4", "CLK", "R1", "S1", "EN"),
    ("PB0", "PB1", "PC2", "PD3", "VCC", "GND", "RST", "X1"), ("IN1", "IN2", "OUT1", "C1", "C2", "V1", "FB", "L1"),
)  # fmt: skip


def ieee_sheet(pen: Pen, chance: random.Random, number: str) -> Sheet:
    """Draw electronics: two-pin parts on a grid, integrated circuits with pin names, nets, a connector, notes."""
    style, (width, height) = pen.style, pen.size
    sheet = Sheet(number, chance.choice(["Main board", "Power supply", "Sensor interface"]))
    frame(pen, chance, number, sheet.title)
    counts: dict[str, int] = {}
    step = style.unit * 5.2

    def name(prefix: str) -> str:
        counts[prefix] = counts.get(prefix, chance.choice([0, 0, 100, 200])) + 1
        return f"{prefix}{counts[prefix]}"

    for row in range(int((height - 330) // step)):
        for column in range(int((width - 140) // step)):
            x, y = 90 + column * step, 70 + row * step
            if chance.random() < 0.15:
                continue
            draw, prefix, rate, part = chance.choice(IEEE)
            brush = symbols.Brush(pen, Placing(x, y, scale=style.unit))
            draw(brush)
            sheet.symbols.append(Drawn(draw.__name__, brush.box))
            rating = rate(chance)
            _label(pen, sheet, name(prefix), rating, brush.box)
            if part and not rating:
                size = style.label_size * style.rating_share
                side = brush.box.x1 + 4 if style.label_side == "right" else brush.box.x0 - 4 - pen.width(part, size)
                pen.text(side, y + style.label_size + 1, part, size)
            if chance.random() < 0.4:
                pen.line((x, y + style.unit), (x, y + style.unit * 2), (x + step, y + style.unit * 2))
    for n in range(3):
        _chip(pen, sheet, chance, name(chance.choice(["U", "IC"])), 110 + n * 200, height - 235)
    drawn = pen.text(700, height - 240, name("J"), style.label_size)
    sheet.components.append(Labelled(_last(counts, "J"), drawn))
    pen.box(Box(700, height - 236, 730, height - 150))
    for n in range(6):
        pen.text(704, height - 224 + 13 * n, str(n + 1), 5)
        pen.line((730, height - 226 + 13 * n), (790, height - 226 + 13 * n))
        pen.text(734, height - 228 + 13 * n, chance.choice(["SDA", "SCL", "+5V", "GND", f"D{n}", "3V3"]), 5)
    pen.text(
        60, height - 60, "NOTES: 1. R1 AND R2 ARE 1% PARTS. 2. C5 IS NOT FITTED, SEE U1 DATA SHEET. 3. M3 SCREWS.", 6
    )
    return sheet


def _last(counts: dict[str, int], prefix: str) -> str:
    return f"{prefix}{counts[prefix]}"


def _chip(pen: Pen, sheet: Sheet, chance: random.Random, name: str, x: float, y: float) -> None:
    """Draw an integrated circuit: pin names inside, numbers and some net names outside."""
    style, pins = pen.style, chance.choice(_PINS)
    box = Box(x, y, x + 80, y + 90)
    pen.box(box)
    inside = chance.random() < 0.3
    place = (x + 30, y + 40) if inside else (x, y - 4)
    drawn = pen.text(*place, name, style.label_size)
    sheet.components.append(Labelled(name, drawn))
    pen.text(x + 26, y + 54, chance.choice(["LM358", "74HC595", "AT28C64"]), style.label_size * style.rating_share)
    other = chance.choice(_PINS)
    for n in range(8):
        height = y + 9 + n * 10.5
        pen.line((x - 25, height), (x, height))
        pen.line((x + 80, height), (x + 105, height))
        pen.text(x + 3, height + 2, pins[n], 5)
        pen.text(x + 77 - pen.width(other[n], 5), height + 2, other[n], 5)
        pen.text(x - 8, height - 1, str(n + 1), 4.5)
        pen.text(x + 83, height - 1, str(16 - n), 4.5)
        if n < 4:
            pen.text(x - 24, height - 1, f"A{n}", 4.5)


def ieee_document(path: Path, style: Style, seed: int, pages: int = 1) -> list[Sheet]:
    """Write a PDF of electronics; return the truth of each page."""
    chance, pen, sheets = random.Random(seed), Pen(path, style, A3), []
    for page in range(pages):
        sheets.append(ieee_sheet(pen, chance, f"{page + 1}/{pages}"))
        pen.end_page()
    pen.save()
    return sheets
