"""Valid files whose forms, fonts, patterns, images or content are hostile."""

import random
import zlib

from tests.support.drawing_files import one_page, pdf_bytes, stream
from tests.support.hostile_drawings.parts import (
    CATALOGUE,
    LINE,
    PAGE,
    deflated,
    form,
    hostile,
    image,
    with_image,
)

# Forms, fonts, patterns, images.


@hostile
def form_within_itself() -> bytes:
    return one_page(
        b"/X Do", resources=b"/XObject << /X 6 0 R >>", others=[form(LINE + b"/X Do", b"/XObject << /X 6 0 R >>")]
    )


@hostile
def forms_that_multiply() -> bytes:
    levels = [form(b"/X Do " * 10, b"/XObject << /X %d 0 R >>" % number) for number in range(7, 17)]
    return one_page(b"/X Do", resources=b"/XObject << /X 6 0 R >>", others=[*levels, form(LINE)])


@hostile
def deep_forms() -> bytes:
    levels = [form(b"/X Do", b"/XObject << /X %d 0 R >>" % number) for number in range(7, 1007)]
    return one_page(b"/X Do", resources=b"/XObject << /X 6 0 R >>", others=[*levels, form(LINE)])


@hostile
def glyph_in_its_own_font() -> bytes:
    font = (
        b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [1 0 0 1 0 0] /CharProcs << /a 7 0 R >> "
        b"/Encoding << /Differences [97 /a] >> /FirstChar 97 /LastChar 97 /Widths [9] "
        b"/Resources << /Font << /T 6 0 R >> >> >>"
    )
    glyph = stream(b"9 0 d0 BT /T 9 Tf (aaaaaaaa) Tj ET")
    content = b"BT /T 9 Tf 100 100 Td (aaaa) Tj ET"
    return one_page(content, others=[font, glyph]).replace(b"/F1 5 0 R", b"/F1 5 0 R /T 6 0 R")


@hostile
def pattern_within_itself() -> bytes:
    entries = b"/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1 1] /XStep 0.001 /YStep 0.001 "
    entries += b"/Resources << /Pattern << /P 6 0 R >> >>"
    pattern = stream(b"/Pattern cs /P scn 0 0 1 1 re f", entries)
    return one_page(
        b"/Pattern cs /P scn 0 0 800 500 re f", resources=b"/Pattern << /P 6 0 R >>", others=[pattern]
    )  # fmt: skip


@hostile
def mask_within_itself() -> bytes:
    group = b"/ExtGState << /G << /SMask << /S /Luminosity /G 6 0 R >> >> >>"
    return one_page(b"/G gs " + LINE, resources=group, others=[form(b"/G gs 0 0 99 99 re f", group)])


@hostile
def shading_of_many_steps() -> bytes:
    function = b"<< /FunctionType 2 /Domain [0 1] /N 1 >> "
    functions = b"<< /FunctionType 3 /Domain [0 1] /Functions [%s] /Bounds [%s] /Encode [%s] >>" % (
        function * 20_000, b" ".join(b"%.6f" % (n / 20_000) for n in range(1, 20_000)), b"0 1 " * 20_000,
    )  # fmt: skip
    shading = b"/Shading << /S << /ShadingType 2 /ColorSpace /DeviceGray /Coords [0 0 800 500] /Function %s >> >>"
    return one_page(b"/S sh " * 500, resources=shading % functions)


@hostile
def image_bomb() -> bytes:
    return with_image(image(30_000, 30_000, deflated(b"\0" * 9_000_000, 300)))


@hostile
def image_with_false_size() -> bytes:
    return with_image(image(2**31 - 1, 2**31 - 1, zlib.compress(b"\0")))


@hostile
def damaged_images() -> bytes:
    noise = random.Random(4).randbytes(5_000)
    others = [
        image(5000, 5000, noise, b"/Filter /%s" % name)
        for name in (b"JPXDecode", b"JBIG2Decode", b"DCTDecode", b"CCITTFaxDecode", b"LZWDecode", b"RunLengthDecode")
    ]
    names = b" ".join(b"/I%d %d 0 R" % (number, number) for number in range(6, 12))
    content = b" ".join(b"q 99 0 0 99 %d 10 cm /I%d Do Q" % (100 * (n - 6), n) for n in range(6, 12))
    return one_page(content, resources=b"/XObject << %s >>" % names, others=others)


@hostile
def inline_image_without_end() -> bytes:
    return one_page(b"BI /W 99999 /H 99999 /BPC 8 /CS /RGB ID " + b"\0" * 100_000)


# Content.


@hostile
def more_segments_than_allowed() -> bytes:
    lines = b"".join(b"%d %d l\n" % (n % 800, n // 800 % 590) for n in range(100_000))
    return one_page((b"0 0 m\n" + lines + b"S\n") * 6)


@hostile
def more_paths_than_time() -> bytes:
    return one_page(LINE * 2_000_000)


@hostile
def more_text_than_allowed() -> bytes:
    return one_page(b"BT /F1 1 Tf 1 0 0 1 5 590 Tm 1 TL " + b"(K1 K2 K3 K4 K5 K6 K7 K8) Tj T*\n" * 60_000 + b"ET")


@hostile
def deep_states() -> bytes:
    return one_page(b"q " * 1_000_000 + LINE)


@hostile
def many_clips() -> bytes:
    return one_page(b"0 0 800 500 re W n " * 5_000 + LINE * 2_000)


@hostile
def numbers_beyond_float() -> bytes:
    big = b"9" * 60
    return one_page(
        b"%s 0 0 %s 0 0 cm 1 w -%s %s m %s -%s l S 0 0 m 1 1 l S BT /F1 %s Tf (K1) Tj ET" % ((big,) * 7)
    )  # fmt: skip


@hostile
def text_of_no_size() -> bytes:
    return one_page(b"BT /F1 0 Tf 100 100 Td (K1) Tj ET BT /F1 10 Tf 0 0 0 0 100 100 Tm (K2) Tj ET")


@hostile
def dashes_without_end() -> bytes:
    return one_page(b"[0.00001 0.00001] 0 d 0.1 w " + b"0 0 m 842 595 l 0 595 l S " * 200)


@hostile
def actions_and_attachments() -> bytes:
    catalogue = b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >> /AA << /WC "
    catalogue += (
        b"<< /S /Launch /F (/bin/sh) >> >> /Names << /EmbeddedFiles << /Names [(a) << /EF << /F 4 0 R >> >>] >> >> >>"
    )
    link = b"<< /Type /Annot /Subtype /Link /Rect [0 0 800 500] /A << /S /URI /URI (http://127.0.0.1:9/) >> >>"
    page = PAGE.replace(b"/Contents", b"/Annots [%s] /Contents" % link)
    return pdf_bytes([catalogue, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page, stream(LINE)])


@hostile
def page_that_ends_the_reader() -> bytes:
    """Make three pages, of which the second uses up its memory."""
    pages = [PAGE.replace(b"4 0 R", b"%d 0 R" % number) for number in (6, 7, 6)]
    return pdf_bytes(
        [
            CATALOGUE, b"<< /Type /Pages /Kids [3 0 R 4 0 R 5 0 R] /Count 3 >>", *pages, stream(LINE),
            stream(deflated(b"1 0 0 1 0 0 cm q\n" * 1_000_000, 100), b"/Filter /FlateDecode"),
        ]
    )  # fmt: skip
