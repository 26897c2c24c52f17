"""`scripts/pytest_twice.sh`: what fails once is run again, and what fails twice has failed."""

import subprocess
from pathlib import Path

import pytest

from tests.support.servers import ROOT

FLAKY = """
from pathlib import Path

def test_that_fails_once():
    mark = Path(__file__).with_name("was here")
    if not mark.exists():
        mark.touch()
        assert False

def test_that_passes():
    pass
"""


def run(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    (folder / "test_sample.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]")
    command = ["scripts/pytest_twice.sh", "-q", "-p", "no:django", "-c", str(folder / "pytest.ini"), str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_what_passes_when_run_again_is_named_as_flaky(tmp_path: Path) -> None:
    result = run(tmp_path, FLAKY)
    assert result.returncode == 0
    assert result.stderr == "\nFLAKY: passed only when run again:\ntest_sample.py::test_that_fails_once\n"


@pytest.mark.parametrize(
    "text",
    [
        "def test_that_fails(): assert False",
        "import no_such_module",
        FLAKY + "\ndef test_that_fails(): assert False",
        "import pytest\n\n@pytest.mark.parametrize('n', range(4))\ndef test_that_fails(n): assert False",
    ],
)
def test_what_fails_twice_or_often_has_failed(tmp_path: Path, text: str) -> None:
    result = run(tmp_path, text)
    assert result.returncode != 0
    assert "FLAKY" not in result.stderr
