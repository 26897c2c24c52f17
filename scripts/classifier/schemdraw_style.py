"""Symbols of the library schemdraw (MIT) as drawings."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import schemdraw.elements as elm
from schemdraw import segments as seg

from scripts.classifier.shapes import Drawing, Points

#: Makers of elements of each class, and of elements that belong to none.
ELEMENTS: dict[str, tuple[Callable[[], Any], ...]] = {
    "resistor": (elm.ResistorIEEE, elm.ResistorIEC),
    "variable_resistor": (elm.ResistorVarIEEE, elm.ResistorVarIEC, elm.PotentiometerIEEE, elm.PotentiometerIEC),
    "capacitor": (elm.Capacitor, elm.Capacitor2),
    "inductor": (elm.Inductor, elm.Inductor2),
    "transformer": (
        elm.Transformer,
        partial(elm.Transformer, t1=2, t2=2, core=False),
        partial(elm.Transformer, t1=5, t2=3),
        partial(elm.Transformer, t1=3, t2=3, loop=True),
    ),
    "diode": (elm.Diode,),
    "zener_diode": (elm.Zener,),
    "led": (elm.LED, elm.LED2),
    "transistor": (elm.BjtNpn, elm.BjtPnp, partial(elm.BjtNpn, circle=True), partial(elm.BjtPnp, circle=True)),
    "mosfet": (elm.NFet, elm.PFet, elm.NMos, elm.PMos, elm.JFetN, elm.JFetP, elm.NMos2, elm.PMos2),
    "contact_no": (partial(elm.Switch, contacts=False), elm.SwitchReed),
    "contact_nc": (partial(elm.Switch, contacts=False, nc=True),),
    "switch_no": (elm.Switch,),
    "switch_nc": (partial(elm.Switch, nc=True),),
    "changeover_contact": (elm.SwitchSpdt, elm.SwitchSpdt2, partial(elm.SwitchSpdt, contacts=False)),
    "push_button": (elm.Button, partial(elm.Button, nc=True), partial(elm.Button, contacts=False)),
    "circuit_breaker": (elm.Breaker,),
    "fuse": (elm.FuseIEC, elm.FuseIEEE, elm.FuseUS),
    "motor": (elm.Motor,),
    "meter": (elm.MeterV, elm.MeterA, elm.MeterOhm, elm.MeterArrow),
    "lamp": (elm.Lamp, elm.Lamp2),
    "battery": (elm.Battery, elm.BatteryCell),
    "ground": (elm.Ground, elm.GroundSignal, elm.GroundChassis),
    "terminal": (elm.Terminal,),
    "socket": (elm.OutletA, elm.OutletB, elm.OutletC, elm.OutletF, elm.OutletG),
    "unknown": (
        elm.Antenna, elm.Crystal, elm.Speaker, elm.Mic, elm.Opamp, elm.Jack, elm.Plug, elm.SourceV, elm.SourceSin,
        elm.SourceI, elm.SourceSquare, elm.SourceControlled, elm.Triac, elm.Neon, elm.Memristor, elm.SparkGap,
        elm.Solar, elm.Josephson, elm.Rectifier, elm.Header, elm.SevenSegment, elm.Triode,
    ),
}  # fmt: skip

#: Radius of circles that may be shown filled, being terminals.
_SMALL = 0.2


def drawing_of(element: Any) -> Drawing:
    """Return an element's lines, y down. A length of 1 is the body of an element with two ends."""
    drawing = Drawing()
    for segment in element.segments:
        if getattr(segment, "visible", True):
            _add(drawing, segment)
    return drawing.moved(np.array([[1.0, 0.0], [0.0, -1.0]]))


def _add(drawing: Drawing, segment: Any) -> None:
    is_filled = bool(getattr(segment, "fill", None)) and segment.fill not in ("none", "bg", "white")
    match segment:
        case seg.SegmentText():
            letters = Drawing()
            letters.letters(segment.text, 0, 0, 0.5)
            # The letters are upside down here, because the whole drawing is turned over later.
            x, y = segment.xy
            drawing.add([stroke * (1, -1) + (float(x), float(y)) for stroke in letters.strokes])
        case seg.SegmentCircle():
            x, y = segment.center
            small = segment.radius < _SMALL
            drawing.circle(float(x), float(y), segment.radius, area=small and not is_filled, filled=is_filled)
        case seg.SegmentArc():
            drawing.add([_arc(segment)])
        case seg.SegmentPoly():
            corners = [(float(x), float(y)) for x, y in segment.verts]
            if segment.closed:
                drawing.polygon(*corners, area=len(corners) <= 4 and not is_filled, filled=is_filled)
            else:
                drawing.line(*corners)
        case seg.SegmentBezier():
            drawing.add([_bezier(np.array([tuple(point) for point in segment.p], float))])
        case seg.Segment():
            drawing.add(list(_pieces(np.array([tuple(point) for point in segment.path], float))))
            if segment.arrow:
                _head(drawing, segment)


def _arc(segment: Any) -> Points:
    start, end = segment.theta1, segment.theta2
    turns = np.radians(np.linspace(start, end if end > start else end + 360, 24))
    turn = np.radians(segment.angle)
    x, y = np.cos(turns) * segment.width / 2, np.sin(turns) * segment.height / 2
    turned = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)
    return np.asarray(turned + np.array(tuple(segment.center), float))


def _bezier(control: Points) -> Points:
    share = np.linspace(0, 1, 12)[:, None]
    points = control
    levels = [points[at][None] for at in range(len(points))]
    while len(levels) > 1:
        levels = [one * (1 - share) + two * share for one, two in pairwise(levels)]
    return np.asarray(levels[0])


def _pieces(path: Points) -> Iterator[Points]:
    breaks = np.flatnonzero(np.isnan(path[:, 0]))
    for piece in np.split(path, breaks):
        known = piece[~np.isnan(piece[:, 0])]
        if len(known) > 1:
            yield known


def _head(drawing: Drawing, segment: Any) -> None:
    start, end = (tuple(map(float, segment.path[at])) for at in (0, -1))
    if "<" in segment.arrow:
        start, end = end, start
    drawing.arrow(*start, *end, head=segment.arrowlength, filled=True)


def leads(element: Any, drawing: Drawing, left: float, right: float) -> None:
    """Add the lines to the left and to the right of an element with two ends, of these lengths."""
    if isinstance(element, elm.Element2Term):
        body: Any = element.segments[0]
        path = [tuple(point) for point in body.path]
        first, last = float(path[0][0]), float(path[-1][0])
        drawing.lines((first - left, 0, first, 0), (last, 0, last + right, 0))
