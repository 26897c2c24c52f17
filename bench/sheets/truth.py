"""The truth about generated sheets."""

from dataclasses import dataclass, field

from drawing_engine.pages import Box


@dataclass(frozen=True, slots=True)
class Rating:
    """A rating as drawn, and its value in `unit`, without prefixes such as k or µ."""

    raw: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A component with its designator."""

    designator: str
    box: Box
    rating: Rating | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A symbol of a floor plan, or of a schematic.

    Attributes:
        kind: key of `symbols.PLAN`, or the name of a schematic's symbol.
        box: about its lines.
        label: text beside it; empty if it has none.
        trap: it looks like a symbol of the plan, and must not be counted as one.
    """

    kind: str
    box: Box
    label: str = ""
    trap: bool = False


@dataclass(slots=True)
class Sheet:
    """Truth of one page."""

    number: str
    title: str
    components: list[Labelled] = field(default_factory=list)
    symbols: list[Drawn] = field(default_factory=list)
    legend: list[tuple[str, Box]] = field(default_factory=list)
    legend_box: Box | None = None
