"""Files that are not PDFs or only parts of one, and those whose objects or sizes are wrong."""

import io
import random
import zipfile
import zlib

from reportlab.lib.pdfencrypt import StandardEncryption

from tests.support.drawing_files import one_page, pdf_bytes, stream
from tests.support.hostile_drawings.parts import (
    CATALOGUE,
    LINE,
    PAGE,
    deflated,
    drawn,
    hostile,
)

# Not PDFs, or parts of one.


@hostile
def empty() -> bytes:
    return b""


@hostile
def noise() -> bytes:
    return random.Random(1).randbytes(100_000)


@hostile
def noise_after_the_header() -> bytes:
    return b"%PDF-1.7\n" + random.Random(2).randbytes(100_000)


@hostile
def jpeg_named_pdf() -> bytes:
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + random.Random(3).randbytes(20_000)


@hostile
def zip_named_pdf() -> bytes:
    return _zip()


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("page.txt", "x" * 1000)
    return buffer.getvalue()


@hostile
def pdf_and_zip() -> bytes:
    return one_page(LINE) + _zip()


@hostile
def html_named_pdf() -> bytes:
    return b"<html><script>alert(1)</script></html>"


@hostile
def header_only() -> bytes:
    return b"%PDF-1.7\n"


@hostile
def truncated() -> bytes:
    whole = one_page(LINE * 1000)
    return whole[: len(whole) // 2]


@hostile
def truncated_table() -> bytes:
    whole = one_page(LINE)
    return whole[: whole.rindex(b"trailer") - 30]


@hostile
def wrong_offsets() -> bytes:
    return one_page(LINE).replace(b"00000000", b"99999999")


@hostile
def start_beyond_the_end() -> bytes:
    return one_page(LINE).replace(b"startxref\n", b"startxref\n9999999999")


@hostile
def table_that_follows_itself() -> bytes:
    whole = one_page(LINE)
    place = whole.rindex(b"xref\n0 ")
    return whole.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % place)


# Encryption.


@hostile
def encrypted() -> bytes:
    encryption = StandardEncryption("secret", "owner", strength=128)
    return drawn(lambda canvas: canvas.drawString(100, 100, "-K1"), encrypt=encryption)


@hostile
def unknown_encryption() -> bytes:
    objects = [CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", PAGE, stream(LINE)]
    return pdf_bytes([*objects, b"<< /Filter /Custom /V 9 /R 9 >>"], b"/Encrypt 5 0 R /ID [<00> <00>]")


# Page trees.


@hostile
def many_pages() -> bytes:
    kids = b"3 0 R " * 200_000
    return pdf_bytes([CATALOGUE, b"<< /Type /Pages /Kids [%s] /Count 200000 >>" % kids, PAGE, stream(LINE)])


@hostile
def more_pages_than_allowed() -> bytes:
    return pdf_bytes([CATALOGUE, b"<< /Type /Pages /Kids [%s] /Count 501 >>" % (b"3 0 R " * 501), PAGE, stream(LINE)])


@hostile
def false_page_count() -> bytes:
    return pdf_bytes([CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 400 >>", PAGE, stream(LINE)])


@hostile
def negative_page_count() -> bytes:
    return pdf_bytes([CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count -5 >>", PAGE, stream(LINE)])


@hostile
def no_pages() -> bytes:
    return pdf_bytes([CATALOGUE, b"<< /Type /Pages /Kids [] /Count 0 >>"])


@hostile
def page_tree_within_itself() -> bytes:
    return pdf_bytes([CATALOGUE, b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 99 /Parent 2 0 R >>"])


@hostile
def deep_page_tree() -> bytes:
    depth = 20_000
    levels = [b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (number + 1) for number in range(2, depth)]
    return pdf_bytes([CATALOGUE, *levels, b"<< /Type /Page /MediaBox [0 0 9 9] >>"])


@hostile
def page_that_is_a_number() -> bytes:
    return pdf_bytes([CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", b"42"])


@hostile
def catalogue_that_is_itself() -> bytes:
    return pdf_bytes([b"1 0 R"])


# Sizes of pages.


@hostile
def huge_page() -> bytes:
    return one_page(LINE, media_box=b"[0 0 1000000 1000000]")


@hostile
def page_without_numbers() -> bytes:
    return one_page(LINE, media_box=b"[nan inf (a) /B]")


@hostile
def page_without_area() -> bytes:
    return one_page(LINE, media_box=b"[100 100 100 100]")


@hostile
def page_with_reversed_box() -> bytes:
    return one_page(LINE, media_box=b"[842 595 0 0]")


@hostile
def page_beyond_float() -> bytes:
    return one_page(LINE, media_box=b"[0 0 1%s 1%s]" % (b"0" * 60, b"0" * 60))


@hostile
def crop_box_outside() -> bytes:
    return one_page(LINE, page=b"/CropBox [5000 5000 6000 6000] /Rotate 45")


# Streams and objects.


@hostile
def content_bomb() -> bytes:
    objects = [CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", PAGE]
    return pdf_bytes([*objects, stream(deflated(b" " * 10**7, 150), b"/Filter /FlateDecode")])


@hostile
def content_bomb_in_layers() -> bytes:
    content = deflated(LINE * 500_000, 30)
    for _ in range(2):
        content = zlib.compress(content, 9)
    objects = [CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", PAGE]
    return pdf_bytes([*objects, stream(content, b"/Filter [/FlateDecode /FlateDecode /FlateDecode]")])


@hostile
def many_filters() -> bytes:
    return one_page(LINE).replace(b"/Length 18", b"/Length 18 /Filter [%s]" % (b"/ASCIIHexDecode " * 50_000))


@hostile
def length_of_itself() -> bytes:
    return one_page(LINE).replace(b"/Length 18", b"/Length 4 0 R")


@hostile
def negative_length() -> bytes:
    return one_page(LINE).replace(b"/Length 18", b"/Length -2147483648")


@hostile
def deep_arrays() -> bytes:
    return one_page(LINE, page=b"/Deep " + b"[" * 200_000 + b"]" * 200_000)


@hostile
def deep_dictionaries_in_content() -> bytes:
    return one_page(b"/A " + b"<< /B " * 100_000 + b">>" * 100_000 + b" DP\n" + LINE)


@hostile
def object_stream_of_itself() -> bytes:
    others = [b"<< /Type /ObjStm /N 1 /First 4 /Extends 6 0 R /Length 6 0 R >>\nstream\n6 0 [6 0 R]\nendstream"]
    return one_page(LINE, page=b"/Annots 6 0 R", others=others)


@hostile
def huge_metadata() -> bytes:
    title = b"\xfe\xff" + b"\x00A\xd8\x00" * 3_000_000
    objects = [CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", PAGE, stream(LINE)]
    return pdf_bytes([*objects, b"<< /Title <%s> /Author (\x00\x01) >>" % title.hex().encode()], b"/Info 5 0 R")
