"""The characters of a page's text layer. Runs in the child; the parent joins them to words."""

import ctypes
from base64 import b64encode
from typing import Any

from drawing_engine import pdfium


def read_characters(page: int, max_characters: int) -> dict[str, Any]:
    """Return code points, and boxes of left, top, right, bottom, as arrays in base64; and whether there are more."""
    text_page = pdfium.load_text(page)
    if not text_page:
        return {"codes": "", "boxes": "", "is_cut": False}
    try:
        total = max(0, pdfium.count_characters(text_page))
        count = min(total, max_characters)
        codes, boxes = (ctypes.c_uint * count)(), (ctypes.c_float * (4 * count))()
        get_unicode, get_loose_box = pdfium.get_unicode, pdfium.get_loose_box
        address = ctypes.addressof(boxes)
        for index in range(count):
            codes[index] = get_unicode(text_page, index)
            get_loose_box(text_page, index, address + 16 * index)
    finally:
        pdfium.close_text(text_page)
    return {"codes": b64encode(codes).decode(), "boxes": b64encode(boxes).decode(), "is_cut": total > count}
