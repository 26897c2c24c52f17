"""Files that a reader of PDF must survive: bombs, cycles, lies about sizes, and files that are not PDFs.

python -m tests.support.hostile_drawings FOLDER     # write all of them
"""

import io
import zlib
from collections.abc import Callable

from reportlab.pdfgen.canvas import Canvas

from tests.support.drawing_files import one_page, stream

Maker = Callable[[], bytes]
FILES: dict[str, Maker] = {}
CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 842 595] /Contents 4 0 R >>"
LINE = b"10 10 m 99 99 l S\n"


def hostile(maker: Maker) -> Maker:
    FILES[maker.__name__] = maker
    return maker


def deflated(part: bytes, count: int) -> bytes:
    """Return a compressed stream of a part that is repeated, compressed once; it lacks the checksum at the end."""
    compressor = zlib.compressobj(9)
    start = compressor.compress(b"") + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(part) + compressor.flush(zlib.Z_FULL_FLUSH)
    # A block after a full flush does not refer to the one before.
    return start + block * count + compressor.flush()


def form(content: bytes, resources: bytes = b"") -> bytes:
    entries = b"/Type /XObject /Subtype /Form /BBox [0 0 842 595] /Resources << %s >>" % resources
    return stream(content, entries)


def image(width: int, height: int, content: bytes, entries: bytes = b"/Filter /FlateDecode") -> bytes:
    return stream(
        content,
        b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 %s"
        % (width, height, entries),
    )


def with_image(content: bytes) -> bytes:
    return one_page(b"q 800 0 0 500 10 10 cm /I Do Q", resources=b"/XObject << /I 6 0 R >>", others=[content])


def drawn(draw: Callable[[Canvas], object], **options: object) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(842, 595), **options)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()
