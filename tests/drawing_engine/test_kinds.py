"""The kind of a page, and the warnings about it."""

import zlib
from pathlib import Path

import pytest

from drawing_engine.kinds import INVISIBLE_TEXT, NO_TEXT, SCAN
from drawing_engine.pages import Kind
from tests.support.drawing_files import one_page, read_page, stream

PATHS = b" ".join(b"%d 10 m %d 90 l S" % (n, n + 5) for n in range(0, 400, 10))
TEXT = b"BT /F1 10 Tf 100 300 Td (K1 K2 K3 K4 K5 K6) Tj ET "
INVISIBLE = b"BT 3 Tr /F1 10 Tf 100 300 Td (K1 K2 K3 K4 K5 K6) Tj ET "
#: An image on the whole page, one on its upper half and one on the lower half, and a logo.
SCANNED, HALVES = b"q 842 0 0 595 0 0 cm /I Do Q ", b"q 842 0 0 298 0 0 cm /I Do Q q 842 0 0 298 0 297 cm /I Do Q "
LOGO = b"q 80 0 0 40 700 20 cm /I Do Q "
WHITE = b"1 1 1 rg 0 0 842 595 re f 1 1 1 RG 5 5 m 99 99 l S "
#: A letter drawn as outline.
OUTLINE = b"0 g 10 10 m 12 20 l 14 10 l 13 10 l 12 14 l 11 10 l h f "


@pytest.mark.parametrize(
    ("content", "kind", "warnings", "images"),
    [
        (PATHS + TEXT, Kind.VECTOR_TEXT, (), 0),
        (PATHS + TEXT + LOGO, Kind.VECTOR_TEXT, (), 1),
        (TEXT, Kind.VECTOR_TEXT, (), 0),
        (OUTLINE * 9, Kind.VECTOR_ONLY, (NO_TEXT,), 0),
        (SCANNED, Kind.RASTER, (NO_TEXT, SCAN), 1),
        (HALVES, Kind.RASTER, (NO_TEXT, SCAN), 2),
        (SCANNED + INVISIBLE, Kind.RASTER, (INVISIBLE_TEXT, SCAN), 1),
        (LOGO, Kind.RASTER, (NO_TEXT, SCAN), 1),
        (SCANNED + TEXT, Kind.MIXED, (), 1),
        (SCANNED + PATHS, Kind.MIXED, (NO_TEXT,), 1),
        (b"", Kind.BLANK, (), 0),
        (WHITE, Kind.BLANK, (), 0),
        (b"5 5 9 9 re W n " + SCANNED.replace(b"0 0 cm", b"900 0 cm"), Kind.BLANK, (), 0),
    ],
)
def test_kind_of_a_page(tmp_path: Path, content: bytes, kind: Kind, warnings: tuple[str, ...], images: int) -> None:
    image = stream(
        zlib.compress(bytes(12)),
        b"/Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceRGB /BitsPerComponent 8 "
        b"/Filter /FlateDecode",
    )
    path = tmp_path / "page.pdf"
    path.write_bytes(one_page(content, resources=b"/XObject << /I 6 0 R >>", others=[image]))
    page = read_page(path)
    assert (page.kind, page.warnings, page.image_count) == (kind, warnings, images)
    assert len(page.words) == (6 if b"K1" in content else 0)


def test_paths_outside_their_clip_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "clip.pdf"
    inside, outside = b"120 120 m 130 130 l S ", b"10 10 m 20 20 l S "
    path.write_bytes(one_page(b"q 100 100 50 50 re W n " + inside + outside + b"Q " + outside))
    page = read_page(path)
    assert page.drawing_count == 2
    assert page.segments.tolist() == [[120, 475, 130, 465], [10, 585, 20, 575]]
    assert page.segment_path.tolist() == [0, 1]
