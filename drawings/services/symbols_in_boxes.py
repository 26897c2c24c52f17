"""Recognition of the symbols in boxes of a page or of a picture. Nothing is stored."""

import functools
import logging
import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from core.actors import Actor
from core.cached_results import cached_result
from core.errors import Conflict, TooLarge, Unavailable, UnsupportedMediaType, invalid
from drawing_engine.classifier.crops import SIDE
from drawing_engine.classifier.model import (
    Alternative,
    ClassifierUnavailable,
    Exemplars,
    Recognition,
    SymbolClassifier,
)
from drawing_engine.classifier.recognition import MAX_BOXES, BoxResult, page_crops, recognize_boxes, recognize_picture
from drawing_engine.pages import Box
from drawing_engine.pictures import MAX_BYTES, Grey, PictureError, grey_values, read_picture
from drawings.models import Page, Symbol
from drawings.models.components import UNKNOWN_CLASS
from drawings.queries.pages import get_page, lines_of, words_of
from drawings.services import images
from projects.queries import get_project

#: Methods, numbered as in drawing.v1.ComponentMethod.
BY_EXEMPLAR, BY_CLASSIFIER = 2, 3
#: Resolution of the images of pages without vector paths, and the largest of them, in pixels.
_DPI, _MAX_PIXELS = 150, 16_000_000
_POINTS_PER_INCH = 72
#: Symbols of a project that are compared, the newest ones, and pages that they are read from.
_MAX_EXEMPLARS, _MAX_EXEMPLAR_PAGES = 200, 20

logger = logging.getLogger(__name__)
_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Recognized:
    """The symbol in a box, or the reason why there is none.

    Attributes:
        bbox: as the client sent it.
        recognition: None if there is an error.
        error: a sentence for people.
        symbol_id: of the symbol whose exemplar it is like; empty = none.
    """

    bbox: Sequence[float]
    recognition: Recognition | None = None
    error: str = ""
    symbol_id: str = ""

    @property
    def method(self) -> int:
        return BY_EXEMPLAR if self.symbol_id else BY_CLASSIFIER


def recognize_components(
    actor: Actor, document_id: str, number: int, bboxes: Sequence[Sequence[float]]
) -> list[Recognized]:
    """Return what each box of a page shows, in order.

    Args:
        number: of the page, from 0.
        bboxes: in points.

    Raises:
        Document.DoesNotExist, Page.DoesNotExist
        ValidationError: on `boxes`: none, too many, or an infinite number in one.
        Conflict: the page could not be read.
        Unavailable: the classifier, or the storage of a page's file, cannot be used.
    """
    document, page = get_page(actor, document_id, number)
    if not bboxes:
        raise invalid("boxes", "required", f"Give 1 to {MAX_BOXES} boxes.")
    _check_count("boxes", len(bboxes))
    for at, bbox in enumerate(bboxes):
        _check_numbers(f"boxes.{at}.bbox", bbox)
    if page.failure_reason:
        raise Conflict(f"This page cannot be recognized. {page.failure_reason}")

    def picture(box: Box) -> tuple[Grey, float]:
        area = max(1.0, box.width * box.height) / _POINTS_PER_INCH**2
        dpi = max(images.MIN_DPI, min(_DPI, int((_MAX_PIXELS / area) ** 0.5)))
        try:
            _, image = images.page_image(actor, document_id, number, dpi, box)
        except Conflict as exc:
            raise PictureError(str(exc)) from exc
        return grey_values(image), dpi / _POINTS_PER_INCH

    model = classifier()
    known = _symbols(document.project_id)
    exemplars = _exemplars(model, known)
    found = recognize_boxes(
        model,
        [_box(bbox) for bbox in bboxes],
        size=(page.width, page.height),
        segments=lines_of(page.pk).segments,
        words=words_of(page.pk).engine_words(),
        exemplars=exemplars,
        picture=picture if page.image_count else None,
    )
    return _recognized(bboxes, found, known)


def recognize_image(
    actor: Actor, numbers: Sequence[float], chunks: Iterable[bytes], *, project_id: str = ""
) -> list[Recognized]:
    """Return what each box of a picture shows, in order.

    Args:
        numbers: four for each box, in pixels; none = the whole picture is one box.
        chunks: of the PNG or JPEG file.
        project_id: whose symbols have precedence; empty = none.

    Raises:
        Project.DoesNotExist
        ValidationError: on `bboxes`, or the picture is damaged.
        UnsupportedMediaType, TooLarge
        Unavailable: the classifier cannot be used, or too many pages and pictures are being read.
    """
    if len(numbers) % 4:
        raise invalid("bboxes", "box", "Give four numbers in pixels for each box: x0, y0, x1, y1.")
    bboxes: list[Sequence[float]] = [numbers[at : at + 4] for at in range(0, len(numbers), 4)]
    _check_count("bboxes", len(bboxes))
    _check_numbers("bboxes", numbers)
    known = _symbols(get_project(actor, project_id)[0].pk) if project_id else {}
    model = classifier()
    exemplars = _exemplars(model, known)
    picture = _picture(chunks)
    height, width = picture.shape
    bboxes = bboxes or [(0.0, 0.0, float(width), float(height))]
    found = recognize_picture(model, [_box(bbox) for bbox in bboxes], picture, exemplars=exemplars)
    return _recognized(bboxes, found, known)


def classifier() -> SymbolClassifier:
    """Return the classifier of this process, which is loaded once.

    Raises:
        Unavailable: it cannot be used on this machine; the log has the reason.
    """
    with _loading:
        try:
            return _classifier()
        except ClassifierUnavailable as exc:
            logger.error("%s", exc)
            raise Unavailable("Symbols cannot be recognized on this server at present; ask its operator.") from exc


@functools.cache
def _classifier() -> SymbolClassifier:
    return SymbolClassifier()


def _picture(chunks: Iterable[bytes]) -> Grey:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > MAX_BYTES:
            raise TooLarge(f"The picture may have at most {MAX_BYTES // 2**20} MB.")
    try:
        with images.turn():
            return read_picture(bytes(content))
    except PictureError as exc:
        if exc.is_size:
            raise TooLarge(str(exc)) from exc
        if exc.is_type:
            raise UnsupportedMediaType(str(exc), accepted=["image/png", "image/jpeg"]) from exc
        raise invalid("file", "invalid", str(exc)) from exc


def _check_count(field: str, count: int) -> None:
    if count > MAX_BOXES:
        raise invalid(field, "max_length", f"Give at most {MAX_BOXES} boxes.")


def _check_numbers(field: str, numbers: Sequence[float]) -> None:
    """Refuse infinite numbers and those that are not numbers, which JSON cannot express."""
    for at, number in enumerate(numbers):
        if not math.isfinite(number):
            raise invalid(f"{field}.{at}", "type", "Expected a number.")


def _box(bbox: Sequence[float]) -> Box:
    """Return a box; one without four numbers has no area, so its result has an error."""
    return Box(*bbox) if len(bbox) == 4 else Box(*[np.nan] * 4)


def _symbols(project_id: UUID | None) -> dict[str, Symbol]:
    """Return the newest symbols of a project by their ids."""
    rows = Symbol.objects.filter(document__project=project_id).select_related("document").order_by("-id")
    return {str(symbol.pk): symbol for symbol in rows[:_MAX_EXEMPLARS]}


def _exemplars(model: SymbolClassifier, known: Mapping[str, Symbol]) -> Exemplars | None:
    if not known:
        return None
    # A symbol's place never changes, and the content of a page depends on its file alone.
    arguments = (model.sha256, tuple((key, one.document.sha256, one.document.run) for key, one in known.items()))
    return cached_result("exemplars", arguments, lambda: _embedded(model, known))


def _embedded(model: SymbolClassifier, known: Mapping[str, Symbol]) -> Exemplars:
    by_page: dict[tuple[UUID, int], list[str]] = {}
    for key, symbol in known.items():
        by_page.setdefault((symbol.document_id, symbol.page_number), []).append(key)
    names: list[str] = []
    images: list[NDArray[np.float32]] = []
    for (document_id, number), keys in list(by_page.items())[:_MAX_EXEMPLAR_PAGES]:
        page = Page.objects.filter(document=document_id, number=number).first()
        if page is None:
            continue
        boxes = [Box(*known[key].box) for key in keys]
        cut = page_crops(boxes, lines_of(page.pk).segments, words_of(page.pk).engine_words())
        # Exemplars without lines, such as those of scans, are like nothing.
        drawn = [at for at in range(len(keys)) if cut[at].any()]
        names += [keys[at] for at in drawn]
        images.append(cut[drawn])
    whole = np.concatenate(images) if images else np.zeros((0, SIDE, SIDE), np.float32)
    return model.exemplars(names, whole)


def _recognized(
    bboxes: Sequence[Sequence[float]], found: Sequence[BoxResult], known: Mapping[str, Symbol]
) -> list[Recognized]:
    results = []
    for bbox, result in zip(bboxes, found, strict=True):
        recognition, symbol_id = result.recognition, ""
        if recognition and recognition.by_exemplar:
            symbol_id = recognition.name
            recognition = replace(
                recognition,
                name=_class_of(known[symbol_id]),
                alternatives=tuple(
                    Alternative(_class_of(known[key]), confidence) for key, confidence in recognition.alternatives
                ),
            )
        results.append(Recognized(list(bbox), recognition, result.error, symbol_id))
    return results


def _class_of(symbol: Symbol) -> str:
    """Return the class of the components that are like a symbol."""
    return str(symbol.name if symbol.symbol_class == UNKNOWN_CLASS else symbol.symbol_class)
