"""The wires that leave a drawn symbol."""

import numpy as np

from scripts.classifier.shapes import Drawing

Random = np.random.Generator


def ends(drawing: Drawing, random: Random, left: float, right: float) -> Drawing:
    """Add a wire to the left end and to the right one, each with a random length."""
    # Some are needed: a coil and a resistor differ only in the sides that their wires leave from.
    far = random.uniform(0.25, 1.6)
    drawing.lines((left - far, 0, left, 0), (right, 0, right + far, 0))
    return drawing
