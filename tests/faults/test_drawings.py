"""Mutated PDF files: the process that reads them survives each, and no child is left."""

import io
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from drawing_engine.pages import DocumentFailure, Limits
from drawing_engine.reading import read_document, render_page
from tests.faults.conftest import SEED, SHARE
from tests.support.child_processes import no_orphans, open_descriptors
from tests.support.hostile_drawings import FILES

pytestmark = pytest.mark.faults

MUTANTS = 2_000
#: Small files with parts of all kinds.
SEEDS = (
    "pdf_and_zip", "form_within_itself", "forms_that_multiply", "glyph_in_its_own_font", "pattern_within_itself",
    "mask_within_itself", "damaged_images", "object_stream_of_itself", "actions_and_attachments", "text_of_no_size",
)  # fmt: skip
LIMITS = Limits(page_cpu_seconds=0.5, page_seconds=10, memory_bytes=256 * 2**20, crashes=2)
TOKENS = (
    b" -1 ", b" 0 ", b" 4294967296 ", b" 1e38 ", b" nan ", b"<<", b">>", b"[", b"]", b"(", b")", b" R ", b" obj ",
    b"endobj", b"stream\n", b"endstream", b"/Filter /FlateDecode ", b"/Kids ", b"/Parent 3 0 R ", b" q ", b" Q ",
    b" Do ", b" BT ", b"\x00", b"\xff" * 9,
)  # fmt: skip


def drawing() -> bytes:
    """Return a drawing with text, paths and pages."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(842, 595), pageCompression=0)
    for page in range(3):
        for number in range(20):
            canvas.drawString(40 * number, 100, f"-K{page}{number}")
            canvas.circle(40 * number, 200, 10)
            canvas.rect(40 * number, 300, 20, 30)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def mutant(content: bytes, chance: random.Random) -> bytes:
    """Return a copy with up to eight changes."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(changed))
        length = chance.choice((1, 2, 8, 64, 512))
        match chance.randrange(5):
            case 0:
                changed[place] ^= 1 << chance.randrange(8)
            case 1:
                del changed[place : place + length]
            case 2:
                changed[place:place] = changed[place : place + length] * chance.choice((1, 2, 50))
            case 3:
                changed[place:place] = chance.choice(TOKENS)
            case _:
                changed[place : place + length] = chance.randbytes(length)
        if not changed:
            return b"%PDF-"
    return bytes(changed)


def test_mutated_files_neither_end_the_reader_nor_leave_a_child(tmp_path: Path, report: Callable[[str], None]) -> None:
    chance = random.Random(f"drawings {SEED}")
    seeds = [drawing(), drawing(), *(FILES[name]() for name in SEEDS)]
    mutants = [mutant(chance.choice(seeds), chance) for _ in range(round(MUTANTS * SHARE))]
    descriptors = open_descriptors()
    with no_orphans(), ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(
            pool.map(lambda number: outcomes(tmp_path / f"{number}.pdf", mutants[number]), range(len(mutants)))
        )
    found = sum((counted for counted, _ in results), Counter[str]())
    report(f"{len(mutants)} files, {dict(found)}, the longest {max(seconds for _, seconds in results):.1f} s")
    # Connections that other tests left may be closed in between.
    assert open_descriptors() <= descriptors
    assert list(tmp_path.iterdir()) == []
    assert found["Page"] and found["DAMAGED"]


def outcomes(path: Path, content: bytes) -> tuple[Counter[str], float]:
    """Return what reading and rendering a file yield, counted, and the seconds that it takes."""
    path.write_bytes(content)
    found, started = Counter[str](), time.monotonic()
    try:
        found.update(type(item).__name__ for item in read_document(path, limits=LIMITS))
        render_page(path, 0, 50, limits=LIMITS)
    except DocumentFailure as failure:
        assert failure.message.startswith("Failed to process PDF: ")
        found[failure.code.value] += 1
    path.unlink()
    return found, time.monotonic() - started
