"""Boxes of pages and of pictures: one result for each, in order, each with its own error."""

import numpy as np
import pytest

from drawing_engine.classifier import crops
from drawing_engine.classifier.model import SymbolClassifier
from drawing_engine.classifier.recognition import EMPTY, NO_AREA, OUTSIDE, recognize_boxes, recognize_picture
from drawing_engine.pages import Box, Word
from drawing_engine.pictures import Grey
from scripts.classifier import drawn_style
from scripts.classifier.shapes import Drawing, segments_of

pytest.importorskip("onnxruntime", reason="no wheel of onnxruntime here")
SIZE = (1000.0, 500.0)


@pytest.fixture(scope="module")
def classifier() -> SymbolClassifier:
    return SymbolClassifier()


def placed(drawing: Drawing, x: float, y: float, scale: float = 10) -> crops.Segments:
    return segments_of(drawing) * np.float32(scale) + np.array([x, y, x, y], np.float32)


def symbol(name: str) -> Drawing:
    return drawn_style.STYLE[name](np.random.default_rng(8))


def box_round(lines: crops.Segments, margin: float = 1) -> Box:
    x, y = lines[:, ::2], lines[:, 1::2]
    return Box(*map(float, (x.min() - margin, y.min() - margin, x.max() + margin, y.max() + margin)))


def test_each_box_has_its_result_in_order(classifier: SymbolClassifier) -> None:
    names = ["transistor", "relay_coil", "lamp"]
    parts = [placed(symbol(name), 100 + 200 * at, 100) for at, name in enumerate(names)]
    boxes = [box_round(part) for part in parts]
    asked = [
        boxes[2],
        Box(2000, 0, 2010, 10),
        boxes[0],
        Box(5, 5, 5, 9),
        Box(float("nan"), 0, 1, 1),
        Box(900, 400, 950, 450),
        boxes[1],
    ]
    results = recognize_boxes(classifier, asked, size=SIZE, segments=np.concatenate(parts))
    assert [result.box for result in results[:4]] == asked[:4]
    assert [result.error for result in results] == ["", OUTSIDE, "", NO_AREA, NO_AREA, EMPTY, ""]
    found = [result.recognition.name if result.recognition else None for result in results]
    assert found == ["lamp", None, "transistor", None, None, None, "relay_coil"]


def test_a_wire_that_leaves_the_box_is_cut_at_its_edge(classifier: SymbolClassifier) -> None:
    lamp = placed(symbol("lamp"), 500, 250)
    box = box_round(lamp)
    wires = np.array([[0, 250, 1000, 250]], np.float32)
    (result,) = recognize_boxes(classifier, [box], size=SIZE, segments=np.concatenate([lamp, wires]))
    assert result.recognition
    assert result.recognition.name in ("lamp", "unknown")


def test_a_letter_of_the_page_decides_between_a_motor_and_a_meter(classifier: SymbolClassifier) -> None:
    circle = Drawing()
    circle.circle(0, 0, 1)
    circle.lines((-1.4, 0, -1, 0), (1, 0, 1.4, 0))
    lines = placed(circle, 500, 250, 20)
    word = Box(492, 238, 508, 262)
    scores: dict[str, dict[str, float]] = {}
    for text in ("M", "V", "M1", ""):
        (result,) = recognize_boxes(classifier, [box_round(lines)], size=SIZE, segments=lines, words=[Word(text, word)])
        found = result.recognition
        assert found
        scores[text] = {one.name: one.confidence for one in (found, *found.alternatives)}
    assert scores["M"].get("motor", 0) > scores["V"].get("motor", 0) + 0.1
    # A designator is no letter of the symbol.
    assert scores["M1"] == scores[""] != scores["M"]


def test_boxes_without_lines_are_taken_from_one_picture(classifier: SymbolClassifier) -> None:
    drawn = {at: crops.from_segments([segments_of(symbol(name))])[0] for at, name in ((20, "fuse"), (120, "lamp"))}
    page = np.full((200, 400), 255, np.uint8)
    for x, image in drawn.items():
        page[60 : 60 + crops.SIDE, x : x + crops.SIDE] = np.rint(255 * (1 - image))
    calls: list[Box] = []

    def picture(box: Box) -> tuple[Grey, float]:
        calls.append(box)
        return page[int(box.y0 * 2) : int(box.y1 * 2), int(box.x0 * 2) : int(box.x1 * 2)], 2.0

    boxes = [Box(59, 29, 85, 55), Box(9, 29, 35, 55), Box(150, 60, 160, 70)]
    results = recognize_boxes(
        classifier, boxes, size=(200, 100), segments=np.zeros((0, 4), np.float32), picture=picture
    )
    assert calls == [Box(9, 29, 160, 70)]
    assert [result.recognition.name if result.recognition else None for result in results] == ["lamp", "fuse", None]
    again = recognize_picture(classifier, [Box(118, 58, 170, 110), Box(-9, -9, -1, -1)], page)
    assert again[0].recognition
    assert (again[0].recognition.name, again[1].error) == ("lamp", OUTSIDE)


def test_no_boxes_have_no_results(classifier: SymbolClassifier) -> None:
    assert recognize_boxes(classifier, [], size=SIZE, segments=np.zeros((0, 4), np.float32)) == []
    assert recognize_picture(classifier, [], np.zeros((5, 5), np.uint8)) == []
