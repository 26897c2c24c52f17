"""A style of symbols that training never sees: IEC 60617 with proportions and details of its own.

It was fixed before the classifier was trained, and is not changed to suit it. Each function draws one symbol from left
to right, about 10 wide; y points down.
"""

from collections.abc import Callable

from scripts.classifier.shapes import Drawing

Symbol = Callable[[], Drawing]


def _leads(drawing: Drawing, left: float, right: float) -> Drawing:
    drawing.lines((-5, 0, left, 0), (right, 0, 5, 0))
    return drawing


def _resistor() -> Drawing:
    drawing = Drawing()
    drawing.box(0, 0, 5.6, 1.7)
    return _leads(drawing, -2.8, 2.8)


def _variable_resistor() -> Drawing:
    drawing = _resistor()
    drawing.arrow(-2.6, 2.4, 2.6, -2.4, head=0.9)
    return drawing


def _capacitor() -> Drawing:
    drawing = Drawing()
    drawing.lines((-0.45, -2.1, -0.45, 2.1), (0.45, -2.1, 0.45, 2.1))
    return _leads(drawing, -0.45, 0.45)


def _inductor() -> Drawing:
    drawing = Drawing()
    for at in (-2.4, -0.8, 0.8, 2.4):
        drawing.arc(at, 0, 0.8, 180, 360, flat=1.3)
    return _leads(drawing, -3.2, 3.2)


def _transformer() -> Drawing:
    drawing = Drawing()
    drawing.circle(-1.1, 0, 2)
    drawing.circle(1.1, 0, 2)
    return _leads(drawing, -3.1, 3.1)


def _diode() -> Drawing:
    drawing = Drawing()
    drawing.polygon((-1.4, -1.5), (-1.4, 1.5), (1.2, 0), area=True)
    drawing.line((1.2, -1.5), (1.2, 1.5))
    drawing.line((-5, 0), (5, 0))  # The line goes through, as IEC allows.
    return drawing


def _zener_diode() -> Drawing:
    drawing = _diode()
    drawing.line((1.2, -1.5), (0.5, -1.5))
    return drawing


def _led() -> Drawing:
    drawing = _diode()
    drawing.arrow(-0.2, -1.7, 1.0, -3.2, head=0.7)
    drawing.arrow(0.9, -1.7, 2.1, -3.2, head=0.7)
    return drawing


def _transistor() -> Drawing:
    drawing = Drawing()
    drawing.lines((-4, 0, -0.8, 0), (-0.8, -1.9, -0.8, 1.9), (-0.8, -0.8, 1.6, -2.6), (1.6, -2.6, 1.6, -4))
    drawing.arrow(-0.8, 0.8, 1.6, 2.6, head=1.0)
    drawing.line((1.6, 2.6), (1.6, 4))
    drawing.circle(0.3, 0, 3.1)
    return drawing


def _mosfet() -> Drawing:
    drawing = Drawing()
    drawing.lines((-4, 1.4, -1.3, 1.4), (-1.3, -1.4, -1.3, 1.4))
    drawing.lines((-0.7, -1.9, -0.7, -0.9), (-0.7, -0.5, -0.7, 0.5), (-0.7, 0.9, -0.7, 1.9))
    drawing.line((-0.7, -1.4), (1.6, -1.4), (1.6, -3.6))
    drawing.line((-0.7, 1.4), (1.6, 1.4), (1.6, 3.6))
    drawing.arrow(1.6, 0, -0.7, 0, head=0.8)
    drawing.line((1.6, 0), (1.6, 1.4))
    return drawing


def _contact_no() -> Drawing:
    drawing = Drawing()
    drawing.line((2, 0), (-2.2, -1.9))
    return _leads(drawing, -2, 2)


def _contact_nc() -> Drawing:
    drawing = Drawing()
    drawing.lines((2, 0, -2.4, -1.5), (-2, 0, -2, -1.9))
    return _leads(drawing, -2, 2)


def _changeover_contact() -> Drawing:
    drawing = Drawing()
    drawing.lines((5, 0, 2, 0), (2, 0, -2.3, -1.3), (-5, 1.6, -2, 1.6))
    drawing.line((-5, -1.9), (-2, -1.9), (-2, -0.9))
    return drawing


def _switch(rise: float) -> Drawing:
    drawing = Drawing()
    drawing.circle(-2, 0, 0.38)
    drawing.circle(2, 0, 0.38)
    drawing.line((1.65, -0.12), (-2.1, -rise))
    return _leads(drawing, -2.38, 2.38)


def _push_button() -> Drawing:
    drawing = _contact_no()
    for at in (-1.5, -2.3):
        drawing.line((0, at), (0, at - 0.45))
    drawing.line((0, -1.0), (0, -1.25))
    drawing.line((-0.7, -2.4), (-0.7, -3), (0.7, -3), (0.7, -2.4))
    return drawing


def _relay_coil() -> Drawing:
    drawing = Drawing()
    drawing.box(0, 0, 2.2, 4.4)
    return _leads(drawing, -1.1, 1.1)


def _contactor() -> Drawing:
    drawing = _contact_no()
    drawing.arc(-2.5, 0, 0.5, 0, -180)
    return drawing


def _circuit_breaker() -> Drawing:
    drawing = _contact_no()
    drawing.lines((-2.6, -0.6, -1.4, 0.6), (-2.6, 0.6, -1.4, -0.6))
    return drawing


def _fuse() -> Drawing:
    drawing = Drawing()
    drawing.box(0, 0, 4.6, 1.5)
    drawing.line((-5, 0), (5, 0))
    return drawing


def _in_circle(text: str, radius: float = 2.4) -> Drawing:
    drawing = Drawing()
    drawing.circle(0, 0, radius)
    drawing.letters(text, 0, 0, radius * 0.95)
    return _leads(drawing, -radius, radius)


def _motor() -> Drawing:
    drawing = Drawing()
    drawing.circle(0, 0, 2.6)
    drawing.letters("M", 0, -0.5, 2.0)
    drawing.letters("3~", 0, 1.4, 1.1)
    drawing.lines((-1.6, -4.4, -1.6, -2.05), (0, -4.4, 0, -2.6), (1.6, -4.4, 1.6, -2.05))
    return drawing


def _lamp() -> Drawing:
    drawing = Drawing()
    drawing.circle(0, 0, 1.9)
    at = 1.9 * 0.7071
    drawing.lines((-at, -at, at, at), (-at, at, at, -at))
    return _leads(drawing, -1.9, 1.9)


def _battery() -> Drawing:
    drawing = Drawing()
    drawing.lines((-0.5, -2.2, -0.5, 2.2), (0.5, -1, 0.5, 1))
    return _leads(drawing, -0.5, 0.5)


def _ground() -> Drawing:
    drawing = Drawing()
    drawing.lines((0, -3, 0, 0), (-2.2, 0, 2.2, 0), (-1.3, 0.8, 1.3, 0.8), (-0.5, 1.6, 0.5, 1.6))
    return drawing


def _terminal() -> Drawing:
    drawing = Drawing()
    drawing.circle(0, 0, 0.9)
    drawing.line((-0.9, 0.9), (0.9, -0.9))
    return drawing


def _socket() -> Drawing:
    drawing = Drawing()
    drawing.arc(0, 0, 2, 180, 360)
    drawing.lines((0, -2, 0, -3.4), (-2, -2, 2, -2))
    return drawing


STYLE: dict[str, tuple[Symbol, ...]] = {
    "resistor": (_resistor,),
    "variable_resistor": (_variable_resistor,),
    "capacitor": (_capacitor,),
    "inductor": (_inductor,),
    "transformer": (_transformer,),
    "diode": (_diode,),
    "zener_diode": (_zener_diode,),
    "led": (_led,),
    "transistor": (_transistor,),
    "mosfet": (_mosfet,),
    "contact_no": (_contact_no,),
    "contact_nc": (_contact_nc,),
    "changeover_contact": (_changeover_contact,),
    "switch_no": (lambda: _switch(2.1),),
    "switch_nc": (lambda: _switch(0.38),),
    "push_button": (_push_button,),
    "relay_coil": (_relay_coil,),
    "contactor": (_contactor,),
    "circuit_breaker": (_circuit_breaker,),
    "fuse": (_fuse,),
    "motor": (_motor, lambda: _in_circle("M")),
    "meter": (lambda: _in_circle("V"), lambda: _in_circle("A")),
    "lamp": (_lamp,),
    "battery": (_battery,),
    "ground": (_ground,),
    "terminal": (_terminal,),
    "socket": (_socket,),
}
