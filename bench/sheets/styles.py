"""Styles of drawing: fonts, line widths, proportions, and how a program writes circles, boxes and text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """Habits of one drawing office.

    Attributes:
        unit: size of a symbol, in points.
        stroke: width of lines, in points.
        label_size: font size of designators; ratings are drawn at `rating_share` of it.
        circles: "curve" (four Béziers) or a number of sides of a polygon.
        boxes: "rectangle" (one path) or "lines" (four paths).
        letters: each character of a designator is drawn by an operation of its own, as some CAD programs do.
        label_side: side of a symbol, seen upright, at which its label is: "right" or "left".
        rating_place: "below" the designator or "beside" it.
        slimness: width of oblong symbols in relation to the usual one.
        dash: the character in front of IEC designators.
        merged: a wire and the pin it continues are one line.
    """

    name: str
    font: str = "Helvetica"
    unit: float = 18
    stroke: float = 0.7
    label_size: float = 7
    rating_share: float = 0.85
    circles: str | int = "curve"
    boxes: str = "rectangle"
    letters: bool = False
    label_side: str = "right"
    rating_place: str = "below"
    slimness: float = 1.0
    dash: str = "-"
    merged: bool = False


#: Styles that may be looked at while recognition is developed.
STYLES = (
    Style("office"),
    Style("workshop", font="Courier", unit=22, stroke=0.5, label_size=8, circles=32, boxes="lines",
          rating_place="beside"),
    Style("panel", font="Times-Roman", unit=15, stroke=0.35, label_size=6, label_side="left", slimness=0.8),
    Style("plotter", font="Helvetica", unit=20, stroke=0.25, label_size=6.5, circles=24, boxes="lines", letters=True,
          rating_share=1.0, merged=True),
)  # fmt: skip

#: The style that is measured and never used while recognition is developed.
HELD_STYLE = Style(
    "atelier", font="Helvetica-Oblique", unit=26, stroke=1.1, label_size=9, circles=18, boxes="lines",
    label_side="left", rating_place="beside", slimness=1.3, dash="\N{EN DASH}", merged=True, rating_share=0.75,
)  # fmt: skip
