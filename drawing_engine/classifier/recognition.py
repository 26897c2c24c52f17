"""Classification of the symbols in boxes of a page, or of a picture."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drawing_engine.classifier import crops
from drawing_engine.classifier.letters import letter_strokes
from drawing_engine.classifier.model import Exemplars, Recognition, SymbolClassifier
from drawing_engine.pages import Box, Word
from drawing_engine.pictures import Grey, PictureError, cut

Segments = NDArray[np.float32]

#: Boxes recognised at once.
MAX_BOXES = 64
#: Words that are part of a symbol, such as the M of a motor; others are labels beside it.
_LETTERS = re.compile(r"(?:[A-Z]|HZ|KWH|[123]?[~∼])", re.IGNORECASE)
#: Height of a capital letter as a share of its word's box.
_LETTER_SHARE = 0.7
OUTSIDE = "The box lies outside of the page."
NO_AREA = "The box must have an area: x0 below x1, and y0 below y1."
EMPTY = "Nothing is drawn in the box."


@dataclass(frozen=True)
class BoxResult:
    """The symbol in a box, or the reason why it cannot be recognised.

    Attributes:
        box: as given.
        recognition: None if there is an error.
        error: a sentence for people; empty if there is a recognition.
    """

    box: Box
    recognition: Recognition | None
    error: str = ""


def recognize_boxes(
    classifier: SymbolClassifier,
    boxes: Sequence[Box],
    *,
    size: tuple[float, float],
    segments: Segments,
    words: Sequence[Word] = (),
    exemplars: Exemplars | None = None,
    picture: Callable[[Box], tuple[Grey, float]] | None = None,
) -> list[BoxResult]:
    """Return a result for each box of a page, in the same order.

    Args:
        classifier: see `model`.
        boxes: in points.
        size: width and height of the page in points.
        segments: of the page, (n, 4).
        words: of the page; single letters within a box belong to the symbol.
        exemplars: symbols of the project, which have precedence.
        picture: returns an image of a part of the page, and its pixels in a point; it is called once, for boxes
            without segments, and may raise PictureError. None: such boxes are empty.
    """
    errors = {at: error for at, box in enumerate(boxes) if (error := _error(box, size))}
    images = np.zeros((len(boxes), crops.SIDE, crops.SIDE), np.float32)
    lines = {at: _with_letters(clip(segments, box), words, box) for at, box in enumerate(boxes) if at not in errors}
    drawn = [at for at, found in lines.items() if len(found)]
    if drawn:
        images[drawn] = crops.from_segments([lines[at] for at in drawn])
    missing = [at for at, found in lines.items() if not len(found)]
    if missing and picture:
        try:
            images[missing] = _from_picture(picture, [boxes[at] for at in missing], size)
        except PictureError as error:
            errors |= dict.fromkeys(missing, str(error))
    return _results(classifier, boxes, images, errors, exemplars)


def page_crops(boxes: Sequence[Box], segments: Segments, words: Sequence[Word] = ()) -> crops.Crops:
    """Return a crop of each box of a page; one without lines is empty."""
    return crops.from_segments([_with_letters(clip(segments, box), words, box) for box in boxes])


def recognize_picture(
    classifier: SymbolClassifier, boxes: Sequence[Box], picture: Grey, *, exemplars: Exemplars | None = None
) -> list[BoxResult]:
    """Return a result for each box of a picture, in the same order; the boxes are in pixels."""
    height, width = picture.shape
    errors = {at: error for at, box in enumerate(boxes) if (error := _error(box, (width, height)))}
    images = np.zeros((len(boxes), crops.SIDE, crops.SIDE), np.float32)
    good = [at for at in range(len(boxes)) if at not in errors]
    if good:
        images[good] = crops.from_pictures([cut(picture, boxes[at]) for at in good])
    return _results(classifier, boxes, images, errors, exemplars)


def clip(segments: Segments, box: Box) -> Segments:
    """Return the parts of segments that lie within a box."""
    x0, y0, x1, y1 = segments.T.astype(np.float64)
    near = (
        (np.minimum(x0, x1) <= box.x1) & (np.maximum(x0, x1) >= box.x0)
        & (np.minimum(y0, y1) <= box.y1) & (np.maximum(y0, y1) >= box.y0)
    )  # fmt: skip
    x0, y0, x1, y1 = x0[near], y0[near], x1[near], y1[near]
    # Liang and Barsky: the shares of each segment between which it lies on the inner side of all four edges.
    start, end = np.zeros(len(x0)), np.ones(len(x0))
    with np.errstate(divide="ignore", invalid="ignore"):
        for step, room in (
            (x0 - x1, x0 - box.x0), (x1 - x0, box.x1 - x0), (y0 - y1, y0 - box.y0), (y1 - y0, box.y1 - y0),
        ):  # fmt: skip
            share = room / step
            start = np.where(step < 0, np.maximum(start, share), start)
            end = np.where(step > 0, np.minimum(end, share), end)
            end = np.where((step == 0) & (room < 0), -1, end)
    # A segment that only touches an edge leaves no ink; a point within does.
    inside = (start < end) | ((x0 == x1) & (y0 == y1) & (start <= end))
    x0, y0, x1, y1, start, end = (one[inside] for one in (x0, y0, x1, y1, start, end))
    wide, tall = x1 - x0, y1 - y0
    clipped = np.stack([x0 + start * wide, y0 + start * tall, x0 + end * wide, y0 + end * tall], 1)
    return clipped.astype(np.float32)


def _with_letters(lines: Segments, words: Sequence[Word], box: Box) -> Segments:
    """Add the letters within a box to its lines. A box with letters only stays empty."""
    if not len(lines):
        return lines
    parts = [lines]
    for word in words:
        x, y = (word.box.x0 + word.box.x1) / 2, (word.box.y0 + word.box.y1) / 2
        is_inside = box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1
        if is_inside and _LETTERS.fullmatch(word.text):
            for stroke in letter_strokes(word.text.replace("∼", "~")):
                placed = stroke * (word.box.height * _LETTER_SHARE) + (x, y)
                parts.append(np.concatenate([placed[:-1], placed[1:]], 1).astype(np.float32))
    return np.concatenate(parts)


def _from_picture(
    picture: Callable[[Box], tuple[Grey, float]], boxes: Sequence[Box], size: tuple[float, float]
) -> crops.Crops:
    """Return crops of boxes from one image of the part of the page that contains all of them."""
    edges = np.array(boxes)
    low = np.maximum(edges[:, :2].min(axis=0), 0)
    high = np.minimum(edges[:, 2:].max(axis=0), size)
    image, scale = picture(Box(*map(float, (*low, *high))))
    moved = (edges - (*low, *low)) * scale
    return crops.from_pictures([cut(image, Box(*map(float, box))) for box in moved])


def _error(box: Box, size: tuple[float, float]) -> str:
    if not all(np.isfinite(box)) or not (box.x0 < box.x1 and box.y0 < box.y1):
        return NO_AREA
    return "" if box.overlaps(Box(0, 0, *size)) else OUTSIDE


def _results(
    classifier: SymbolClassifier,
    boxes: Sequence[Box],
    images: crops.Crops,
    errors: dict[int, str],
    exemplars: Exemplars | None,
) -> list[BoxResult]:
    found = classifier.classify(images, exemplars)
    results = []
    for at, box in enumerate(boxes):
        error = errors.get(at) or ("" if images[at].any() else EMPTY)
        results.append(BoxResult(box, None if error else found[at], error))
    return results
