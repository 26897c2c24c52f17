"""Uploaded pictures (PNG, JPEG) as grey values.

A picture is not decoded here: its data is put into a PDF file as it is, and PDFium decodes it in the child process,
under the same limits as a drawing. This process only reads the headers, and the plain PNG that the child returns.
"""

import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drawing_engine.pages import DEFAULT_LIMITS, Box, Code, DocumentFailure
from drawing_engine.reading import render_page

Grey = NDArray[np.uint8]

MAX_BYTES = 10 * 2**20
#: Pixels of a picture, and of its longer side.
MAX_PIXELS, MAX_SIDE = 16_000_000, 14_400
#: Transparent pictures take the most time: a second for three million pixels.
_LIMITS = replace(DEFAULT_LIMITS, pixels=MAX_PIXELS, page_cpu_seconds=8)
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
#: Markers of JPEG: frames (without those of arithmetic coding), and markers without data.
_FRAMES = {0xC0, 0xC1, 0xC2}
_BARE = {0x01, *range(0xD0, 0xD8)}
_SCAN, _END = 0xDA, 0xD9
#: PNG's colour types.
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}
_DEPTHS = {
    _GREY: {1, 2, 4, 8, 16}, _RGB: {8, 16}, _PALETTE: {1, 2, 4, 8}, _GREY_ALPHA: {8, 16}, _RGB_ALPHA: {8, 16},
}  # fmt: skip
#: Transparent pixels on white, as a PostScript function: of grey and alpha, of red, green, blue and alpha.
_ON_WHITE = {
    _GREY_ALPHA: "{dup 3 1 roll mul exch 1 exch sub add}",
    _RGB_ALPHA: "{4 1 roll 3 index mul 3 index 1 exch sub add 3 1 roll 3 index mul 3 index 1 exch sub add 3 1 roll "
    "3 index mul 3 index 1 exch sub add 3 1 roll 4 3 roll pop}",
}
_DAMAGED = "The picture is damaged; export it again."


class PictureError(Exception):
    """A picture cannot be read. Its text is a sentence for people.

    Attributes:
        is_type: it is neither PNG nor JPEG, or a kind of them that is not supported.
        is_size: it is too large.
    """

    def __init__(self, text: str, *, is_type: bool = False, is_size: bool = False) -> None:
        super().__init__(text)
        self.is_type = is_type
        self.is_size = is_size


@dataclass(frozen=True)
class _Image:
    """A picture's data, and its description as an image of PDF."""

    width: int
    height: int
    data: bytes
    entries: str
    objects: tuple[bytes, ...] = ()


def read_picture(content: bytes) -> Grey:
    """Return a picture's grey values (height, width); transparent parts are white.

    Raises:
        PictureError: it is not a PNG or JPEG, too large, or damaged.
    """
    if len(content) > MAX_BYTES:
        raise PictureError(f"The picture may have at most {MAX_BYTES // 2**20} MB.", is_size=True)
    if content.startswith(_PNG):
        image = _png(content)
    elif content.startswith(_JPEG):
        image = _jpeg(content)
    else:
        raise PictureError("The picture must be a PNG or a JPEG file.", is_type=True)
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(_pdf(image))
        file.flush()
        try:
            rendered = render_page(Path(file.name), 0, 72, limits=_LIMITS)
        except DocumentFailure as failure:
            if failure.code in (Code.TIMEOUT, Code.OUT_OF_RESOURCES):
                raise PictureError(
                    "The picture takes too long to read; make it smaller, or save it without transparency.",
                    is_size=True,
                ) from failure
            raise PictureError(_DAMAGED) from failure
    return grey_values(rendered)


def grey_values(png: bytes) -> Grey:
    """Return the grey values (height, width) of a PNG as the child writes it: 8 bits, no filters, grey or colours."""
    header, data = b"", []
    for name, part in _chunks(png):
        if name == b"IHDR":
            header = part
        elif name == b"IDAT":
            data.append(part)
    width, height, _, kind = struct.unpack(">IIBB", header[:10])
    channels = 1 if kind == _GREY else 3
    rows = np.frombuffer(zlib.decompress(b"".join(data)), np.uint8).reshape(height, 1 + width * channels)[:, 1:]
    if channels == 1:
        return np.ascontiguousarray(rows)
    colours = rows.reshape(height, width, 3).astype(np.uint16)
    return ((colours[..., 0] * 77 + colours[..., 1] * 150 + colours[..., 2] * 29) >> 8).astype(np.uint8)


def cut(picture: Grey, box: Box) -> Grey:
    """Return a part of a picture, as far as it lies within; the box is in pixels."""
    height, width = picture.shape
    x0, y0 = max(0, int(box.x0)), max(0, int(box.y0))
    return picture[y0 : min(height, int(np.ceil(box.y1))), x0 : min(width, int(np.ceil(box.x1)))]


def _check_size(width: int, height: int) -> None:
    if not width or not height:
        raise PictureError(_DAMAGED)
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise PictureError(
            f"The picture has {width} × {height} pixels; at most {MAX_PIXELS // 10**6} million and {MAX_SIDE} on a "
            "side are allowed. Make it smaller.",
            is_size=True,
        )


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names and contents of a PNG's chunks, up to the first that is cut off."""
    at = len(_PNG)
    while at + 12 <= len(png):
        length, name = struct.unpack_from(">I4s", png, at)
        if at + 12 + length > len(png):
            return
        yield name, png[at + 8 : at + 8 + length]
        at += 12 + length


def _png(content: bytes) -> _Image:
    chunks = list(_chunks(content))
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise PictureError(_DAMAGED)
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    _check_size(width, height)
    if depth not in _DEPTHS.get(kind, ()):
        raise PictureError(_DAMAGED)
    if interlaced:
        raise PictureError("Interlaced PNG is not supported; save the picture without interlacing.", is_type=True)
    data = b"".join(part for name, part in chunks if name == b"IDAT")
    palette = b"".join(part for name, part in chunks if name == b"PLTE")
    if not data or (kind == _PALETTE and (not palette or len(palette) % 3 or len(palette) > 768)):
        raise PictureError(_DAMAGED)
    objects: tuple[bytes, ...] = ()
    match kind:
        case 0:
            space = "/DeviceGray"
        case 2:
            space = "/DeviceRGB"
        case 3:
            space = f"[/Indexed /DeviceRGB {len(palette) // 3 - 1} <{palette.hex()}>]"
        case _:
            names, base = ("/G /A", "/DeviceGray") if kind == _GREY_ALPHA else ("/R /G /B /A", "/DeviceRGB")
            space = f"[/DeviceN [{names}] {base} 5 0 R]"
            ranges = " ".join(["0 1"] * (_CHANNELS[kind] - 1))
            domain = " ".join(["0 1"] * _CHANNELS[kind])
            objects = (_stream(f"/FunctionType 4 /Domain [{domain}] /Range [{ranges}]", _ON_WHITE[kind].encode()),)
    channels = _CHANNELS[kind]
    entries = (
        f"/ColorSpace {space} /BitsPerComponent {depth} /Filter /FlateDecode /DecodeParms << /Predictor 15 "
        f"/Colors {channels} /BitsPerComponent {depth} /Columns {width} >>"
    )
    return _Image(width, height, data, entries, objects)


def _jpeg(content: bytes) -> _Image:
    at = 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            break
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _FRAMES:
            return _jpeg_of(content, at)
        elif 0xC3 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            raise PictureError("This kind of JPEG is not supported; save the picture as a usual JPEG.", is_type=True)
        elif marker in (_SCAN, _END):
            break
        else:
            at += 2 + struct.unpack_from(">H", content, at + 2)[0]
    raise PictureError(_DAMAGED)


def _jpeg_of(content: bytes, at: int) -> _Image:
    if at + 10 > len(content):
        raise PictureError(_DAMAGED)
    depth, height, width, channels = struct.unpack_from(">BHHB", content, at + 4)
    _check_size(width, height)
    space = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK /Decode [1 0 1 0 1 0 1 0]"}.get(channels)
    if space is None or depth != 8:
        raise PictureError("This kind of JPEG is not supported; save the picture as a usual JPEG.", is_type=True)
    return _Image(width, height, content, f"/ColorSpace {space} /BitsPerComponent 8 /Filter /DCTDecode")


def _stream(entries: str, data: bytes) -> bytes:
    return f"<< {entries} /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def _pdf(image: _Image) -> bytes:
    """Return a PDF file with one page, which shows a picture at one point for each pixel."""
    width, height = image.width, image.height
    page = f"/MediaBox [0 0 {width} {height}] /Resources << /XObject << /P 3 0 R >> >> /Contents 4 0 R"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count 1 /Kids [<< /Type /Page /Parent 2 0 R {page} >>] >>".encode(),
        _stream(f"/Type /XObject /Subtype /Image /Width {width} /Height {height} {image.entries}", image.data),
        _stream("", f"q {width} 0 0 {height} 0 0 cm /P Do Q".encode()),
        *image.objects,
    ]
    result, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(result))
        result += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(result)}\n%%EOF\n"
    return bytes(result) + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode()
