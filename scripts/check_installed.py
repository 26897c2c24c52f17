"""Report which pinned requirements this Python lacks: one line for each, and exit code 1 if there is one.

.venv/bin/python scripts/check_installed.py requirements.txt [another.txt ...]

Another tool may have changed the environment: `uv sync` and `pip uninstall` remove what the server needs without
touching the requirements files.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[.*\])?==([^\s;]+)\s*(;.*)?")


def lacking(text: str) -> list[str]:
    """Return the pins of a requirements file that are not installed as pinned; those of other systems do not count."""
    pins = [found for line in text.splitlines() if (found := _PIN.fullmatch(line.strip()))]
    return [
        f"{name}=={pinned}"
        for name, pinned, marker in map(re.Match.groups, pins)
        if not marker and _installed(name) != pinned
    ]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    found = [pin for name in sys.argv[1:] for pin in lacking(Path(name).read_text())]
    if found:
        sys.exit("\n".join(found))
