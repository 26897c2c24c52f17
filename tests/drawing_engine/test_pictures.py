"""Pictures: kinds of PNG and JPEG that are read, and files that are refused with a sentence."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from drawing_engine.pages import Box
from drawing_engine.pictures import MAX_BYTES, PictureError, cut, grey_values, read_picture


def drawing() -> Image.Image:
    image = Image.new("RGBA", (200, 90), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.line((10, 10, 150, 70), fill=(0, 0, 0, 255), width=5)
    draw.rectangle((120, 10, 160, 40), fill=(255, 0, 0, 128))
    return image


def on_white() -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", (200, 90), "white"), drawing()).convert("RGB")


def file_of(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "kind", "tolerance"),
    [
        ("RGBA", "PNG", 0.2), ("LA", "PNG", 0.2), ("RGB", "PNG", 0.2), ("L", "PNG", 0.2), ("P", "PNG", 2),
        ("RGB", "JPEG", 1), ("L", "JPEG", 1), ("CMYK", "JPEG", 5),
    ],
)  # fmt: skip
def test_kinds_of_pictures_are_read_as_grey_on_white(mode: str, kind: str, tolerance: float) -> None:
    source = drawing() if mode in ("RGBA", "LA") else on_white()
    values = read_picture(file_of(source.convert(mode), kind))
    assert values.shape == (90, 200)
    assert np.abs(values.astype(int) - np.asarray(on_white().convert("L"))).mean() < tolerance


def png(width: int, height: int, *, depth: int = 8, kind: int = 0, interlaced: int = 0, data: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part)) for name, part in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "must be a PNG or a JPEG file"),
        (b"GIF89a" + bytes(50), "must be a PNG or a JPEG file"),
        (b"%PDF-1.7\n", "must be a PNG or a JPEG file"),
        (png(100_000, 100_000), "has 100000 × 100000 pixels"),
        (png(20_000, 10), "on a side"),
        (png(2**32 - 1, 2**32 - 1), "Make it smaller"),
        (png(0, 10), "damaged"),
        (png(10, 10, depth=3), "damaged"),
        (png(10, 10, kind=3), "damaged"),
        (png(10, 10, interlaced=1), "Interlaced PNG"),
        (png(10, 10)[:40], "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\xff\xd8\xff\xe0\x00\x00" + bytes(100), "damaged"),
        (b"\xff\xd8\xff\xc9\x00\x0b\x08\x00\x10\x00\x10\x01" + bytes(20), "kind of JPEG"),
        (b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01" + bytes(20), "65535 × 65535"),
        (b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES), "at most 10 MB"),
    ],
)
def test_files_that_are_no_pictures_are_refused_with_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(PictureError, match=sentence):
        read_picture(content)


def test_data_that_is_larger_than_the_header_says_is_harmless() -> None:
    bomb = png(50, 50, data=bytes(50_000_000))
    assert len(bomb) < 100_000
    assert read_picture(bomb).shape == (50, 50)


def test_missing_rows_do_not_fail_the_others() -> None:
    rows = (b"\0" + b"\xff" * 10 + b"\0" + b"\x00" * 10) * 2
    assert read_picture(png(10, 40, data=rows)).shape == (40, 10)


def test_a_cut_keeps_within_the_picture() -> None:
    values = grey_values(png(4, 2, data=b"\0\1\2\3\4\0\5\6\7\x08"))
    assert cut(values, Box(1, 0, 3, 2)).tolist() == [[2, 3], [6, 7]]
    assert cut(values, Box(-5, 1, 100, 100)).tolist() == [[5, 6, 7, 8]]
    assert cut(values, Box(10, 10, 20, 20)).size == 0
