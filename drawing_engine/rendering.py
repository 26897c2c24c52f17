"""A page or a part of it as a PNG image. Runs in the child."""

import ctypes
import struct
import zlib

import pypdfium2_raw as raw

from drawing_engine import pdfium

#: Rows compressed at once.
_ROWS = 64
#: A fast level: line drawings become 10 % larger than with the usual one, in a third of the time.
_LEVEL = 3


def render(page: int, scale: float, left: float, top: float, width: int, height: int) -> bytes:
    """Return a part of a page as a PNG image, with three channels, or one if it is grey.

    Args:
        scale: pixels per point.
        left: of the part, in pixels of the whole page.
        top: like `left`.
        width: of the part, in pixels.
        height: like `width`.

    Raises:
        MemoryError: the image does not fit in the memory.
    """
    stride = (3 * width + 3) // 4 * 4
    pixels = (ctypes.c_ubyte * (stride * height))()
    bitmap = pdfium.create_bitmap(width, height, raw.FPDFBitmap_BGR, ctypes.addressof(pixels), stride)
    if not bitmap:
        raise MemoryError
    pdfium.fill_bitmap(bitmap, 0, 0, width, height, 0xFFFFFFFF)
    pdfium.render_bitmap(
        bitmap, page, round(-left), round(-top), max(1, round(pdfium.get_width(page) * scale)),
        max(1, round(pdfium.get_height(page) * scale)), 0, raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER,
    )  # fmt: skip
    return png(memoryview(pixels).cast("B"), width, height, stride)


def png(pixels: memoryview, width: int, height: int, stride: int) -> bytes:
    """Return an image of rows of red, green, blue as PNG; in grey if all pixels are."""
    is_grey = all(
        rows[0::3] == rows[1::3] == rows[2::3]
        for start in range(0, height, _ROWS)
        if (rows := _tight(pixels, width, start, min(start + _ROWS, height), stride))
    )
    compressor = zlib.compressobj(_LEVEL)
    data = []
    for start in range(0, height, _ROWS):
        rows = _tight(pixels, width, start, min(start + _ROWS, height), stride)
        if is_grey:
            rows = rows[0::3]
        length = width if is_grey else 3 * width
        # Each row begins with the number of its filter: 0, none.
        lines = b"".join(b"\0" + rows[begin : begin + length] for begin in range(0, len(rows), length))
        data.append(compressor.compress(lines))
    data.append(compressor.flush())
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if is_grey else 2, 0, 0, 0)
    return b"".join([b"\x89PNG\r\n\x1a\n", _part(b"IHDR", header), _part(b"IDAT", b"".join(data)), _part(b"IEND", b"")])


def _tight(pixels: memoryview, width: int, first: int, last: int, stride: int) -> bytes:
    """Return rows without the bytes that fill them up to the stride."""
    if stride == 3 * width:
        return bytes(pixels[first * stride : last * stride])
    return b"".join(pixels[row * stride : row * stride + 3 * width] for row in range(first, last))


def _part(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
