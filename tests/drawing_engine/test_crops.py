"""Crops: the same symbol gives the same image, at any size and place, from lines and from a picture."""

import numpy as np
import pytest

from drawing_engine.classifier import crops
from drawing_engine.classifier.recognition import clip
from drawing_engine.pages import Box
from scripts.classifier.evaluation_style import STYLE
from scripts.classifier.shapes import segments_of


def lines(*ends: tuple[float, float, float, float]) -> crops.Segments:
    return np.array(ends, np.float32).reshape(-1, 4)


@pytest.mark.parametrize("scale", [0.001, 1, 5000])
def test_size_and_place_make_no_difference(scale: float) -> None:
    symbol = segments_of(STYLE["transistor"][0]())
    (one, two) = crops.from_segments([symbol, symbol * scale + np.float32(scale * 3)])
    # Single precision moves a few points by a cell.
    assert np.abs(one - two).mean() < 0.01


def test_ink_fills_the_longer_side() -> None:
    (image,) = crops.from_segments([lines((0, 0, 10, 0), (5, 0, 5, 2))])
    columns = np.flatnonzero(image.any(axis=0))
    assert columns[0] <= 2
    assert columns[-1] >= crops.SIDE - 3
    assert image[crops.SIDE // 2 - 12].sum() == 0


def test_a_point_is_drawn_and_nothing_is_empty() -> None:
    images = crops.from_segments([lines((3, 3, 3, 3)), lines()])
    assert images[0].any()
    assert not images[1].any()


def test_filled_areas_are_inked() -> None:
    outline = lines((0, 0, 10, 0), (10, 0, 10, 10), (10, 10, 0, 10), (0, 10, 0, 0))
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)
    hollow, full = crops.from_segments([outline, outline], areas=[[], [square]])
    assert hollow[20:28, 20:28].sum() == 0
    assert full[20:28, 20:28].min() == 1


@pytest.mark.parametrize("zoom", [1, 3, 12])
def test_a_picture_of_a_symbol_is_like_its_lines(zoom: int) -> None:
    (drawn,) = crops.from_segments([segments_of(STYLE["fuse"][0]())])
    page = np.full((60, 70), 255, np.uint8)
    page[6 : 6 + crops.SIDE, 9 : 9 + crops.SIDE] = np.rint(255 * (1 - drawn))
    (again,) = crops.from_pictures([np.kron(page, np.ones((zoom, zoom), np.uint8))])
    assert np.corrcoef(drawn.ravel(), again.ravel())[0, 1] > 0.8


def test_white_on_black_is_like_black_on_white() -> None:
    page = np.full((50, 50), 255, np.uint8)
    page[10:40, 25] = 0
    page[25, 10:40] = 0
    black, white = crops.from_pictures([page, 255 - page])
    assert (black == white).all()


@pytest.mark.parametrize("shape", [(0, 0), (5, 0), (30, 40)])
def test_a_picture_without_contrast_is_empty(shape: tuple[int, int]) -> None:
    assert not crops.from_pictures([np.full(shape, 200, np.uint8)]).any()


def test_clipping_keeps_what_lies_within() -> None:
    box = Box(0, 0, 10, 10)
    inside, crossing, beside, diagonal = (2, 2, 8, 3), (-5, 5, 15, 5), (11, 0, 11, 10), (-2, 8, 4, 14)
    found = clip(lines(inside, crossing, beside, diagonal), box)
    assert found.tolist() == [[2, 2, 8, 3], [0, 5, 10, 5]]
    assert clip(lines((5, -3, 5, 4)), box).tolist() == [[5, 0, 5, 4]]
    assert len(clip(lines(), box)) == 0
