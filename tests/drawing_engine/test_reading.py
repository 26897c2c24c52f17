"""Words, paths and images of pages, with their positions."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drawing_engine.pages import Box, DocumentFailure, DocumentInfo, Kind, Page
from drawing_engine.reading import read_document
from tests.support.drawing_files import one_page, read, read_page

Pdf = Callable[..., Path]


def close(box: Box, *expected: float, within: float = 0.01) -> bool:
    return bool(np.allclose(box, expected, atol=within))


def test_words_have_boxes_with_origin_at_the_top_left(pdf: Pdf) -> None:
    def draw(canvas):  # type: ignore[no-untyped-def]
        canvas.setFont("Helvetica", 10)
        canvas.drawString(100, 742, "-K1 24V")

    page = read_page(pdf(draw))
    assert [word.text for word in page.words] == ["-K1", "24V"]
    assert page.text == "-K1 24V"
    # As wide as the font's metrics make it; as high as PDFium's Helvetica, from 0.224 em below the line to 0.945 above.
    assert close(page.words[0].box, 100, 90.55, 115.56, 102.24)
    assert (page.width, page.height, page.kind) == (1191, 842, Kind.VECTOR_TEXT)


def test_paths_are_segments_in_drawing_order(pdf: Pdf) -> None:
    def draw(canvas):  # type: ignore[no-untyped-def]
        canvas.setLineWidth(2)
        canvas.setStrokeColorRGB(1, 0, 0)
        canvas.line(10, 832, 30, 832)
        canvas.setFillColorRGB(0, 0, 1)
        canvas.rect(100, 642, 50, 100, stroke=0, fill=1)

    page = read_page(pdf(draw))
    line, rectangle = page.paths
    assert line.stroke_width == 2 and line.stroke_color == (255, 0, 0)
    assert (line.is_stroked, line.is_filled, line.is_closed) == (True, False, False)
    assert (rectangle.is_stroked, rectangle.is_filled, rectangle.is_closed) == (False, True, True)
    assert rectangle.fill_color == (0, 0, 255) and close(rectangle.box, 100, 100, 150, 200)
    assert page.segments[0].tolist() == [10, 10, 30, 10]
    assert page.segment_path.tolist() == [0, 1, 1, 1, 1]
    assert page.drawing_count == 2


def test_curves_become_pieces_on_the_curve(pdf: Pdf) -> None:
    page = read_page(pdf(lambda canvas: canvas.circle(100, 742, 20)))
    assert len(page.segments) == 32
    radius = np.hypot(page.segments[:, 0] - 100, page.segments[:, 1] - 100)
    assert np.allclose(radius, 20, atol=0.02)
    assert page.paths[0].is_closed
    assert np.allclose(page.segments[1:, :2], page.segments[:-1, 2:], atol=1e-4)


@pytest.mark.parametrize(
    ("rotation", "size", "box", "segment"),
    [
        (0, (842, 595), (100, 485.243, 134.506, 501.024), (10, 575, 60, 575)),
        (90, (595, 842), (93.976, 100, 109.757, 134.506), (20, 10, 20, 60)),
        (180, (842, 595), (707.494, 93.976, 742, 109.757), (832, 20, 782, 20)),
        (270, (595, 842), (485.243, 707.494, 501.024, 742), (575, 832, 575, 782)),
    ],
)
def test_rotation_of_the_page_is_applied(
    tmp_path: Path, rotation: int, size: tuple[float, float], box: tuple[float, ...], segment: tuple[float, ...]
) -> None:
    path = tmp_path / "rotated.pdf"
    path.write_bytes(
        one_page(b"BT /F1 13.5 Tf 100 97 Td (Motor) Tj ET 10 20 m 60 20 l S", page=b"/Rotate %d" % rotation)
    )
    page = read_page(path)
    assert (page.width, page.height, page.rotation) == (*size, rotation)
    assert page.words[0].text == "Motor" and close(page.words[0].box, *box)
    assert np.allclose(page.segments[0], segment, atol=1e-3)


def test_crop_box_moves_the_origin(tmp_path: Path) -> None:
    path = tmp_path / "cropped.pdf"
    path.write_bytes(one_page(b"150 250 m 180 250 l S 0 0 m 10 10 l S", page=b"/CropBox [100 200 500 400]"))
    page = read_page(path)
    assert (page.width, page.height) == (400, 200)
    # The line outside is left out.
    assert page.segments.tolist() == [[50, 150, 80, 150]]


def test_objects_of_nested_forms_are_placed_by_all_matrices(tmp_path: Path) -> None:
    inner = b"<< /Type /XObject /Subtype /Form /BBox [0 0 100 100] /Matrix [2 0 0 2 0 0] /Length 20 >>\nstream\n"
    inner += b"1 w 0 0 m 10 5 l S  \nendstream"
    outer = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 500 500] /Resources << /XObject << /In 6 0 R >> >> /Length 30 >>"
    )
    outer += b"\nstream\nq 1 0 0 1 30 40 cm /In Do Q  \nendstream"
    path = tmp_path / "forms.pdf"
    path.write_bytes(
        one_page(b"q 3 0 0 3 100 100 cm /Out Do Q", resources=b"/XObject << /Out 7 0 R >>", others=[inner, outer])
    )
    page = read_page(path)
    assert page.segments.tolist() == [[190, 375, 250, 345]]
    assert page.paths[0].stroke_width == 6


def test_closed_subpath_has_its_last_side(tmp_path: Path) -> None:
    path = tmp_path / "closed.pdf"
    path.write_bytes(one_page(b"10 10 m 20 10 l 20 20 l h 50 50 m 60 60 l S 1 1 m 2 2 l 3 1 l S"))
    page = read_page(path)
    assert page.segments[:3].tolist() == [[10, 585, 20, 585], [20, 585, 20, 575], [20, 575, 10, 585]]
    assert page.segment_path.tolist() == [0, 0, 0, 0, 1, 1]
    assert [item.is_closed for item in page.paths] == [False, False]


def test_words_at_a_distance_are_separate(tmp_path: Path) -> None:
    path = tmp_path / "gap.pdf"
    path.write_bytes(one_page(b"BT /F1 10 Tf 100 100 Td (-K1) Tj ET BT /F1 10 Tf 121 100 Td (A1) Tj ET"))
    assert [word.text for word in read_page(path).words] == ["-K1", "A1"]


def test_vertical_text_is_one_word(tmp_path: Path) -> None:
    path = tmp_path / "vertical.pdf"
    path.write_bytes(one_page(b"BT /F1 10 Tf 0 1 -1 0 200 100 Tm (-W12) Tj ET"))
    (word,) = read_page(path).words
    assert word.text == "-W12"
    assert word.box.height > word.box.width and close(word.box, 192, 471.6, 204, 495, within=3)


def test_document_is_described_before_its_pages(pdf: Pdf) -> None:
    def draw(canvas):  # type: ignore[no-untyped-def]
        canvas.setTitle("Pump station")
        canvas.line(0, 0, 9, 9)

    info, *pages = read_document(pdf(draw, draw, draw), pages=[2, 0])
    assert isinstance(info, DocumentInfo)
    assert info.page_count == 3 and info.metadata["Title"] == "Pump station"
    assert [page.number for page in pages if isinstance(page, Page)] == [2, 0]


def test_page_that_does_not_exist_is_a_failure_of_that_page(pdf: Pdf) -> None:
    path = pdf(lambda canvas: canvas.line(0, 0, 9, 9))
    _, failure, page = read_document(path, pages=[7, 0])
    assert getattr(failure, "code", None) == "NO_SUCH_PAGE" and isinstance(page, Page)


def test_page_without_content_is_blank(pdf: Pdf) -> None:
    (page,) = read(pdf(lambda canvas: None))
    assert isinstance(page, Page) and (page.kind, page.words, page.warnings) == (Kind.BLANK, (), ())


def test_file_that_is_no_pdf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.pdf"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(2000))
    with pytest.raises(DocumentFailure) as caught:
        read(path)
    assert caught.value.code == "NOT_A_PDF"
    assert str(caught.value) == "Failed to process PDF: the file is not a PDF. Export the drawing as PDF."
