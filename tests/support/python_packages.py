"""Packages that tests install from an index, beside those of the project."""

import subprocess
import sys
from pathlib import Path


def pip_install(*arguments: str, python: Path | None = None) -> None:
    """Run `pip install`. It compiles no modules, which takes half of its time: a test imports few of them, and once.

    Args:
        python: the interpreter of another environment, which needs no pip of its own.
    """
    of_environment = ["--python", str(python)] if python else []
    command = [sys.executable, "-m", "pip", *of_environment, "install", "--quiet", "--no-compile", *arguments]
    subprocess.run(command, check=True, capture_output=True)
