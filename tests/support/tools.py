"""Tests marked `tools("program", ...)` need programs, or files by their whole path, that Python packages do not bring.

Without one of them the test is skipped, and the run lists its name: a green run must not hide what it did not
try. In CI, which has them all, it fails.
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

#: Not a program but what one may do here: run programs in a network of their own, which has no way out.
NETWORK_NAMESPACE = "a network namespace"
#: And to mount a file system.
MOUNT = "a mount"
#: Nor is this: where pip gets packages from.
PACKAGE_INDEX = "a package index"
#: Where npm puts the programs of package.json.
NPM_PROGRAMS = Path(__file__).resolve().parents[2] / "node_modules/.bin"

#: How the reason begins for which a test without its program is skipped.
_NEEDS = "needs "


def path_of(program: str) -> str | None:
    """Return the path of a program on the PATH or installed by npm, or of a file by its whole path; None if missing."""
    if program == NETWORK_NAMESPACE:
        return _unshare()
    if program == MOUNT:
        return _mount()
    if program == PACKAGE_INDEX:
        return _package_index()
    if "/" in program:
        return program if Path(program).exists() else None
    return shutil.which(program) or shutil.which(program, path=os.fspath(NPM_PROGRAMS))


@cache
def _unshare() -> str | None:
    unshare = shutil.which("unshare")
    may = (
        unshare and shutil.which("ip") and subprocess.run([unshare, "--net", "true"], capture_output=True, check=False)
    )
    return unshare if may and not may.returncode else None


@cache
def _mount() -> str | None:
    mount, ask = shutil.which("mount"), ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    may = mount and shutil.which("unshare") and subprocess.run(ask, capture_output=True, check=False)
    return mount if may and not may.returncode else None


@cache
def _package_index() -> str | None:
    ask = [sys.executable, "-m", "pip", "index", "versions", "six"]
    return None if subprocess.run(ask, capture_output=True, check=False).returncode else sys.executable


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are missing; in CI, which must have them, fail it."""
    marker = item.get_closest_marker("tools")
    missing = [program for program in marker.args if path_of(program) is None] if marker else []
    if missing and os.environ.get("CI"):
        pytest.fail(f"{item.nodeid} needs {', '.join(missing)}: .ci/run must install it.", pytrace=False)
    elif missing:
        pytest.skip(f"{_NEEDS}{', '.join(missing)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests whose programs are missing."""
    skipped = [(report.nodeid, _reason(report)) for report in terminalreporter.stats.get("skipped", [])]
    left_out = [(nodeid, reason) for nodeid, reason in skipped if reason.startswith(_NEEDS)]
    if left_out:
        terminalreporter.section("left out: a program is missing")
        for nodeid, reason in left_out:
            terminalreporter.line(f"{nodeid} ({reason})")


def _reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped."""
    return report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
