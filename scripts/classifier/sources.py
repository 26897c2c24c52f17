"""Drawings for the training: schemdraw's symbols, and our own with random proportions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scripts.classifier import drawn_style, schemdraw_style
from scripts.classifier.samples import Source
from scripts.classifier.shapes import Drawing


def training_sources() -> dict[str, list[Source]]:
    """Return functions that draw each class. Half of the crops of a class are schemdraw's, where it has the class."""
    sources: dict[str, list[Source]] = {}
    for name, makers in schemdraw_style.ELEMENTS.items():
        sources[name] = [_schemdraw(maker) for maker in makers]
    for name, symbol in drawn_style.STYLE.items():
        theirs = sources.get(name, [])
        sources[name] = theirs + [symbol] * max(1, len(theirs))
    return sources


def _schemdraw(maker: Callable[[], Any]) -> Source:
    element = maker()
    drawing = schemdraw_style.drawing_of(element)

    def source(random: np.random.Generator) -> Drawing:
        whole = Drawing(list(drawing.strokes), list(drawing.areas), list(drawing.filled))
        far = random.uniform(0.15, 1.1)
        schemdraw_style.leads(element, whole, far, far)
        return whole

    return source
