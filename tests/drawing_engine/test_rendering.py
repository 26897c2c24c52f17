"""Pages as PNG images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drawing_engine.pages import Box, Code, DocumentFailure, Limits
from drawing_engine.reading import render_page
from tests.support.drawing_files import one_page
from tests.support.png import pixels

#: A red square of 72 pt in the upper left corner of a page of 144 x 288 pt.
RED = b"1 0 0 rg 0 216 72 72 re f"


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., Path]:
    def make(content: bytes = RED, **options: bytes) -> Path:
        path = tmp_path / "page.pdf"
        path.write_bytes(one_page(content, media_box=b"[0 0 144 288]", **options))
        return path

    return make


def test_image_has_the_size_of_the_page_and_its_colours(page: Callable[..., Path]) -> None:
    image = pixels(render_page(page(), 0, 36))
    assert image.shape == (144, 72, 3)
    assert image[10, 10].tolist() == [255, 0, 0]
    assert image[100, 60].tolist() == [255, 255, 255]


def test_page_without_colours_is_a_grey_image(page: Callable[..., Path]) -> None:
    image = pixels(render_page(page(b"0 216 72 72 re f"), 0, 36))
    assert image.shape == (144, 72)
    assert (image[10, 10], image[100, 60]) == (0, 255)


def test_part_of_a_page_is_that_part_of_its_image(page: Callable[..., Path]) -> None:
    path = page(RED + b" 0 0 1 RG 3 w 20 30 m 130 270 l S")
    whole = pixels(render_page(path, 0, 72))
    part = pixels(render_page(path, 0, 72, Box(30, 50, 90, 250)))
    assert part.shape == (200, 60, 3)
    # Pixels at the edge of a line may differ a little.
    assert np.abs(part.astype(int) - whole[50:250, 30:90]).mean() < 1


def test_rotation_of_the_page_is_applied(page: Callable[..., Path]) -> None:
    image = pixels(render_page(page(page=b"/Rotate 90"), 0, 36))
    assert image.shape == (72, 144, 3)
    assert image[10, 140].tolist() == [255, 0, 0]


def test_box_beyond_the_page_is_cut(page: Callable[..., Path]) -> None:
    assert pixels(render_page(page(), 0, 72, Box(100, 200, 900, 900))).shape == (88, 44)
    with pytest.raises(DocumentFailure) as caught:
        render_page(page(), 0, 72, Box(500, 500, 600, 600))
    assert caught.value.message == "Failed to process PDF: the box is outside of the page."


@pytest.mark.parametrize("dpi", [0, -1, 201, float("nan"), float("inf")])
def test_resolution_out_of_range_is_an_error(page: Callable[..., Path], dpi: float) -> None:
    with pytest.raises(ValueError, match="at most 200 dpi"):
        render_page(page(), 0, dpi)


@pytest.mark.parametrize("box", [(9, 9, 9, 20), (20, 9, 9, 20), (0, 0, float("nan"), 9)])
def test_box_without_area_is_an_error(page: Callable[..., Path], box: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must have an area"):
        render_page(page(), 0, 72, Box(*box))


def test_image_of_too_many_pixels_is_refused(page: Callable[..., Path]) -> None:
    with pytest.raises(DocumentFailure) as caught:
        render_page(page(), 0, 100, limits=Limits(pixels=1000))
    assert caught.value.code is Code.TOO_LARGE
    assert caught.value.message.endswith("Choose a lower resolution or a part of the page.")
