"""PDF files written object by object, also invalid ones, and what the engine reads from a file."""

from collections.abc import Sequence
from pathlib import Path

from drawing_engine.pages import DocumentInfo, Limits, Page, PageFailure
from drawing_engine.reading import read_document


def read(path: Path, limits: Limits | None = None) -> list[Page | PageFailure]:
    """Return the pages of a file, without the facts about the document."""
    pages = read_document(path, limits=limits or Limits())
    return [page for page in pages if not isinstance(page, DocumentInfo)]


def read_page(path: Path, number: int = 0, limits: Limits | None = None) -> Page:
    """Return one page of a file, which must be readable."""
    _, page = read_document(path, limits=limits or Limits(), pages=[number])
    assert isinstance(page, Page), page
    return page


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """Return a stream object."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def pdf_bytes(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """Return a PDF file of objects that are numbered from 1; the first is the catalogue."""
    parts = [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"]
    offsets, size = [], len(parts[0])
    for number, content in enumerate(objects, 1):
        offsets.append(size)
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, content))
        size += len(parts[-1])
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    parts += [b"%010d 00000 n \n" % offset for offset in offsets]
    parts.append(
        b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, size)
    )
    return b"".join(parts)


def one_page(
    content: bytes, *, page: bytes = b"", resources: bytes = b"", media_box: bytes = b"[0 0 842 595]",
    others: Sequence[bytes] = (),
) -> bytes:  # fmt: skip
    """Return a PDF file with one page.

    Args:
        content: of the page.
        page: further entries of the page's dictionary.
        resources: of the page; the font /F1 is Helvetica.
        media_box: of the page.
        others: further objects, numbered from 6.
    """
    return pdf_bytes(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox %s /Contents 4 0 R %s /Resources << /Font << /F1 5 0 R >> %s >> >>"
            % (media_box, page, resources),
            stream(content),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            *others,
        ]
    )
