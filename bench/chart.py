"""Charts as SVG: bars, and curves with a logarithmic abscissa."""

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, LABELS, ROW, TOP = 760, 290, 26, 58
_COLOURS = {"ours": "#2f6f4f", "limit": "#999999", "peer": "#c9a227"}
_CURVES = ("#2f6f4f", "#c9a227", "#8a3b8f", "#2b6ca3", "#b5482a", "#777777")


def bars(title: str, unit: str, rows: Sequence[tuple[str, str, float]]) -> str:
    """Draw a bar for each (name, kind, value)."""
    longest = max(value for _, _, value in rows)
    parts = []
    for number, (name, kind, value) in enumerate(rows):
        y, width = TOP + number * ROW, (WIDTH - LABELS - 80) * value / longest
        parts += [
            _text(LABELS - 8, y + 13, name, "end"),
            f'<rect x="{LABELS}" y="{y}" width="{width:.1f}" height="18" fill="{_COLOURS[kind]}"/>',
            _text(LABELS + width + 6, y + 13, f"{value:,.0f}"),
        ]
    return _drawing(title, unit, TOP + len(rows) * ROW + 10, parts)


def curves(title: str, unit: str, abscissa: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Draw a curve through the points (x > 0, y) of each name. The ordinate begins at 0."""
    left, right, bottom, top = 70, WIDTH - 230, 300, TOP
    points = [point for line in lines.values() for point in line]
    low, high = math.log(min(x for x, _ in points)), math.log(max(x for x, _ in points))
    highest = max(y for _, y in points) * 1.1

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log(x) - low) / (high - low or 1)
        return left + across * (right - left), bottom - y / highest * (bottom - top)

    parts = [f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#888"/>']
    parts += [_text(place(x, 0)[0], bottom + 16, f"{x:,.0f}", "middle") for x in sorted({x for x, _ in points})]
    parts += [_text(left - 6, place(math.e**low, y)[1] + 4, f"{y:,.3g}", "end") for y in (0, highest / 2, highest)]
    parts.append(_text((left + right) / 2, bottom + 36, abscissa, "middle"))
    for number, (name, line) in enumerate(lines.items()):
        colour = _CURVES[number % len(_CURVES)]
        places = [place(x, y) for x, y in line]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        parts.append(_text(right + 16, top + 14 + number * 18, name, colour=colour))
    return _drawing(title, unit, bottom + 50, parts)


def _drawing(title: str, unit: str, height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">'
    ground = f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    heading = [_text(16, 24, title, size=16), _text(16, 42, unit, colour="#666")]
    return "\n".join([head, ground, *heading, *parts, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12, colour: str = "#222") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
    )
