"""The child process: what it may use, and how it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from drawing_engine.pages import Code, DocumentFailure, DocumentInfo, Limits, PageFailure
from drawing_engine.process import Child
from drawing_engine.reading import read_document, render_page
from tests.support.child_processes import cpu_seconds_of_children, no_orphans
from tests.support.drawing_files import one_page, read
from tests.support.hostile_drawings import FILES
from tests.support.servers import ROOT

linux = pytest.mark.skipif(sys.platform != "linux", reason="macOS has no /proc and fewer limits")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose page takes seconds."""
    path = tmp_path_factory.mktemp("slow") / "slow.pdf"
    path.write_bytes(FILES["more_paths_than_time"]())
    return path


@pytest.fixture
def child(slow: Path) -> Iterator[Child]:
    """A child at work on the page."""
    with slow.open("rb") as file, Child(file.fileno(), Limits(), {"pages": None}) as child:
        messages = child.messages(lambda: 20.0, None)
        assert "info" in next(messages) and "begin" in next(messages)
        yield child


@linux
def test_child_is_limited(child: Child) -> None:
    lines = Path(f"/proc/{child.pid}/limits").read_text().splitlines()
    limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
    assert limits["Max address space"] == [str(768 * 2**20)] * 2
    assert limits["Max file size"] == limits["Max core file size"] == ["0", "0"]
    assert limits["Max open files"] == ["16", "16"]
    assert limits["Max cpu time"] == ["300", "300"]


@linux
def test_child_has_no_environment_and_no_other_descriptors(child: Child) -> None:
    process = psutil.Process(child.pid)
    assert process.environ() == {}
    assert process.cwd() == "/"
    assert {Path(file.path).name for file in process.open_files()} == {"slow.pdf"}
    assert process.net_connections() == []


def test_cancel_ends_the_child_at_once(slow: Path) -> None:
    cancelled = threading.Event()
    pages = read_document(slow, cancelled=cancelled.is_set)
    assert isinstance(next(pages), DocumentInfo)
    with no_orphans():
        cancelled.set()
        started = time.monotonic()
        with pytest.raises(DocumentFailure) as caught:
            next(pages)
        assert time.monotonic() - started < 1
    assert caught.value.code is Code.CANCELLED
    assert caught.value.message == "Failed to process PDF: the processing was cancelled."


def test_closed_iterator_ends_the_child(slow: Path) -> None:
    with no_orphans():
        pages = read_document(slow)
        next(pages)
        pages.close()  # type: ignore[attr-defined]


def test_killed_parent_leaves_no_child(slow: Path) -> None:
    program = (
        "import pathlib, sys; from drawing_engine.reading import read_document\n"
        "pages = read_document(pathlib.Path(sys.argv[1])); next(pages); print(flush=True); next(pages)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(slow)], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout
    parent.stdout.readline()
    (child,) = psutil.Process(parent.pid).children()
    used = most = child.cpu_times().user
    parent.kill()
    parent.wait()
    parent.stdout.close()
    with suppress(psutil.NoSuchProcess):
        while child.status() != psutil.STATUS_ZOMBIE:
            most = child.cpu_times().user
            time.sleep(0.02)
    # Its page would take some seconds more.
    assert most - used < 1


def test_killed_child_is_a_failed_page(slow: Path) -> None:
    # Other tests of the same process may have started processes that live on.
    before = {process.pid for process in psutil.Process().children()}
    pages = read_document(slow)
    next(pages)
    (process,) = [process for process in psutil.Process().children() if process.pid not in before]
    killer = threading.Timer(0.2, os.kill, (process.pid, signal.SIGKILL))
    killer.start()
    (failure,) = pages
    killer.join()
    assert isinstance(failure, PageFailure) and failure.code is Code.OUT_OF_RESOURCES


def test_page_that_takes_too_long_is_a_failure(slow: Path) -> None:
    (page,) = read(slow, Limits(page_seconds=1))
    assert isinstance(page, PageFailure) and page.code is Code.TIMEOUT
    with pytest.raises(DocumentFailure) as caught:
        read(slow, Limits(document_seconds=0.5))
    assert caught.value.message == "Failed to process PDF: the document takes longer than is allowed. Split it."


def test_page_that_uses_too_much_processor_time_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "pattern.pdf"
    path.write_bytes(FILES["pattern_within_itself"]())
    used = cpu_seconds_of_children()
    with pytest.raises(DocumentFailure) as caught:
        render_page(path, 0, 100, limits=Limits(page_cpu_seconds=0.5, page_seconds=120))
    assert caught.value.code is Code.TIMEOUT and cpu_seconds_of_children() - used < 1.5


def test_file_of_more_bytes_than_allowed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.pdf"
    path.write_bytes(one_page(b""))
    with pytest.raises(DocumentFailure) as caught:
        read(path, Limits(file_bytes=100))
    assert caught.value.code is Code.TOO_LARGE and "at most 100 are allowed" in caught.value.message


def test_rendering_is_cancelled(slow: Path) -> None:
    with no_orphans(), pytest.raises(DocumentFailure, match="cancelled"):
        render_page(slow, 0, 100, cancelled=lambda: True)
