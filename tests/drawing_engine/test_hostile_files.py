"""Each hostile file is a typed failure or a safe result in bounded time, and leaves no process, file or descriptor."""

from pathlib import Path

import pytest

from drawing_engine.pages import Code, DocumentFailure, Kind, Limits, Page, PageFailure
from drawing_engine.reading import render_page
from tests.support.child_processes import cpu_seconds_of_children, no_orphans, open_descriptors
from tests.support.drawing_files import read
from tests.support.hostile_drawings import FILES

#: Shorter than the usual limits, so that the bombs end sooner.
LIMITS = Limits(page_cpu_seconds=1, memory_bytes=512 * 2**20, segments=100_000)
#: What each file is; the others are read, at least in part.
REFUSED = {
    "empty": Code.NOT_A_PDF,
    "noise": Code.NOT_A_PDF,
    "jpeg_named_pdf": Code.NOT_A_PDF,
    "zip_named_pdf": Code.NOT_A_PDF,
    "html_named_pdf": Code.NOT_A_PDF,
    "noise_after_the_header": Code.DAMAGED,
    "header_only": Code.DAMAGED,
    "truncated": Code.DAMAGED,
    "truncated_table": Code.DAMAGED,
    "catalogue_that_is_itself": Code.DAMAGED,
    "encrypted": Code.ENCRYPTED,
    "unknown_encryption": Code.ENCRYPTED,
    "many_pages": Code.TOO_MANY_PAGES,
    "more_pages_than_allowed": Code.TOO_MANY_PAGES,
    "no_pages": Code.NO_PAGES,
}
#: The failures of the first page. A bomb ends by its memory or its time, whichever is first.
BOMB = {Code.CRASHED, Code.TIMEOUT, Code.OUT_OF_RESOURCES}
FAILED_PAGES = {
    "huge_page": {Code.PAGE_TOO_LARGE},
    "crop_box_outside": {Code.DAMAGED},
    "deep_page_tree": {Code.DAMAGED},
    "page_that_is_a_number": {Code.DAMAGED},
    "page_tree_within_itself": {Code.DAMAGED},
    "content_bomb": BOMB,
    "content_bomb_in_layers": BOMB,
    "forms_that_multiply": BOMB,
}
#: These are partial on a fast machine, and take too long on a slow one.
EITHER = {"more_paths_than_time", "more_text_than_allowed"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.mark.parametrize("name", FILES)
def test_hostile_file_is_a_typed_failure_or_a_safe_result(name: str, folder: Path) -> None:
    path = folder / "drawing.pdf"
    path.write_bytes(FILES[name]())
    descriptors, used = open_descriptors(), cpu_seconds_of_children()
    with no_orphans():
        try:
            pages = read(path, LIMITS)
        except DocumentFailure as failure:
            assert failure.code == REFUSED.get(name)
            assert failure.message.startswith("Failed to process PDF: ") and failure.message.endswith(".")
        else:
            assert name not in REFUSED
            first = pages[0]
            if isinstance(first, PageFailure):
                assert first.code in FAILED_PAGES.get(name, BOMB if name in EITHER else set()), first
                assert first.message.endswith(".")
            else:
                assert name not in FAILED_PAGES
                assert first.kind is not Kind.UNSPECIFIED
        read_seconds = cpu_seconds_of_children() - used
        try:
            image = render_page(path, 0, 50, limits=LIMITS)
        except DocumentFailure as failure:
            assert failure.message.startswith("Failed to process PDF: ")
        else:
            assert image.startswith(b"\x89PNG")
    # The time of a page, and the start of up to two children.
    most = LIMITS.page_cpu_seconds + 1.5
    assert read_seconds < most and cpu_seconds_of_children() - used - read_seconds < most
    assert open_descriptors() == descriptors
    assert list(folder.iterdir()) == [path]


def test_page_that_ends_the_reader_fails_alone(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pdf"
    path.write_bytes(FILES["page_that_ends_the_reader"]())
    first, second, third = read(path, LIMITS)
    assert isinstance(first, Page) and isinstance(third, Page) and third.number == 2
    assert isinstance(second, PageFailure) and (second.number, second.code in BOMB) == (1, True)


def test_document_of_bombs_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "bombs.pdf"
    path.write_bytes(FILES["page_that_ends_the_reader"]().replace(b" 6 0 R", b" 7 0 R"))
    limits = Limits(page_cpu_seconds=0.5, memory_bytes=512 * 2**20, crashes=1)
    with pytest.raises(DocumentFailure, match=r"too many of its pages are damaged\. Export the drawing again\."):
        read(path, limits)


def test_page_with_too_many_lines_is_partial(tmp_path: Path) -> None:
    path = tmp_path / "lines.pdf"
    path.write_bytes(FILES["more_segments_than_allowed"]())
    (page,) = read(path, Limits(segments=350_000))
    assert isinstance(page, Page) and page.is_partial
    # Whole paths only, each of 100,000 lines.
    assert (len(page.segments), len(page.paths), page.drawing_count) == (300_000, 3, 6)
    assert "The page has more lines than are allowed; the later ones are left out." in page.warnings
