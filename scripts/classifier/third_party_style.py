"""Symbols of the library pyschemaelectrical (MIT), which training never sees: drawings that were not made for this."""

import re
from collections.abc import Iterator
from typing import Any

from pyschemaelectrical.model import primitives
from pyschemaelectrical.symbols import breakers, coils, contacts, protection, terminals

from scripts.classifier.shapes import Drawing

#: Symbols by class. The others of the library have no class here, or are several symbols in one.
SYMBOLS: dict[str, tuple[Any, ...]] = {
    "contact_no": (contacts.normally_open_symbol,),
    "contact_nc": (contacts.normally_closed_symbol,),
    "changeover_contact": (contacts.spdt_contact_symbol,),
    "circuit_breaker": (breakers.circuit_breaker_symbol,),
    "relay_coil": (coils.coil_symbol,),
    "fuse": (protection.fuse_symbol,),
    "terminal": (terminals.terminal_symbol,),
}


def drawings() -> Iterator[tuple[str, Drawing]]:
    """Yield classes, and a drawing of each of their symbols."""
    for name, makers in SYMBOLS.items():
        for maker in makers:
            drawing = Drawing()
            _add(drawing, maker().elements)
            yield name, drawing


def _add(drawing: Drawing, elements: Any) -> None:
    for element in elements:
        match element:
            case primitives.Line():
                drawing.line((element.start.x, element.start.y), (element.end.x, element.end.y))
            case primitives.Circle():
                drawing.circle(element.center.x, element.center.y, element.radius)
            case primitives.Polygon():
                drawing.polygon(*((point.x, point.y) for point in element.points))
            case primitives.Group():
                _add(drawing, element.elements)
            case primitives.Path():
                numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", element.d)]
                drawing.line(*zip(numbers[::2], numbers[1::2], strict=True))
