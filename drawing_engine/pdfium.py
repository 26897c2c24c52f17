"""PDFium's functions, for use in the child process only.

A page may have a million points, and each takes four calls. So these functions take addresses as plain integers, which
ctypes converts faster than the pointer objects that the bindings declare (60 % of the time per point).
"""

import ctypes
import mmap
from collections.abc import Callable
from typing import Any

import pypdfium2_raw as raw

_pointer, _int, _uint, _float = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint, ctypes.c_float

#: Kinds of page objects.
TEXT, PATH, IMAGE, SHADING, FORM = 1, 2, 3, 4, 5
#: Render modes of text that leave no mark.
INVISIBLE_MODES = (3, 7)


def _function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    address = ctypes.cast(getattr(raw, name), ctypes.c_void_p).value
    if address is None:
        raise ImportError(f"PDFium has no function {name}.")
    return ctypes.CFUNCTYPE(result, *arguments)(address)


count_objects = _function("FPDFPage_CountObjects", _int, _pointer)
get_object = _function("FPDFPage_GetObject", _pointer, _pointer, _int)
count_form_objects = _function("FPDFFormObj_CountObjects", _int, _pointer)
get_form_object = _function("FPDFFormObj_GetObject", _pointer, _pointer, ctypes.c_ulong)
get_type = _function("FPDFPageObj_GetType", _int, _pointer)
get_matrix = _function("FPDFPageObj_GetMatrix", _int, _pointer, _pointer)
get_bounds = _function("FPDFPageObj_GetBounds", _int, _pointer, _pointer, _pointer, _pointer, _pointer)
get_clip_path = _function("FPDFPageObj_GetClipPath", _pointer, _pointer)
count_clip_paths = _function("FPDFClipPath_CountPaths", _int, _pointer)
count_clip_segments = _function("FPDFClipPath_CountPathSegments", _int, _pointer, _int)
get_clip_segment = _function("FPDFClipPath_GetPathSegment", _pointer, _pointer, _int, _int)
get_stroke_width = _function("FPDFPageObj_GetStrokeWidth", _int, _pointer, _pointer)
get_stroke_color = _function("FPDFPageObj_GetStrokeColor", _int, _pointer, _pointer, _pointer, _pointer, _pointer)
get_fill_color = _function("FPDFPageObj_GetFillColor", _int, _pointer, _pointer, _pointer, _pointer, _pointer)
get_draw_mode = _function("FPDFPath_GetDrawMode", _int, _pointer, _pointer, _pointer)
count_segments = _function("FPDFPath_CountSegments", _int, _pointer)
get_segment = _function("FPDFPath_GetPathSegment", _pointer, _pointer, _int)
get_point = _function("FPDFPathSegment_GetPoint", _int, _pointer, _pointer, _pointer)
get_segment_type = _function("FPDFPathSegment_GetType", _int, _pointer)
get_close = _function("FPDFPathSegment_GetClose", _int, _pointer)
get_render_mode = _function("FPDFTextObj_GetTextRenderMode", _int, _pointer)

load_text = _function("FPDFText_LoadPage", _pointer, _pointer)
close_text = _function("FPDFText_ClosePage", None, _pointer)
count_characters = _function("FPDFText_CountChars", _int, _pointer)
get_unicode = _function("FPDFText_GetUnicode", _uint, _pointer, _int)
get_loose_box = _function("FPDFText_GetLooseCharBox", _int, _pointer, _int, _pointer)

load_page = _function("FPDF_LoadPage", _pointer, _pointer, _int)
close_page = _function("FPDF_ClosePage", None, _pointer)
get_bounding_box = _function("FPDF_GetPageBoundingBox", _int, _pointer, _pointer)
get_width = _function("FPDF_GetPageWidthF", _float, _pointer)
get_height = _function("FPDF_GetPageHeightF", _float, _pointer)
get_size = _function("FPDF_GetPageSizeByIndexF", _int, _pointer, _int, _pointer)
get_rotation = _function("FPDFPage_GetRotation", _int, _pointer)
get_page_count = _function("FPDF_GetPageCount", _int, _pointer)

create_bitmap = _function("FPDFBitmap_CreateEx", _pointer, _int, _int, _int, _pointer, _int)
fill_bitmap = _function("FPDFBitmap_FillRect", None, _pointer, _int, _int, _int, _int, ctypes.c_ulong)
render_bitmap = _function("FPDF_RenderPageBitmap", None, _pointer, _pointer, *[_int] * 6)

_METADATA = ("Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate")
_MAX_METADATA_BYTES = 4_000


class OpenError(Exception):
    """The file cannot be opened.

    Attributes:
        number: PDFium's, `FPDF_ERR_…`.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"PDFium reported error {number}.")
        self.number = number


class Document:
    """An open PDF file."""

    def __init__(self, descriptor: int) -> None:
        """Open the file of a descriptor.

        Raises:
            OpenError: it is not a PDF, damaged or encrypted.
        """
        raw.FPDF_InitLibrary()
        # A private copy: ctypes takes the address of writable memory only.
        self._memory = mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY)
        self._buffer = (ctypes.c_char * len(self._memory)).from_buffer(self._memory)
        self.handle = raw.FPDF_LoadMemDocument64(self._buffer, len(self._memory), None)
        if not self.handle:
            raise OpenError(raw.FPDF_GetLastError())

    def page_count(self) -> int:
        return int(get_page_count(self.handle))

    def metadata(self) -> dict[str, str]:
        """Return the fields that are set, each of at most 2,000 characters."""
        found = {}
        buffer = ctypes.create_string_buffer(_MAX_METADATA_BYTES)
        for name in _METADATA:
            length = raw.FPDF_GetMetaText(self.handle, name.encode(), None, 0)
            if not length > 2:
                continue
            if length > _MAX_METADATA_BYTES:
                whole = ctypes.create_string_buffer(length)
                raw.FPDF_GetMetaText(self.handle, name.encode(), whole, length)
                value = whole.raw[: _MAX_METADATA_BYTES - 2]
            else:
                raw.FPDF_GetMetaText(self.handle, name.encode(), buffer, _MAX_METADATA_BYTES)
                value = buffer.raw[: length - 2]
            if text := clean(value.decode("utf-16-le", "ignore")):
                found[name] = text
        return found


def clean(text: str) -> str:
    """Return a text without control characters, and without surrogates, which UTF-8 cannot encode."""
    return "".join(
        character for character in text if character.isprintable() or "\ue000" <= character <= "\uf8ff"
    ).strip()
