"""Tests marked `tools("program", ...)` need programs, or files by their whole path, that Python packages do not bring.

Without one of them the test is skipped, and the run lists its name: a green run must not hide what it did not
try. In CI, which has them all, it fails.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

#: Not a program but what one may do here: run programs in a network of their own, which has no way out.
NETWORK_NAMESPACE = "a network namespace"
#: Nor is this: where pip gets packages from.
PACKAGE_INDEX = "a package index"
#: Where npm puts the programs of package.json.
NPM_PROGRAMS = Path(__file__).resolve().parents[2] / "node_modules/.bin"

_left_out = pytest.StashKey[list[str]]()
_missing = pytest.StashKey[list[str]]()


def path_of(program: str) -> str | None:
    """Return the path of a program on the PATH or installed by npm, or of a file by its whole path; None if missing."""
    if program == NETWORK_NAMESPACE:
        return _unshare()
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
def _package_index() -> str | None:
    ask = [sys.executable, "-m", "pip", "index", "versions", "six"]
    return None if subprocess.run(ask, capture_output=True, check=False).returncode else sys.executable


def leave_out(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Skip the tests whose programs are missing."""
    left_out = config.stash.setdefault(_left_out, [])
    for item in items:
        marker = item.get_closest_marker("tools")
        missing = [program for program in marker.args if path_of(program) is None] if marker else []
        if missing and os.environ.get("CI"):
            item.stash[_missing] = missing
        elif missing:
            item.add_marker(pytest.mark.skip(reason=f"needs {', '.join(missing)}"))
            left_out.append(f"{item.nodeid} (needs {', '.join(missing)})")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test whose programs CI lacks. An error during the collection would be lost in processes of xdist."""
    if missing := item.stash.get(_missing, None):
        pytest.fail(f"{item.nodeid} needs {', '.join(missing)}: .ci/run must install it.", pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List the programs that are missing."""
    left_out = config.stash.get(_left_out, [])
    if left_out:
        terminalreporter.section("left out: a program is missing")
        for line in left_out:
            terminalreporter.line(line)
