"""The setup of the project, and commands that must not undo it."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.support.servers import ROOT


def check_installed(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts/check_installed.py", *files]
    return subprocess.run(command, capture_output=True, text=True)


def test_an_environment_that_has_the_pins_is_complete() -> None:
    result = check_installed(ROOT / "requirements.txt")
    assert (result.returncode, result.stderr) == (0, "")


def test_missing_and_other_versions_are_reported(tmp_path: Path) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text(
        "django==1.0\n    # via something\nno-such-package==2.0\nwindows-only==1 ; sys_platform == 'win32'\n"
    )
    result = check_installed(ROOT / "requirements.txt", pins)
    assert (result.returncode, result.stderr) == (1, "django==1.0\nno-such-package==2.0\n")


def test_other_installers_refuse_this_project() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert tools["uv"]["managed"] is False
    assert tools["poetry"]["requires-poetry"] == "<0"


def test_a_test_whose_program_is_missing_fails_in_ci_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.support.tools import pytest_runtest_setup, pytest_terminal_summary\n"
    )
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.tools('no-such-program')\ndef test_it():\n    pass\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = tools\n")
    command = [sys.executable, "-m", "pytest", "-n1", "-ra", "-p", "no:django", "-p", "no:cacheprovider", tmp_path]
    result = subprocess.run(command, cwd=ROOT, env=os.environ | {"CI": "1"}, capture_output=True, text=True)
    assert result.returncode == 1
    assert "test_it.py::test_it needs no-such-program: .ci/run must install it." in result.stdout
    elsewhere = subprocess.run(command, cwd=ROOT, env=os.environ | {"CI": ""}, capture_output=True, text=True)
    assert elsewhere.returncode == 0
    assert "test_it.py::test_it (needs no-such-program)" in elsewhere.stdout
